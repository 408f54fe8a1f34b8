#pragma once

#include "base/types.h"

#include <string>
#include <vector>

namespace zvisor {

/// CPU types as the configuration topology, SCLP and the name table of DIAGNOSE X'224' number them.
enum class CpuType : u8 { general_purpose = 0, linux_facility = 3 };

/// Where the time of a logical CPU went since it is there. Times are in nanoseconds.
struct LogicalCpuActivity {
    bool online { false };
    /// In the configured state.
    u64 online_time { 0 };
    /// Dispatched on a physical CPU and executing.
    u64 dispatched { 0 };
    /// Spent by the firmware on behalf of this CPU.
    u64 overhead { 0 };
    /// In an enabled wait.
    u64 waiting { 0 };
};

/// A logical partition and what it has used.
struct LogicalPartition {
    std::string name {};
    /// 1..255.
    u8 number { 0 };
    /// Has CPUs and storage; others are known by name alone.
    bool active { false };
    bool dedicated { false };
    /// Never more than the weight's share.
    bool capped { false };
    /// 1..999; of no meaning with dedicated CPUs.
    u16 weight { 0 };
    /// Absolute caps in hundredths of a physical CPU, of the partition and of its group; 0: none.
    u32 cap_hundredths { 0 };
    std::string group {};
    u32 group_cap_hundredths { 0 };
    /// What the program calls itself (control-program identification), up to 8 characters.
    std::string program {};
    /// Bytes.
    u64 storage { 0 };
    /// By CPU address, as many as the partition can have.
    std::vector<LogicalCpuActivity> cpus {};
};

/// What a machine's partitions have used, as far as the one that asks may know.
struct MachineActivity {
    /// All partitions are listed, and the firmware's own time; else the one that asks alone.
    bool global { false };
    /// Number of the partition that asks.
    u8 own { 0 };
    u16 physical_cpus { 0 };
    /// Of the physical CPUs, those dedicated to partitions.
    u16 dedicated_physical_cpus { 0 };
    /// Time the firmware spent for no partition in particular, in nanoseconds.
    u64 management { 0 };
    std::vector<LogicalPartition> partitions {};

    /// The partition that asks; null when it is not listed.
    [[nodiscard]] const LogicalPartition* asking() const
    {
        for (const auto& partition : partitions)
            if (partition.number == own)
                return &partition;
        return nullptr;
    }
};

} // namespace zvisor
