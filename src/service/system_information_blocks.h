#pragma once

#include "base/big_endian.h"
#include "base/types.h"

#include <array>
#include <cstddef>

// Blocks STORE SYSTEM INFORMATION stores (PoP ch. 10; Linux arch/s390/include/asm/sysinfo.h). Texts are EBCDIC
// unless said otherwise; reserved bytes are zero.

namespace zvisor {

template<std::size_t Size>
using EbcdicField = std::array<std::byte, Size>;

/// 1.1.1
struct BasicMachine {
    u8 reserved_0[2] {};
    u8 capacity_change_reason { 0 };
    u8 capacity_adjustment_indication { 0 };
    u8 reserved_4[20] {};
    Be<u64> licensed_internal_code;
    EbcdicField<16> manufacturer {};
    EbcdicField<4> type {};
    u8 reserved_52[12] {};
    EbcdicField<16> model_capacity {};
    EbcdicField<16> sequence {};
    EbcdicField<4> plant {};
    EbcdicField<16> model {};
    EbcdicField<16> permanent_capacity {};
    EbcdicField<16> temporary_capacity {};
    Be<u32> capacity_rating;
    Be<u32> permanent_capacity_rating;
    Be<u32> temporary_capacity_rating;
};
static_assert(sizeof(BasicMachine) == 160);

/// 1.2.1
struct BasicMachineCpu {
    u8 reserved_0[80] {};
    EbcdicField<16> sequence {};
    EbcdicField<4> plant {};
    u8 reserved_100[2] {};
    Be<u16> cpu_address;
};
static_assert(sizeof(BasicMachineCpu) == 104);

/// 1.2.2; a halfword adjustment factor for each number of CPUs from 2 follows.
struct BasicMachineCpus {
    u8 format { 0 };
    u8 reserved_1 { 0 };
    Be<u16> alternate_offset;
    /// Multithreading: bit 0 installed, then the highest thread of a core: of this type, of any.
    u8 threads[2] {};
    u8 reserved_6[18] {};
    Be<u32> nominal_capability;
    Be<u32> secondary_capability;
    Be<u32> capability;
    Be<u16> total;
    Be<u16> configured;
    Be<u16> standby;
    Be<u16> reserved;
};
static_assert(sizeof(BasicMachineCpus) == 44);

/// 2.2.1
struct PartitionCpu {
    u8 reserved_0[80] {};
    EbcdicField<16> sequence {};
    EbcdicField<4> plant {};
    Be<u16> logical_cpu_id;
    Be<u16> cpu_address;
};
static_assert(sizeof(PartitionCpu) == 104);

/// 2.2.2
struct PartitionCpus {
    u8 reserved_0[32] {};
    Be<u16> partition_number;
    u8 reserved_34 { 0 };
    u8 characteristics { 0 };
    Be<u16> total;
    Be<u16> configured;
    Be<u16> standby;
    Be<u16> reserved;
    EbcdicField<8> name {};
    Be<u32> adjustment_factor;
    u8 reserved_56[8] {};
    /// Multithreading: bit 0 installed, then the highest thread of a core: of any type, of this one, as activated.
    u8 threads[3] {};
    u8 reserved_67[5] {};
    Be<u16> dedicated;
    Be<u16> shared;
    u8 reserved_76[3] {};
    u8 extended_name_encoding { 0 };
    std::array<u8, 16> uuid {};
    u8 reserved_96[160] {};
    char extended_name[256] {};

    static constexpr u8 dedicated_cpus = 0x80;
    static constexpr u8 shared_cpus = 0x40;
    /// The capability is limited to a share: the adjustment factor says to which.
    static constexpr u8 limited = 0x20;
    static constexpr u8 utf8 = 2;
};
static_assert(sizeof(PartitionCpus) == 512);

/// 3.2.2: one description for each level of control program, the innermost first.
struct VirtualMachine {
    u8 reserved_0[4] {};
    Be<u16> total;
    Be<u16> configured;
    Be<u16> standby;
    Be<u16> reserved;
    EbcdicField<8> name {};
    Be<u32> adjustment_factor;
    EbcdicField<16> control_program {};
    u8 reserved_40[3] {};
    u8 extended_name_encoding { 0 };
    u8 reserved_44[4] {};
    std::array<u8, 16> uuid {};

    static constexpr u8 utf8 = 2;
};
static_assert(sizeof(VirtualMachine) == 64);

struct VirtualMachineCpus {
    u8 reserved_0[31] {};
    u8 count { 0 };
    VirtualMachine machines[8];
    u8 reserved_544[1504] {};
    char extended_names[8][256] {};
};
static_assert(sizeof(VirtualMachineCpus) == 4096);

/// 15.1.2 to 15.1.6; topology-list entries follow.
struct TopologyInformation {
    u8 reserved_0[2] {};
    /// Bytes stored, this header included.
    Be<u16> length;
    /// Most entries of each nesting level in one of the next, from level 6 to level 1.
    u8 magnitudes[6] {};
    u8 reserved_10 { 0 };
    /// Nesting levels, the CPUs' included.
    u8 nesting { 0 };
    u8 reserved_12[4] {};
};
static_assert(sizeof(TopologyInformation) == 16);

struct TopologyContainer {
    u8 nesting_level { 0 };
    u8 reserved[6] {};
    u8 id { 0 };
};
static_assert(sizeof(TopologyContainer) == 8);

/// CPUs of one type and polarization, up to 64: bit n of the mask is address origin+n.
struct TopologyCpus {
    u8 nesting_level { 0 };
    u8 reserved_1[3] {};
    u8 dedicated_and_polarization { 0 };
    u8 type { 0 };
    Be<u16> origin;
    Be<u64> mask;

    static constexpr u8 dedicated = 0x04;
    /// Bits 6-7: 0 is horizontal.
    static constexpr u8 polarization = 0x03;
};
static_assert(sizeof(TopologyCpus) == 16);

} // namespace zvisor
