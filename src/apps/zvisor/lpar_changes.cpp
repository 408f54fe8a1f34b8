#include "apps/zvisor/lpar_changes.h"

#include "apps/zvisor/remote.h"
#include "base/size.h"
#include "control/places.h"

#include <cstdio>

namespace zvisor {

namespace {

struct SetOptions : RemoteOptions {
    PartitionProperties properties;
};

struct MoveOptions : RemoteOptions {
    StorageMove move;
    std::string size;
};

[[nodiscard]] Result<int> set(const SetOptions& options)
{
    Client client(TRY(find_machine(options.machine)));
    auto partition = TRY(client.call(operations::set_properties, options.properties));
    if (options.json)
        print_json(to_wire(partition));
    else
        fmt::print("{}: weight {}, {}, cap {}\n", partition.name, partition.weight, partition.capped ? "capped" : "not capped",
            partition.cap > 0 ? fmt::format("{:g}", partition.cap) : "none");
    return ExitStatus::success;
}

[[nodiscard]] Result<int> move(const MoveOptions& options)
{
    auto request = options.move;
    request.bytes = TRY(parse_size(options.size, "SIZE"));
    Client client(TRY(find_machine(options.machine)));
    auto both = TRY(client.call(operations::move_storage, request)).partitions;
    if (options.json)
        print_json(to_wire(both));
    else
        for (const auto& each : both)
            fmt::print("{}: {}\n", each.name, size_text(each.storage));
    return ExitStatus::success;
}

void add_set(CLI::App& lpar, Action& action)
{
    auto options = std::make_shared<SetOptions>();
    auto* command = lpar.add_subcommand("set", std::string(operations::set_properties.help));
    add_remote_options(*command, *options);
    auto& properties = options->properties;
    command->add_option("name", properties.name, "Name of the partition")->type_name(partition_type)->required();
    command->add_option("--weight", properties.weight, "Processing weight, 1 to 999")->type_name("NUMBER");
    command->add_option("--capped", properties.capped, "Whether it never gets more than its weight's share")->type_name("{true,false}");
    command->add_option("--cap", properties.cap, "Absolute cap in physical CPUs such as 0.5; 0 removes it")->type_name("NUMBER");
    command->footer("Example:\n  zvisor lpar set LP1 --weight 300 --cap 1.5");
    set_work(*command, action, options, set);
}

void add_move(CLI::App& lpar, Action& action)
{
    auto options = std::make_shared<MoveOptions>();
    auto* command = lpar.add_subcommand("move-storage", "Move storage between two running partitions");
    add_remote_options(*command, *options);
    command->add_option("from", options->move.name, "Name of the partition that gives")->type_name(partition_type)->required();
    command->add_option("to", options->move.to, "Name of the partition that takes")->type_name(partition_type)->required();
    command->add_option("size", options->size, "How much, a multiple of the machine's block size")->type_name("SIZE")->required();
    command->add_option("--wait", options->move.wait, "Seconds each of the two programs has for it, 1 to 600")->capture_default_str();
    command->footer(
        "The first program is waited for to take storage offline (Linux: chmem -d), then the second to take it online (chmem -e).\n"
        "Example:\n  zvisor lpar move-storage LP1 LP2 256M");
    set_work(*command, action, options, move);
}

} // namespace

void add_lpar_changes(CLI::App& lpar, Action& action)
{
    add_set(lpar, action);
    add_move(lpar, action);
}

} // namespace zvisor
