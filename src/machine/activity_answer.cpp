#include "machine/activity_answer.h"

#include <fmt/format.h>

namespace zvisor {

namespace {

[[nodiscard]] LogicalCpuActivity cpu_of(const nlohmann::json& times)
{
    return { .online = times.at(0).get<bool>(),
        .online_time = times.at(1).get<u64>(),
        .dispatched = times.at(2).get<u64>(),
        .overhead = 0,
        .waiting = times.at(3).get<u64>() };
}

[[nodiscard]] LogicalPartition partition_of(const nlohmann::json& object)
{
    LogicalPartition partition { .name = object.at("name").get<std::string>(),
        .number = object.at("number").get<u8>(),
        .active = object.at("active").get<bool>(),
        .dedicated = object.at("dedicated").get<bool>(),
        .capped = object.at("capped").get<bool>(),
        .weight = object.at("weight").get<u16>(),
        .cap_hundredths = object.at("cap").get<u32>(),
        .group = object.at("group").get<std::string>(),
        .group_cap_hundredths = object.at("group_cap").get<u32>(),
        .program = {},
        .storage = object.at("storage").get<u64>(),
        .cpus = {} };
    for (const auto& times : object.at("cpus"))
        partition.cpus.push_back(cpu_of(times));
    return partition;
}

} // namespace

Result<void> add_activity(const nlohmann::json& order, MachineActivity& activity)
{
    try {
        activity.global = true;
        activity.physical_cpus = order.at("physical").get<u16>();
        activity.dedicated_physical_cpus = order.at("dedicated").get<u16>();
        activity.management = order.at("management").get<u64>();
        for (const auto& object : order.at("partitions"))
            activity.partitions.push_back(partition_of(object));
    } catch (const nlohmann::json::exception& error) {
        return fail(fmt::format("the activity of the machine's partitions is not of the form expected: {}", error.what()));
    }
    return {};
}

} // namespace zvisor
