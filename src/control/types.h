#pragma once

#include "control/fields.h"

namespace zvisor {

/// Seconds a request may wait for something to happen.
constexpr u64 longest_wait = 60;
/// Bytes of console input that one request carries.
constexpr u64 longest_input = 32 * 1024;

constexpr FieldRules in_path { .place = Place::path, .required = true, .least = 1, .most = 64 };
constexpr FieldRules in_query { .place = Place::query };
constexpr FieldRules wait_rules { .place = Place::query, .most = longest_wait };

// ---- What is asked ---------------------------------------------------------------------------------------------------

struct NoArguments {
    static constexpr std::string_view schema_name = "NoArguments";
    static constexpr auto fields() { return std::tuple(); }
};

struct PartitionName {
    std::string name;

    static constexpr std::string_view schema_name = "PartitionName";
    static constexpr auto fields() { return std::tuple(field("name", &PartitionName::name, "Name of the partition", in_path)); }
};

struct MachineStop {
    bool now { false };

    static constexpr std::string_view schema_name = "MachineStop";
    static constexpr auto fields()
    {
        return std::tuple(field("now", &MachineStop::now, "End the programs too, without asking them to shut down"));
    }
};

/// Members that are nothing stay as they are.
struct PartitionProperties {
    std::string name;
    std::optional<u16> weight {};
    std::optional<bool> capped {};
    std::optional<double> cap {};

    static constexpr std::string_view schema_name = "PartitionProperties";
    static constexpr auto fields()
    {
        using P = PartitionProperties;
        return std::tuple(field("name", &P::name, "Name of the partition", in_path),
            field("weight", &P::weight, "Processing weight among shared CPUs", { .least = 1, .most = 999 }),
            field("capped", &P::capped, "It never gets more than its weight's share"),
            field("cap", &P::cap, "Absolute cap in physical CPUs, in hundredths; 0 removes it", { .most = 248 }));
    }
};

/// CPUs a partition can have.
constexpr u64 most_moved_cpus = 62;
/// What moves is waited for at one partition, at the other, and where it goes back to.
constexpr unsigned waits_of_move = 3;

/// Members of every move: who gives and who takes, `what` is moved, and the time each of the two programs has.
template<class M>
[[nodiscard]] constexpr auto move_fields(std::string_view patience, const auto&... what)
{
    return std::tuple(field("name", &M::name, "Name of the partition that gives", in_path),
        field("to", &M::to, "Name of the partition that takes", { .required = true, .least = 1, .most = 64 }), what...,
        field("wait", &M::wait, patience, { .least = 1, .most = 600 }));
}

struct StorageMove {
    std::string name;
    std::string to;
    u64 bytes { 0 };
    u16 wait { 60 };

    /// How often the machine may wait as long as `wait` says.
    [[nodiscard]] unsigned most_waits() const { return waits_of_move; }

    static constexpr std::string_view schema_name = "StorageMove";
    static constexpr auto fields()
    {
        return move_fields<StorageMove>(
            "Seconds each of the two programs has to take it offline or online, and the first to take back what was refused",
            field("bytes", &StorageMove::bytes, "How much; a multiple of the machine's block size", { .required = true, .least = 1 }));
    }
};

struct CpuMove {
    std::string name;
    std::string to;
    u16 count { 0 };
    u16 wait { 60 };

    [[nodiscard]] unsigned most_waits() const { return waits_of_move * count; }

    static constexpr std::string_view schema_name = "CpuMove";
    static constexpr auto fields()
    {
        return move_fields<CpuMove>("Seconds each of the two programs has for each CPU",
            field("count", &CpuMove::count, "How many CPUs", { .required = true, .least = 1, .most = most_moved_cpus }));
    }
};

struct BoardMove {
    std::string name;
    std::string to;
    std::string board;
    u16 wait { 60 };

    /// For the storage, and for each CPU.
    [[nodiscard]] unsigned most_waits() const { return waits_of_move * static_cast<unsigned>(1 + most_moved_cpus); }

    static constexpr std::string_view schema_name = "BoardMove";
    static constexpr auto fields()
    {
        return move_fields<BoardMove>("Seconds each of the two programs has for the storage, and for each CPU",
            field("board", &BoardMove::board, "Name of the board", { .required = true, .least = 1, .most = 64 }));
    }
};

struct PartitionDump {
    std::string name;
    std::string file;
    u16 wait { 600 };

    static constexpr std::string_view schema_name = "PartitionDump";
    static constexpr auto fields()
    {
        using D = PartitionDump;
        return std::tuple(field("name", &D::name, "Name of the partition", in_path),
            field("file", &D::file, "Absolute name of a new file on the machine's host", { .required = true, .least = 1, .most = 4096 }),
            field("wait", &D::wait, "Seconds it may take", { .least = 1, .most = 3600 }));
    }
};

/// What begins the events that tell how a move or a dump goes.
constexpr std::string_view move_prefix = "move: ";
constexpr std::string_view dump_prefix = "dump: ";

struct EventQuery {
    u64 after { 0 };
    u16 wait { 30 };

