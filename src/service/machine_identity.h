#pragma once

#include "base/types.h"

#include <array>
#include <string>

namespace zvisor {

/// What the program runs under, as STORE SYSTEM INFORMATION shows it: the current level is 2 in a logical
/// partition and 3 under a control program, whose name a guest reads from STSI 3.2.2.
enum class Personality : u8 { lpar, kvm, zvm };

/// Who the machine, the partition and the virtual machine say they are. Texts are cut to their fields.
struct MachineIdentity {
    std::string manufacturer { "IBM" };
    /// Four digits, such as 8561 of a z15 (Model::machine_type).
    u16 machine_type { 0x8561 };
    std::string model { "T01" };
    /// Model-capacity identifier: a letter-and-digit name of the number and speed of CPUs.
    std::string model_capacity { "701" };
    /// Sequence code; its last five hexadecimal digits give the CPU identification.
    std::string sequence { "0000000000012345" };
    std::string plant { "02" };
    /// Cost of a unit of work: a lower number is a faster CPU.
    u32 capability { 3000 };

    Personality personality { Personality::kvm };
    std::string partition_name { "ZVISOR" };
    /// 1..255.
    u8 partition_number { 1 };
    bool dedicated_cpus { false };
    /// Of the machine (CPC), up to 8 characters; may be empty.
    std::string machine_name {};
    /// Of the whole machine; 0: those of the configuration.
    u16 physical_cpus { 0 };

    /// Of the virtual machine, under a control program: short name and the longer one it may have.
    std::string vm_name { "GUEST" };
    std::string vm_extended_name { "guest" };
    /// Of the virtual machine, or of the partition when there is none.
    std::array<u8, 16> uuid {};

    /// CPUs that share a socket in the topology, 1..64.
    u8 cpus_per_socket { 8 };
};

/// The control program's identifier in STSI 3.2.2, up to 16 characters; empty in a logical partition.
[[nodiscard]] std::string_view control_program_identifier(Personality personality);

} // namespace zvisor
