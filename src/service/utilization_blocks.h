#pragma once

#include "base/big_endian.h"
#include "base/types.h"

#include <array>
#include <cstddef>

// What DIAGNOSE X'204' stores: a header, then each partition and its CPUs, then the physical CPUs (facts: Linux
// arch/s390/include/asm/diag.h and arch/s390/hypfs/hypfs_diag.c). Texts are EBCDIC, times are in microseconds.

namespace zvisor {

struct UtilizationHeader {
    u8 partitions { 0 };
    u8 flags { 0 };
    /// Milliseconds, 0 when the firmware chooses.
    Be<u16> time_slice;
    Be<u16> physical_cpus;
    /// Offset of the block of the partition that asks.
    Be<u16> own_offset;

    /// The block of physical CPUs follows.
    static constexpr u8 physical_block = 0x80;
};
static_assert(sizeof(UtilizationHeader) == 8);

/// Weight of a dedicated CPU.
constexpr u16 dedicated_weight = 0xffff;

struct CpuUtilization {
    Be<u16> address;
    u8 reserved_2[2] {};
    u8 type { 0 };
    u8 flags { 0 };
    Be<u16> weight;
    /// Dispatched, what the firmware did for it included, and without that.
    Be<u64> accumulated;
    Be<u64> effective;

    static constexpr u8 online = 0x20;
    static constexpr u8 capped = 0x40;
};
static_assert(sizeof(CpuUtilization) == 24);

struct SimpleUtilization {
    struct Header {
        UtilizationHeader common;
        Be<u64> tod;
    };
    struct Partition {
        u8 number { 0 };
        u8 cpus { 0 };
        u8 reserved_2[6] {};
        std::array<std::byte, 8> name {};
    };
    using Cpu = CpuUtilization;
};
static_assert(sizeof(SimpleUtilization::Header) == 16 && sizeof(SimpleUtilization::Partition) == 16);

struct ExtendedUtilization {
    struct Header {
        UtilizationHeader common;
        /// The extended TOD clock.
        Be<u64> tod[2];
        u8 reserved_24[40] {};
    };
    struct Partition {
        u8 number { 0 };
        /// Those online, and those described.
        u8 cpus { 0 };
        u8 listed_cpus { 0 };
        u8 flags { 0 };
        Be<u32> capacity_limit;
        std::array<std::byte, 8> name {};
        std::array<std::byte, 8> cluster {};
        std::array<std::byte, 8> program {};
        /// In MiB.
        Be<u64> central_storage;
        Be<u64> expanded_storage;
        u8 user_id { 0 };
        /// Bits 3-7: highest thread of a core.
        u8 threads { 0 };
        u8 reserved_50[2] {};
        Be<u32> group_capacity_limit;
        std::array<std::byte, 8> capacity_group {};
        std::array<std::byte, 8> hardware_group {};
        u8 reserved_72[24] {};
    };
    struct Cpu {
        CpuUtilization common;
        Be<u16> minimum_weight;
        Be<u16> current_weight;
        Be<u16> maximum_weight;
        u8 reserved_30[2] {};
        Be<u64> online;
        Be<u64> waiting;
        Be<u32> managed_weight;
        Be<u32> polarization_weight;
        /// In hundredths of a physical CPU.
        Be<u32> cap;
        Be<u32> group_cap;
        u8 reserved_64[32] {};
    };
};
static_assert(sizeof(ExtendedUtilization::Header) == 64 && sizeof(ExtendedUtilization::Partition) == 96);
static_assert(sizeof(ExtendedUtilization::Cpu) == 96);

/// Physical CPUs: in extended data each of the two is padded to 96 bytes.
struct PhysicalUtilization {
    struct Header {
        u8 reserved_0 { 0 };
        u8 cpus { 0 };
        u8 reserved_2[6] {};
        std::array<std::byte, 8> name {};
    };
    struct Cpu {
        Be<u16> address;
        u8 reserved_2[2] {};
        u8 type { 0 };
        u8 reserved_5 { 0 };
        Be<u16> weight;
        /// Spent by the firmware for no partition in particular.
        Be<u64> management;
        u8 reserved_16[8] {};
    };
    static constexpr std::size_t extended_size = 96;
};
static_assert(sizeof(PhysicalUtilization::Header) == 16 && sizeof(PhysicalUtilization::Cpu) == 24);

} // namespace zvisor
