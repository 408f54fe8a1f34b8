#pragma once

#include "base/big_endian.h"
#include "prsm/storage_pool.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace zvisor {

/// Registers of a stopped CPU, as a partition's process tells them for a dump.
struct CpuStatus {
    Be<u16> address;
    u8 reserved[6] {};
    Be<u64> psw[2];
    Be<u64> general[16];
    Be<u32> access[16];
    Be<u64> control[16];
    Be<u64> vector[32][2];
    Be<u32> floating_point_control;
    Be<u32> tod_programmable;
    Be<u64> cpu_timer;
    Be<u64> clock_comparator;
    Be<u64> prefix;
};
static_assert(sizeof(CpuStatus) == 888);

/// The CPUs that a message of a partition's process lists as `cpus`; what is none is left out.
[[nodiscard]] std::vector<CpuStatus> cpus_of(const nlohmann::json& message);

/// What a dump is made of.
struct DumpSource {
    /// Descriptors of its own.
    HeldBlocks blocks;
    u64 block_size { 0 };
    /// None of a partition whose process ended while it operated.
    std::vector<CpuStatus> cpus {};
};

/// What a dump became: bytes of storage, and of it what is not zero; CPUs whose registers it shows.
struct DumpSize {
    u64 storage { 0 };
    u64 written { 0 };
    u16 cpus { 0 };
};

/// Writes a new file, an ELF core for s390x as gdb and crash read it: the notes of each CPU, then storage by its absolute addresses; pages
/// of zero are holes. `progress` is told how much storage has been looked at and ends the dump by returning false; no file is left then,
/// nor after an error.
[[nodiscard]] Result<DumpSize> write_dump(const std::string& path, const DumpSource& source, const std::function<bool(u64)>& progress);

} // namespace zvisor
