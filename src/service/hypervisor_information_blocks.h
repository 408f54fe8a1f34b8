#pragma once

#include "base/big_endian.h"
#include "base/types.h"

#include <array>
#include <cstddef>

// Sections STORE HYPERVISOR INFORMATION stores, each at an offset the header gives. Texts are EBCDIC; CPUs count 65536 each in caps.

namespace zvisor {

struct HypervisorHeader {
    u8 flags { 0 };
    u8 reserved_1[6] {};
    /// Levels of hypervisor and guest sections that follow.
    u8 levels { 0 };
    Be<u16> total_length;
    Be<u16> header_length;
    Be<u16> machine_offset;
    Be<u16> machine_length;
    Be<u16> partition_offset;
    Be<u16> partition_length;
    /// Offset and length of hypervisor and guest, three times.
    Be<u16> level_sections[12];
    u8 reserved_44[4] {};

    /// No partition was allowed to look at the others.
    static constexpr u8 performance_data_missing = 0x80;
};
static_assert(sizeof(HypervisorHeader) == 48);

/// CPUs by type and by how they are used.
struct CpuCounts {
    Be<u16> shared_general;
    Be<u16> dedicated_general;
    Be<u16> shared_linux;
    Be<u16> dedicated_linux;
};
static_assert(sizeof(CpuCounts) == 8);

struct MachineSection {
    u8 flags[2] {};
    u8 valid { 0 };
    u8 reserved_3 { 0 };
    CpuCounts cpus;
    std::array<std::byte, 8> name {};
    std::array<std::byte, 4> type {};
    std::array<std::byte, 16> manufacturer {};
    std::array<std::byte, 16> sequence {};
    std::array<std::byte, 4> plant {};
    u8 reserved_60[4] {};

    static constexpr u8 name_valid = 0x20;
    static constexpr u8 identity_valid = 0x40;
    static constexpr u8 counts_valid = 0x80;
};
static_assert(sizeof(MachineSection) == 64);

struct PartitionSection {
    /// Bit 0: multithreading.
    u8 flags[2] {};
    u8 valid { 0 };
    u8 reserved_3 { 0 };
    Be<u16> number;
    CpuCounts cpus;
    u8 reserved_14[2] {};
    std::array<std::byte, 8> name {};
    /// Caps: 0 is none.
    Be<u32> weight_cap_general;
    Be<u32> absolute_cap_general;
    Be<u32> weight_cap_linux;
    Be<u32> absolute_cap_linux;
    std::array<std::byte, 8> group {};
    Be<u32> group_cap_general;
    Be<u32> group_cap_linux;

    static constexpr u8 group_valid = 0x08;
    static constexpr u8 identity_valid = 0x10;
    static constexpr u8 absolute_cap_valid = 0x20;
    static constexpr u8 weight_cap_valid = 0x40;
    static constexpr u8 counts_valid = 0x80;
};
static_assert(sizeof(PartitionSection) == 56);

} // namespace zvisor
