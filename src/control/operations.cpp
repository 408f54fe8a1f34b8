#include "control/operations.h"

#include "control/infos.h"
#include "control/machine_end.h"
#include "control/metrics.h"
#include "control/openapi.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace zvisor {

namespace {

using std::chrono::milliseconds;

/// Who waits looks this often whether somebody still wants the answer.
constexpr milliseconds slice { 250 };
/// Seconds a program may take to begin before the answer goes without it: a running one is ended first.
constexpr u64 longest_load = 5;

/// Repeats `look(patience)` until it finds something, nobody wants it any more, or the time is over.
template<class Look>
[[nodiscard]] auto look_until_found(const Call& call, u64 seconds, Look&& look)
{
    auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    for (;;) {
        auto left = std::chrono::duration_cast<milliseconds>(limit - std::chrono::steady_clock::now());
        auto found = look(std::clamp(left, milliseconds(0), slice));
        if (found.second || left <= slice || call.abandoned())
            return std::move(found.first);
    }
}

// ---- Handlers --------------------------------------------------------------------------------------------------------

[[nodiscard]] Outcome<PartitionStatus> find(const Call& call, const std::string& name)
{
    auto found = call.firmware.partition(name);
    if (!found)
        return std::unexpected(Refusal { Refusal::not_found, found.error().message });
    return std::move(*found);
}

Outcome<MachineInfo> machine_of(Call& call, const NoArguments&)
{
    return info_of(call.firmware);
}

Outcome<Accepted> end_machine(Call& call, const MachineStop& arguments)
{
    call.end.request(arguments.now);
    return Accepted {};
}

Outcome<PartitionList> partitions_of(Call& call, const NoArguments&)
{
    PartitionList list;
    for (const auto& status : call.firmware.partitions())
        list.partitions.push_back(info_of(status, call.firmware.definition().boards));
    return list;
}

Outcome<PartitionInfo> partition_of(Call& call, const PartitionName& arguments)
{
    return info_of(TRY(find(call, arguments.name)), call.firmware.definition().boards);
}

template<Result<void> (Firmware::*order)(std::string_view)>
Outcome<PartitionInfo> give_order(Call& call, const PartitionName& arguments)
{
    TRY_VOID(find(call, arguments.name));
    TRY_VOID((call.firmware.*order)(arguments.name));
    return partition_of(call, arguments);
}

/// An order to load is accepted before the program begins: who loads finds it operating afterwards.
Outcome<PartitionInfo> load_program(Call& call, const PartitionName& arguments)
{
    auto& events = call.firmware.events();
    auto known = events.after(0, milliseconds(0));
    u64 last = known.empty() ? 0 : known.back().number;
    TRY_VOID(give_order<&Firmware::load>(call, arguments));
    auto is_begin = [&](const MachineEvent& event) {
        return event.partition == arguments.name && event.text.starts_with(name_of(PartitionState::operating));
    };
    [[maybe_unused]] bool begun = look_until_found(call, longest_load, [&](milliseconds patience) {
        auto found = events.after(last, patience);
        bool any = std::ranges::any_of(found, is_begin);
        last = found.empty() ? last : found.back().number;
        return std::pair(any, any);
    });
    return partition_of(call, arguments);
}

Outcome<PartitionInfo> change_properties(Call& call, const PartitionProperties& arguments)
{
    TRY_VOID(find(call, arguments.name));
    PartitionChange change { .weight = arguments.weight, .capped = arguments.capped };
    if (arguments.cap) {
        change.cap_hundredths = static_cast<u32>(std::lround(*arguments.cap * 100));
        // Nobody who wants a small cap wants none.
        if (*arguments.cap > 0 && *change.cap_hundredths == 0)
            return std::unexpected(Refusal { Refusal::bad_request, "'cap' must be 0 or at least 0.01" });
    }
    TRY_VOID(call.firmware.set(arguments.name, change));
    return partition_of(call, { arguments.name });
}

template<class Arguments>
[[nodiscard]] MoveWatch watch_of(const Call& call, const Arguments& arguments, std::string_view prefix)
{
    return { .patience = std::chrono::seconds(arguments.wait),
        .progress = [&, prefix](const std::string& text) { call.firmware.events().add(arguments.name, std::string(prefix) + text); },
        .given_up = call.abandoned };
}

Outcome<PartitionList> both_of(Call& call, const std::string& name, const std::string& other)
{
    return PartitionList { { TRY(partition_of(call, { name })), TRY(partition_of(call, { other })) } };
}

Outcome<PartitionList> move_bytes(Call& call, const StorageMove& arguments)
{
    TRY_VOID(both_of(call, arguments.name, arguments.to));
    TRY_VOID(call.firmware.move_memory(arguments.name, arguments.to, arguments.bytes, watch_of(call, arguments, move_prefix)));
    return both_of(call, arguments.name, arguments.to);
}

Outcome<PartitionList> move_some_cpus(Call& call, const CpuMove& arguments)
{
    TRY_VOID(both_of(call, arguments.name, arguments.to));
    TRY_VOID(call.firmware.move_cpus(arguments.name, arguments.to, arguments.count, watch_of(call, arguments, move_prefix)));
    return both_of(call, arguments.name, arguments.to);
}

Outcome<PartitionList> move_parts_of_board(Call& call, const BoardMove& arguments)
{
    TRY_VOID(both_of(call, arguments.name, arguments.to));
    TRY_VOID(call.firmware.move_board(arguments.board, arguments.name, arguments.to, watch_of(call, arguments, move_prefix)));
    return both_of(call, arguments.name, arguments.to);
}

Outcome<DumpInfo> dump_to_file(Call& call, const PartitionDump& arguments)
{
    TRY_VOID(find(call, arguments.name));
    if (arguments.file.front() != '/')
        return std::unexpected(Refusal { Refusal::bad_request, "'file' must be an absolute name" });
    auto size = TRY(call.firmware.dump(arguments.name, arguments.file, watch_of(call, arguments, dump_prefix)));
    return DumpInfo { .file = arguments.file, .storage = size.storage, .written = size.written, .cpus = size.cpus };
}

Outcome<EventList> events_of(Call& call, const EventQuery& arguments)
{
    auto events = look_until_found(call, arguments.wait, [&](milliseconds patience) {
        auto found = call.firmware.events().after(arguments.after, patience);
        bool any = !found.empty();
        return std::pair(std::move(found), any);
    });
    EventList list { .events = {}, .next = arguments.after };
    for (const auto& event : events)
        list.events.push_back(info_of(event));
    if (!events.empty())
        list.next = events.back().number;
    return list;
}

Outcome<EventLines> event_lines_of(Call&, const EventStreamQuery& arguments)
{
    return EventLines { arguments.after };
}

/// Length of `text` without a character at its end that has begun and is not complete.
[[nodiscard]] std::size_t complete_length(std::string_view text)
{
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
        auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xc0) == 0x80)
            continue;
        std::size_t wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
        return wanted > back ? text.size() - back : text.size();
    }
    return text.size();
}

