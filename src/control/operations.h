#pragma once

#include "control/operation.h"
#include "control/types.h"

#include <span>

namespace zvisor {

/// A body that is no JSON of ours.
struct PlainText {
    std::string content_type;
    std::string body;
};

/// Events as they come, a JSON object a line.
struct EventLines {
    u64 after { 0 };
};

/// Everything that can be asked of and done to a machine: the one door of command line, scripts and services.
namespace operations {

extern const Operation<NoArguments, MachineInfo> show_machine;
extern const Operation<MachineStop, Accepted> stop_machine;
extern const Operation<NoArguments, PartitionList> list_partitions;
extern const Operation<PartitionName, PartitionInfo> show_partition;
extern const Operation<PartitionName, PartitionInfo> activate;
extern const Operation<PartitionName, PartitionInfo> deactivate;
extern const Operation<PartitionName, PartitionInfo> load;
extern const Operation<PartitionName, PartitionInfo> start;
extern const Operation<PartitionName, PartitionInfo> stop;
extern const Operation<PartitionName, PartitionInfo> reset;
extern const Operation<PartitionName, PartitionInfo> shut_down;
extern const Operation<PartitionProperties, PartitionInfo> set_properties;
extern const Operation<StorageMove, PartitionList> move_storage;
extern const Operation<CpuMove, PartitionList> move_cpus;
extern const Operation<BoardMove, PartitionList> move_board;
extern const Operation<PartitionDump, DumpInfo> dump;
extern const Operation<EventQuery, EventList> list_events;
extern const Operation<EventStreamQuery, EventLines> follow_events;
extern const Operation<ConsoleQuery, ConsoleInfo> read_console;
extern const Operation<ConsoleInput, Accepted> type_at_console;
extern const Operation<NoArguments, PlainText> metrics;
extern const Operation<NoArguments, PlainText> openapi;

} // namespace operations

/// All of them.
[[nodiscard]] std::span<const AnyOperation> all_operations();

} // namespace zvisor
