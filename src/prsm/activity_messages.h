#pragma once

#include "prsm/definition.h"
#include "prsm/dispatcher.h"

#include <nlohmann/json.hpp>
#include <span>

namespace zvisor {

/// One partition's part of the machine's activity.
struct PartitionUsage {
    /// With the properties it has now.
    PartitionDefinition definition;
    bool active { false };
    /// Bytes of storage it has.
    u64 storage { 0 };
    std::vector<prsm::LogicalCpuUsage> cpus {};
};

/// The orders `activity` that tell a partition what all partitions used: several, since the CPUs of all partitions do not fit one message.
/// Members: `physical` and `dedicated`: physical CPUs, `management`: the firmware's own time, `partitions`: objects with the definition's
/// properties and `cpus`, for each an array [configured, online, executing, waiting]; `last` in the last. Times are in nanoseconds.
[[nodiscard]] std::vector<nlohmann::json> activity_messages(
    const MachineDefinition& machine, std::span<const PartitionUsage> partitions, std::chrono::nanoseconds management);

} // namespace zvisor