Outcome<ConsoleInfo> console_of(Call& call, const ConsoleQuery& arguments)
{
    TRY_VOID(find(call, arguments.name));
    auto* console = TRY(call.firmware.console(arguments.name));
    auto piece = look_until_found(call, arguments.wait, [&](milliseconds patience) {
        auto found = console->read(arguments.from, patience);
        bool any = found.closed || !found.text.empty();
        return std::pair(std::move(found), any);
    });
    // In JSON the rest of a character would be lost; alone it is given as it is, so that nobody asks for it for ever.
    std::size_t length = call.raw ? piece.text.size() : complete_length(piece.text);
    if (length != 0 && length != piece.text.size()) {
        piece.next -= piece.text.size() - length;
        piece.text.resize(length);
    }
    return ConsoleInfo { .text = std::move(piece.text), .next = piece.next, .closed = piece.closed };
}

Outcome<Accepted> type_text(Call& call, const ConsoleInput& arguments)
{
    auto status = TRY(find(call, arguments.name));
    if (status.state == PartitionState::not_activated || status.state == PartitionState::failed)
        return std::unexpected(
            Refusal { Refusal::conflict, fmt::format("partition {} is not activated: nobody reads its console", arguments.name) });
    TRY_VOID(call.firmware.type(arguments.name, arguments.text));
    return Accepted {};
}

