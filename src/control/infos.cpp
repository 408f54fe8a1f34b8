#include "control/infos.h"

#include <algorithm>
#include <fmt/chrono.h>
#include <unistd.h>

namespace zvisor {

namespace {

[[nodiscard]] std::vector<BoardInfo> boards_of_machine(const Firmware& firmware)
{
    std::vector<BoardInfo> infos;
    auto storage = firmware.storage().boards();
    u64 block = firmware.storage().block_size();
    for (std::size_t i = 0; i < firmware.definition().boards.size(); ++i) {
        const auto& board = firmware.definition().boards[i];
        infos.push_back(
            { .name = board.name, .physical_cpus = board.cpus, .storage = board.storage, .storage_free = storage[i].free * block });
    }
    return infos;
}

} // namespace

MachineInfo info_of(const Firmware& firmware)
{
    const auto& definition = firmware.definition();
    auto partitions = firmware.partitions();
    auto operating = std::ranges::count(partitions, PartitionState::operating, &PartitionStatus::state);
    return { .name = definition.name,
        .pid = static_cast<u64>(getpid()),
        .physical_cpus = definition.physical_cpus,
        .storage = definition.storage,
        .storage_free = firmware.storage().free() * firmware.storage().block_size(),
        .block_size = definition.block_size,
        .partitions = static_cast<u16>(partitions.size()),
        .partitions_operating = static_cast<u16>(operating),
        .boards = boards_of_machine(firmware),
        .control_groups = firmware.control_groups().description() };
}

namespace {

[[nodiscard]] double seconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

[[nodiscard]] LogicalCpuInfo info_of(const prsm::LogicalCpuUsage& usage)
{
    return { .configured = usage.configured,
        .dispatched = seconds(usage.dispatched),
        .parked = seconds(usage.parked),
        .waiting = seconds(usage.waiting),
        .ready = seconds(usage.ready),
        .stopped = seconds(usage.stopped),
        .dispatches = usage.dispatches };
}

} // namespace

PartitionInfo info_of(const PartitionStatus& status, const std::vector<BoardDefinition>& boards)
{
    auto info = info_of(status);
    for (std::size_t i = 0; i < std::min(boards.size(), status.boards.size()); ++i)
        info.boards.push_back(
            { .board = boards[i].name, .cpus = status.boards[i].cpus, .storage = status.boards[i].blocks * status.definition.block_size });
    return info;
}

PartitionInfo info_of(const PartitionStatus& status)
{
    const auto& definition = status.definition;
    std::vector<LogicalCpuInfo> cpus;
    for (const auto& usage : status.cpus)
        cpus.push_back(info_of(usage));
    auto configured = static_cast<u16>(std::ranges::count(cpus, true, &LogicalCpuInfo::configured));
    return { .name = definition.name,
        .number = definition.number,
        .state = std::string(name_of(status.state)),
        .why = status.why,
        .pid = static_cast<u64>(status.pid),
        .cpus = definition.cpus,
        .configured_cpus = status.pid != 0 ? configured : definition.cpus,
        .maximum_cpus = definition.maximum_cpus,
        .dedicated = definition.dedicated,
        .weight = definition.weight,
        .capped = definition.capped,
        .cap = definition.cap_hundredths / 100.0,
        .group = definition.group,
        .autostart = definition.autostart,
        .memory = definition.memory,
        .maximum_memory = definition.maximum_memory,
        .storage = status.storage,
        .cpu_seconds = static_cast<double>(status.cpu_time) / 1e9,
        .boards = {},
        .logical_cpus = std::move(cpus) };
}

EventInfo info_of(const MachineEvent& event)
{
    auto time = std::chrono::floor<std::chrono::milliseconds>(event.time);
    auto second = std::chrono::floor<std::chrono::seconds>(time);
    return { .number = event.number,
        .time
        = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(second)), (time - second).count()),
        .partition = event.partition,
        .text = event.text };
}

} // namespace zvisor