    static constexpr std::string_view schema_name = "EventQuery";
    static constexpr auto fields()
    {
        return std::tuple(field("after", &EventQuery::after, "Number of the last event that is known already", in_query),
            field("wait", &EventQuery::wait, "Seconds to wait for an event when there is none", wait_rules));
    }
};

struct EventStreamQuery {
    u64 after { 0 };

    static constexpr std::string_view schema_name = "EventStreamQuery";
    static constexpr auto fields()
    {
        return std::tuple(field("after", &EventStreamQuery::after, "Number of the last event that is known already", in_query));
    }
};

struct ConsoleQuery {
    std::string name;
    u64 from { 0 };
    u16 wait { 30 };

    static constexpr std::string_view schema_name = "ConsoleQuery";
    static constexpr auto fields()
    {
        return std::tuple(field("name", &ConsoleQuery::name, "Name of the partition", in_path),
            field("from", &ConsoleQuery::from, "Place to read on from: `next` of the answer before, 0 for all that is kept", in_query),
            field("wait", &ConsoleQuery::wait, "Seconds to wait for text when there is none", wait_rules));
    }
};

struct ConsoleInput {
    std::string name;
    std::string text;

    static constexpr std::string_view schema_name = "ConsoleInput";
    static constexpr auto fields()
    {
        return std::tuple(field("name", &ConsoleInput::name, "Name of the partition", in_path),
            field(
                "text", &ConsoleInput::text, "What is typed", { .required = true, .least = 1, .most = longest_input, .whole_body = true }));
    }
};

// ---- What is answered ------------------------------------------------------------------------------------------------

struct Accepted {
    static constexpr std::string_view schema_name = "Accepted";
    static constexpr auto fields() { return std::tuple(); }
};

struct ErrorInfo {
    std::string error;

    static constexpr std::string_view schema_name = "Error";
    static constexpr auto fields() { return std::tuple(field("error", &ErrorInfo::error, "A sentence: what, where, what was expected")); }
};

struct BoardInfo {
    std::string name;
    u16 physical_cpus { 0 };
    u64 storage { 0 };
    u64 storage_free { 0 };

    static constexpr std::string_view schema_name = "Board";
    static constexpr auto fields()
    {
        using B = BoardInfo;
        return std::tuple(field("name", &B::name, "Name of the board"), field("physical_cpus", &B::physical_cpus, "Host CPUs on it"),
            field("storage", &B::storage, "Bytes of storage on it"),
            field("storage_free", &B::storage_free, "Bytes that no partition has"));
    }
};

/// What a partition has on a board.
struct BoardPartInfo {
    std::string board;
    u16 cpus { 0 };
    u64 storage { 0 };

    static constexpr std::string_view schema_name = "BoardPart";
    static constexpr auto fields()
    {
        using B = BoardPartInfo;
        return std::tuple(field("board", &B::board, "Name of the board"), field("cpus", &B::cpus, "Configured CPUs that are placed on it"),
            field("storage", &B::storage, "Bytes of its storage on it"));
    }
};

struct MachineInfo {
    std::string name;
    u64 pid { 0 };
    u16 physical_cpus { 0 };
    u64 storage { 0 };
    u64 storage_free { 0 };
    u64 block_size { 0 };
    u16 partitions { 0 };
    u16 partitions_operating { 0 };
    std::vector<BoardInfo> boards {};
    std::string control_groups {};

    static constexpr std::string_view schema_name = "Machine";
    static constexpr auto fields()
    {
        using M = MachineInfo;
        return std::tuple(field("name", &M::name, "Name of the machine (CPC)"), field("pid", &M::pid, "Its process on the host"),
            field("physical_cpus", &M::physical_cpus, "Host CPUs that logical CPUs run on"),
            field("storage", &M::storage, "Bytes of storage for all partitions"),
            field("storage_free", &M::storage_free, "Bytes that no partition has"),
            field("block_size", &M::block_size, "Bytes of a logical memory block"),
            field("partitions", &M::partitions, "Number of partitions"),
            field("partitions_operating", &M::partitions_operating, "Number of those that run a program"),
            field("boards", &M::boards, "The boards it is made of, when it is"),
            field("control_groups", &M::control_groups,
                "The host's control group that those of the partitions are in, or why there are none"));
    }
};

/// Where the time of a logical CPU went, since the partition was activated.
struct LogicalCpuInfo {
    bool configured { false };
    double dispatched { 0 };
    double parked { 0 };
    double waiting { 0 };
    double ready { 0 };
    double stopped { 0 };
    u64 dispatches { 0 };