Outcome<PlainText> metrics_of(Call& call, const NoArguments&)
{
    return PlainText { "text/plain; version=0.0.4; charset=utf-8", metrics_text(call.firmware) };
}

Outcome<PlainText> openapi_of(Call&, const NoArguments&)
{
    return PlainText { "application/json", json_text(openapi_document(all_operations()), 2) + "\n" };
}

} // namespace

// ---- The table -------------------------------------------------------------------------------------------------------

namespace operations {

const Operation<NoArguments, MachineInfo> show_machine { "machine.show", Verb::get, "/v1/machine", "The machine and what it has to give",
    machine_of };
const Operation<MachineStop, Accepted> stop_machine { "machine.stop", Verb::post, "/v1/machine/stop",
    "Ask every running program to shut down, then end the machine; asked again, end it at once", end_machine };
const Operation<NoArguments, PartitionList> list_partitions { "partition.list", Verb::get, "/v1/partitions", "All partitions",
    partitions_of };
const Operation<PartitionName, PartitionInfo> show_partition { "partition.show", Verb::get, "/v1/partitions/{name}", "One partition",
    partition_of };
const Operation<PartitionName, PartitionInfo> activate { "partition.activate", Verb::post, "/v1/partitions/{name}/activate",
    "Give a partition its process and storage; its program is not loaded", give_order<&Firmware::activate> };
const Operation<PartitionName, PartitionInfo> deactivate { "partition.deactivate", Verb::post, "/v1/partitions/{name}/deactivate",
    "Take both away, running program or not", give_order<&Firmware::deactivate> };
const Operation<PartitionName, PartitionInfo> load { "partition.load", Verb::post, "/v1/partitions/{name}/load",
    "Load the program into cleared storage and start it; a running program is ended", load_program };
const Operation<PartitionName, PartitionInfo> start { "partition.start", Verb::post, "/v1/partitions/{name}/start",
    "Start the stopped CPUs", give_order<&Firmware::start> };
const Operation<PartitionName, PartitionInfo> stop { "partition.stop", Verb::post, "/v1/partitions/{name}/stop", "Stop the CPUs",
    give_order<&Firmware::stop> };
const Operation<PartitionName, PartitionInfo> reset { "partition.reset", Verb::post, "/v1/partitions/{name}/reset",
    "Clear CPUs, channels and storage", give_order<&Firmware::reset> };
const Operation<PartitionName, PartitionInfo> shut_down { "partition.shutdown", Verb::post, "/v1/partitions/{name}/shutdown",
    "Ask the program to shut down: its guest agent when one answers, else by a signal (Linux: ctrl-alt-del)",
    give_order<&Firmware::shut_down> };
const Operation<PartitionProperties, PartitionInfo> set_properties { "partition.set", Verb::patch, "/v1/partitions/{name}",
    "Change properties at once, activated or not; they hold in later activations, too", change_properties };
const Operation<StorageMove, PartitionList> move_storage { "partition.move-storage", Verb::post, "/v1/partitions/{name}/move-storage",
    "Move storage to another partition, as the two programs take it offline and online; both are answered", move_bytes };
const Operation<CpuMove, PartitionList> move_cpus { "partition.move-cpus", Verb::post, "/v1/partitions/{name}/move-cpus",
    "Move CPUs to another partition, as the two programs give them up and take them; both are answered", move_some_cpus };
const Operation<BoardMove, PartitionList> move_board { "partition.move-board", Verb::post, "/v1/partitions/{name}/move-board",
    "Move what a partition has on a board, storage and CPUs, to another; both are answered", move_parts_of_board };
const Operation<PartitionDump, DumpInfo> dump { "partition.dump", Verb::post, "/v1/partitions/{name}/dump",
    "Write storage and registers to an ELF core for gdb and crash; the CPUs stand still meanwhile", dump_to_file };
const Operation<EventQuery, EventList> list_events { "event.list", Verb::get, "/v1/events",
    "What happened, after an event that is known already; waits for something", events_of };
const Operation<EventStreamQuery, EventLines> follow_events { "event.stream", Verb::get, "/v1/events/stream",
    "What happens, a JSON object a line, until the client closes", event_lines_of };
const Operation<ConsoleQuery, ConsoleInfo> read_console { "console.read", Verb::get, "/v1/partitions/{name}/console",
    "What the console shows; waits for something. As application/octet-stream: the text alone, `next` in the header Zvisor-Next",
    console_of };
const Operation<ConsoleInput, Accepted> type_at_console { "console.type", Verb::post, "/v1/partitions/{name}/console",
    "Type at the console", type_text };
const Operation<NoArguments, PlainText> metrics { "metrics", Verb::get, "/metrics", "Figures for Prometheus", metrics_of };
const Operation<NoArguments, PlainText> openapi { "openapi", Verb::get, "/openapi.json", "This description, in OpenAPI 3", openapi_of };

} // namespace operations

