#pragma once

#include "base/types.h"

#include <string>
#include <vector>

namespace zvisor {

/// What a partition may know and do beyond itself; all off by default, as PR/SM has it.
struct PartitionAuthority {
    /// Sees the activity of the other partitions (DIAGNOSE 204).
    bool global_performance_data { false };
};

/// One logical partition as the machine file defines it.
struct PartitionDefinition {
    /// 1 to 8 letters, digits and the like, in capitals.
    std::string name {};
    /// 1..255, unique in the machine.
    u8 number { 0 };
    /// Bytes; multiples of the machine's block size.
    u64 memory { 0 };
    u64 maximum_memory { 0 };
    /// The machine's.
    u64 block_size { 0 };
    u16 cpus { 1 };
    u16 maximum_cpus { 1 };
    bool dedicated { false };
    /// Processing weight, 1..999; among shared logical CPUs only.
    u16 weight { 100 };
    /// Initial capping: never more than the weight's share.
    bool capped { false };
    /// Absolute cap in physical CPUs, in hundredths; 0 is none.
    u32 cap_hundredths { 0 };
    /// Group of partitions that share a cap; empty is none.
    std::string group {};
    /// Activated, and its program loaded, when the machine starts.
    bool autostart { true };
    /// It has a port for the guest agent of its program.
    bool agent { true };
    PartitionAuthority authority {};
    /// Its networks, each as text for who starts their processes.
    std::vector<std::string> networks {};
    /// What the partition's process assembles: keys of a machine file, as TOML.
    std::string profile {};
};

/// A cap that several partitions keep together.
struct GroupDefinition {
    std::string name {};
    /// In physical CPUs, in hundredths.
    u32 cap_hundredths { 0 };
};

/// A board (book) of a machine: physical CPUs and storage that lie together.
struct BoardDefinition {
    std::string name {};
    u16 cpus { 0 };
    /// Bytes, a multiple of the block size.
    u64 storage { 0 };
};

/// A machine (CPC): what there is to give, and the partitions.
struct MachineDefinition {
    std::string name {};
    /// Host CPUs that logical CPUs are dispatched on.
    u16 physical_cpus { 1 };
    /// Bytes of storage for all partitions.
    u64 storage { 0 };
    /// Bytes of a logical memory block, 1 MiB..256 MiB, a power of two.
    u64 block_size { u64 { 64 } << 20 };
    std::vector<GroupDefinition> groups {};
    /// What the physical CPUs and the storage are the sums of; none: the machine is one.
    std::vector<BoardDefinition> boards {};
    std::vector<PartitionDefinition> partitions {};
};

} // namespace zvisor