    static constexpr std::string_view schema_name = "LogicalCpu";
    static constexpr auto fields()
    {
        using L = LogicalCpuInfo;
        return std::tuple(field("configured", &L::configured, "It is no standby CPU"),
            field("dispatched", &L::dispatched, "Seconds it held a physical CPU"),
            field("parked", &L::parked, "Part of those in which it waited on it, since nobody else was ready"),
            field("waiting", &L::waiting, "Seconds in an enabled wait without a physical CPU"),
            field("ready", &L::ready, "Seconds it was ready, and others had the physical CPUs"),
            field("stopped", &L::stopped, "Seconds it was stopped"),
            field("dispatches", &L::dispatches, "Times it was given a physical CPU"));
    }
};

struct PartitionInfo {
    std::string name;
    u8 number { 0 };
    std::string state;
    std::string why;
    u64 pid { 0 };
    u16 cpus { 0 };
    u16 configured_cpus { 0 };
    u16 maximum_cpus { 0 };
    bool dedicated { false };
    u16 weight { 0 };
    bool capped { false };
    double cap { 0 };
    std::string group;
    bool autostart { false };
    u64 memory { 0 };
    u64 maximum_memory { 0 };
    u64 storage { 0 };
    double cpu_seconds { 0 };
    std::vector<BoardPartInfo> boards;
    std::vector<LogicalCpuInfo> logical_cpus;

    static constexpr std::string_view schema_name = "Partition";
    static constexpr auto fields()
    {
        using P = PartitionInfo;
        return std::tuple(field("name", &P::name, "Name of the partition"), field("number", &P::number, "Its number"),
            field("state", &P::state, "not-activated, not-operating, operating, stopped, disabled-wait or failed"),
            field("why", &P::why, "Why it is in this state, or nothing"),
            field("pid", &P::pid, "Its process on the host, 0 when it has none"), field("cpus", &P::cpus, "Logical CPUs it begins with"),
            field("configured_cpus", &P::configured_cpus, "Logical CPUs it has configured; without a process, those it begins with"),
            field("maximum_cpus", &P::maximum_cpus, "Logical CPUs it may configure"),
            field("dedicated", &P::dedicated, "Its logical CPUs have physical CPUs of their own"),
            field("weight", &P::weight, "Processing weight among shared CPUs, 1 to 999"),
            field("capped", &P::capped, "It never gets more than its weight's share"),
            field("cap", &P::cap, "Absolute cap in physical CPUs, 0 when there is none"),
            field("group", &P::group, "Group of partitions it shares a cap with, or nothing"),
            field("autostart", &P::autostart, "It is activated and loaded when the machine starts"),
            field("memory", &P::memory, "Bytes of storage it begins with"),
            field("maximum_memory", &P::maximum_memory, "Bytes of storage it may take online"),
            field("storage", &P::storage, "Bytes of storage it has"),
            field("cpu_seconds", &P::cpu_seconds, "CPU time of its process since it was activated"),
            field("boards", &P::boards, "What it has on each board, where the machine has boards"),
            field("logical_cpus", &P::logical_cpus, "Where the time of each of its logical CPUs went"));
    }
};

struct PartitionList {
    std::vector<PartitionInfo> partitions;

    static constexpr std::string_view schema_name = "Partitions";
    static constexpr auto fields()
    {
        return std::tuple(field("partitions", &PartitionList::partitions, "In the order of the machine file"));
    }
};

struct DumpInfo {
    std::string file;
    u64 storage { 0 };
    u64 written { 0 };
    u16 cpus { 0 };

    static constexpr std::string_view schema_name = "Dump";
    static constexpr auto fields()
    {
        using D = DumpInfo;
        return std::tuple(field("file", &D::file, "The file"), field("storage", &D::storage, "Bytes of storage it shows"),
            field("written", &D::written, "Bytes of those that are not zero"),
            field("cpus", &D::cpus, "CPUs whose registers it shows; 0 when those ended with the process"));
    }
};

struct EventInfo {
    u64 number { 0 };
    std::string time;
    std::string partition;
    std::string text;

    static constexpr std::string_view schema_name = "Event";
    static constexpr auto fields()
    {
        using E = EventInfo;
        return std::tuple(field("number", &E::number, "From 1, one more for each"),
            field("time", &E::time, "When, as 2026-01-31T12:34:56.789Z"),
            field("partition", &E::partition, "Name of the partition, nothing for the machine itself"),
            field("text", &E::text, "What happened"));
    }
};

struct EventList {
    std::vector<EventInfo> events;
    u64 next { 0 };

    static constexpr std::string_view schema_name = "Events";
    static constexpr auto fields()
    {
        return std::tuple(field("events", &EventList::events, "Oldest first; the last thousand are kept"),
            field("next", &EventList::next, "What to ask for `after` next"));
    }
};

struct ConsoleInfo {
    std::string text;
    u64 next { 0 };
    bool closed { false };

    static constexpr std::string_view schema_name = "Console";
    static constexpr auto fields()
    {
        return std::tuple(field("text", &ConsoleInfo::text, "What was shown; what is no UTF-8 is replaced"),
            field("next", &ConsoleInfo::next, "Place to read on from"),
            field("closed", &ConsoleInfo::closed, "The machine is ending, nothing more will come"));
    }
};

} // namespace zvisor