// ---- Operations without their types ----------------------------------------------------------------------------------

namespace {

template<Wire A>
[[nodiscard]] Reply reply_with(const Call&, const A& answer)
{
    return { .body = json_text(to_wire(answer)) + "\n" };
}

[[nodiscard]] Reply reply_with(const Call& call, const ConsoleInfo& answer)
{
    if (!call.raw)
        return { .body = json_text(to_wire(answer)) + "\n" };
    return { .content_type = "application/octet-stream",
        .body = answer.text,
        .headers = { { "Zvisor-Next", std::to_string(answer.next) }, { "Zvisor-Closed", answer.closed ? "true" : "false" } } };
}

[[nodiscard]] Reply reply_with(const Call&, const PlainText& answer)
{
    return { .content_type = answer.content_type, .body = answer.body };
}

[[nodiscard]] Reply reply_with(const Call& call, const EventLines& answer)
{
    auto next = [&firmware = call.firmware, abandoned = call.abandoned, after = answer.after]() mutable -> std::optional<std::string> {
        if (abandoned())
            return std::nullopt;
        std::string lines;
        for (const auto& event : firmware.events().after(after, slice)) {
            lines += json_text(to_wire(info_of(event))) + "\n";
            after = event.number;
        }
        return lines;
    };
    return { .content_type = "application/x-ndjson", .next = std::move(next) };
}

template<class A>
struct ContentOf {
    static constexpr std::string_view type = "application/json";
    static constexpr std::string_view schema = A::schema_name;
};
template<>
struct ContentOf<PlainText> {
    static constexpr std::string_view type = "text/plain";
    static constexpr std::string_view schema {};
};
template<>
struct ContentOf<EventLines> {
    static constexpr std::string_view type = "application/x-ndjson";
    static constexpr std::string_view schema = EventInfo::schema_name;
};

template<class A>
void add_schemas_of_answer(nlohmann::ordered_json& schemas)
{
    if constexpr (std::is_same_v<A, EventLines>)
        add_schemas<EventInfo>(schemas);
    else
        add_schemas<A>(schemas);
}

template<class Q, class A>
[[nodiscard]] AnyOperation without_types(const Operation<Q, A>& row)
{
    auto perform = [&row](Call& call, const nlohmann::json& arguments) {
        Q query;
        if (auto read = read_wire(arguments, query); !read)
            return reply_of({ Refusal::bad_request, read.error().message });
        auto answer = row.handler(call, query);
        return answer ? reply_with(call, *answer) : reply_of(answer.error());
    };
    return { row.name, row.verb, row.path, row.help, describe_fields<Q>(), ContentOf<A>::type, ContentOf<A>::schema,
        add_schemas_of_answer<A>, perform };
}

template<class... Rows>
[[nodiscard]] std::array<AnyOperation, sizeof...(Rows)> table_of(const Rows&... rows)
{
    return { without_types(rows)... };
}

} // namespace

std::span<const AnyOperation> all_operations()
{
    using namespace operations;
    static const auto table = table_of(show_machine, stop_machine, list_partitions, show_partition, activate, deactivate, load, start, stop,
        reset, shut_down, set_properties, move_storage, move_cpus, move_board, dump, list_events, follow_events, read_console,
        type_at_console, metrics, openapi);
    return table;
}

Reply reply_of(const Refusal& refusal)
{
    return { .status = refusal.status, .body = json_text(to_wire(ErrorInfo { refusal.message })) + "\n" };
}

std::string_view name_of(Verb verb)
{
    constexpr std::array<std::string_view, 3> names { "GET", "POST", "PATCH" };
    return names[static_cast<std::size_t>(verb)];
}

} // namespace zvisor
