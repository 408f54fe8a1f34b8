// zvisor move: storage and CPUs from one running partition to another.

#include "apps/zvisor/event_echo.h"
#include "apps/zvisor/remote.h"
#include "base/size.h"
#include "control/places.h"

namespace zvisor {

namespace {

struct MoveOptions : RemoteOptions {
    std::string what;
    std::string from;
    std::string to;
    u16 timeout { 60 };
};

template<class Q>
[[nodiscard]] Result<PartitionList> move(const MoveOptions& options, const Operation<Q, PartitionList>& operation, const Q& request)
{
    auto socket = TRY(find_machine(options.machine));
    EventEcho echo(socket, std::string(move_prefix));
    Client client(socket);
    return client.call(operation, request);
}

void print(const MoveOptions& options, const PartitionList& both)
{
    if (options.json)
        return print_json(to_wire(both.partitions));
    for (const auto& each : both.partitions)
        fmt::print("{}: {}, {} CPU{}\n", each.name, size_text(each.storage), each.configured_cpus, each.configured_cpus == 1 ? "" : "s");
}

[[nodiscard]] Result<int> move_memory(const MoveOptions& options)
{
    u64 bytes = TRY(parse_size(options.what, "SIZE"));
    StorageMove request { .name = options.from, .to = options.to, .bytes = bytes, .wait = options.timeout };
    print(options, TRY(move(options, operations::move_storage, request)));
    return ExitStatus::success;
}

[[nodiscard]] Result<int> move_cpus(const MoveOptions& options)
{
    u64 count = TRY(parse_size(options.what, "COUNT"));
    if (count < 1 || count > most_moved_cpus)
        return fail(fmt::format("COUNT must be 1 to {}, not {}", most_moved_cpus, count));
    CpuMove request { .name = options.from, .to = options.to, .count = static_cast<u16>(count), .wait = options.timeout };
    print(options, TRY(move(options, operations::move_cpus, request)));
    return ExitStatus::success;
}

[[nodiscard]] Result<int> move_board(const MoveOptions& options)
{
    BoardMove request { .name = options.from, .to = options.to, .board = options.what, .wait = options.timeout };
    print(options, TRY(move(options, operations::move_board, request)));
    return ExitStatus::success;
}

void add_move(CLI::App& move, Action& action, const char* name, const char* what, const char* help, std::string_view operation,
    Result<int> (*work)(const MoveOptions&))
{
    auto options = std::make_shared<MoveOptions>();
    auto* command = move.add_subcommand(name, std::string(operation));
    add_remote_options(*command, *options);
    command->add_option("what", options->what, help)->type_name(what)->required();
    command->add_option("from", options->from, "Name of the partition that gives")->type_name(partition_type)->required();
    command->add_option("to", options->to, "Name of the partition that takes")->type_name(partition_type)->required();
    command->add_option("--timeout", options->timeout, "Seconds each of the two programs has for it, 1 to 600")->capture_default_str();
    set_work(*command, action, options, work);
}

} // namespace

void add_move_command(CLI::App& app, Action& action)
{
    auto* move = app.add_subcommand("move", "Move storage and CPUs between running partitions");
    move->require_subcommand(1);
    move->footer(
        "The programs are asked through their guest agents (qemu-guest-agent). Without one, storage is waited for: the first program's\n"
        "operator takes it offline (Linux: chmem -d), the second's online (chmem -e).\n"
        "Examples:\n  zvisor move memory 256M LP1 LP2\n  zvisor move cpu 1 LP1 LP2\n  zvisor move board SB1 LP1 LP2");
    add_move(*move, action, "memory", "SIZE", "How much, a multiple of the blocks the programs take", operations::move_storage.help,
        move_memory);
    add_move(*move, action, "cpu", "COUNT", "How many", operations::move_cpus.help, move_cpus);
    add_move(*move, action, "board", "BOARD", "Name of a board of the machine", operations::move_board.help, move_board);
}

} // namespace zvisor
