#include "prsm/activity_messages.h"

#include <algorithm>

namespace zvisor {

namespace {

/// With 62 CPUs each this many are far from the longest message of a link.
constexpr std::size_t partitions_a_message = 12;

[[nodiscard]] nlohmann::json cpu_times(const prsm::LogicalCpuUsage& usage)
{
    // Who waits on its physical CPU since nobody else wants it does not execute.
    auto executing = usage.dispatched - usage.parked;
    auto waiting = usage.waiting + usage.parked;
    return nlohmann::json::array({ usage.configured, static_cast<u64>(usage.online.count()), static_cast<u64>(executing.count()),
        static_cast<u64>(waiting.count()) });
}

[[nodiscard]] u32 group_cap(const MachineDefinition& machine, const std::string& group)
{
    auto found = std::ranges::find(machine.groups, group, &GroupDefinition::name);
    return found == machine.groups.end() ? 0 : found->cap_hundredths;
}

[[nodiscard]] nlohmann::json partition_object(const MachineDefinition& machine, const PartitionUsage& usage)
{
    const auto& definition = usage.definition;
    auto cpus = nlohmann::json::array();
    for (const auto& cpu : usage.cpus)
        cpus.push_back(cpu_times(cpu));
    // Those of an inactive partition have done nothing.
    while (cpus.size() < definition.maximum_cpus)
        cpus.push_back(cpu_times({}));
    return { { "name", definition.name }, { "number", definition.number }, { "active", usage.active },
        { "dedicated", definition.dedicated }, { "capped", definition.capped }, { "weight", definition.weight },
        { "cap", definition.cap_hundredths }, { "group", definition.group }, { "group_cap", group_cap(machine, definition.group) },
        { "storage", usage.storage }, { "cpus", std::move(cpus) } };
}

[[nodiscard]] u64 dedicated_cpus(std::span<const PartitionUsage> partitions)
{
    u64 count = 0;
    for (const auto& partition : partitions)
        if (partition.active && partition.definition.dedicated)
            count += static_cast<u64>(std::ranges::count_if(partition.cpus, &prsm::LogicalCpuUsage::configured));
    return count;
}

} // namespace

std::vector<nlohmann::json> activity_messages(
    const MachineDefinition& machine, std::span<const PartitionUsage> partitions, std::chrono::nanoseconds management)
{
    const nlohmann::json head { { "order", "activity" }, { "id", 0 }, { "physical", machine.physical_cpus },
        { "dedicated", dedicated_cpus(partitions) }, { "management", static_cast<u64>(management.count()) }, { "last", false } };
    std::vector<nlohmann::json> messages;
    for (std::size_t first = 0; first < partitions.size(); first += partitions_a_message) {
        messages.push_back(head);
        auto& list = messages.back()["partitions"] = nlohmann::json::array();
        for (const auto& usage : partitions.subspan(first, std::min(partitions_a_message, partitions.size() - first)))
            list.push_back(partition_object(machine, usage));
    }
    if (!messages.empty())
        messages.back()["last"] = true;
    return messages;
}

} // namespace zvisor
