// zvisor lpar: the partitions of a running machine.

#include "apps/zvisor/event_echo.h"
#include "apps/zvisor/remote.h"
#include "apps/zvisor/text_table.h"
#include "base/size.h"
#include "control/places.h"

#include <array>
#include <cstdio>
#include <filesystem>

namespace zvisor {

namespace {

struct LparOptions : RemoteOptions {
    std::vector<std::string> names;
    bool only_names { false };
    /// Of those that change something.
    const Operation<PartitionName, PartitionInfo>* order { nullptr };
};

struct DumpOptions : RemoteOptions {
    PartitionDump request;
};

/// A sub-command that gives an order to partitions.
struct Order {
    const char* name;
    const Operation<PartitionName, PartitionInfo>* operation;
};

constexpr std::array orders { Order { "activate", &operations::activate }, Order { "deactivate", &operations::deactivate },
    Order { "load", &operations::load }, Order { "start", &operations::start }, Order { "stop", &operations::stop },
    Order { "reset", &operations::reset }, Order { "shutdown", &operations::shut_down } };

[[nodiscard]] std::string cap_of(const PartitionInfo& partition)
{
    std::string text = partition.cap > 0 ? fmt::format("{:g}", partition.cap) : partition.capped ? "weight" : "-";
    return partition.group.empty() ? text : fmt::format("{} {}", text, partition.group);
}

[[nodiscard]] TextTable table_of(const std::vector<PartitionInfo>& partitions)
{
    TextTable table({ { "NAME" }, { "NO", true }, { "STATE" }, { "CPUS", true }, { "WEIGHT", true }, { "CAP" }, { "STORAGE", true },
        { "CPU TIME", true }, { "WHY" } });
    for (const auto& each : partitions)
        table.add({ each.name, std::to_string(each.number), each.state, std::to_string(each.configured_cpus),
            each.dedicated ? "dedic." : std::to_string(each.weight), cap_of(each), size_text(each.storage),
            fmt::format("{:.2f} s", each.cpu_seconds), each.why });
    return table;
}

[[nodiscard]] nlohmann::ordered_json json_of(const std::vector<PartitionInfo>& partitions)
{
    return to_wire(partitions);
}

[[nodiscard]] Result<int> list(const LparOptions& options)
{
    Client client(TRY(find_machine(options.machine)));
    auto partitions = TRY(client.call(operations::list_partitions, {})).partitions;
    if (options.json)
        print_json(json_of(partitions));
    else if (options.only_names)
        for (const auto& each : partitions)
            fmt::print("{}\n", each.name);
    else
        fmt::print("{}", table_of(partitions).text());
    return ExitStatus::success;
}

/// Name and value of every member, as the door describes them.
void print_members(const PartitionInfo& partition)
{
    auto values = to_wire(partition);
    for (const auto& field : describe_fields<PartitionInfo>()) {
        const auto& value = values[std::string(field.name)];
        fmt::print("{:16} {:24} {}\n", field.name, value.is_string() ? value.get<std::string>() : value.dump(), field.help);
    }
}

[[nodiscard]] Result<int> show(const LparOptions& options)
{
    Client client(TRY(find_machine(options.machine)));
    std::vector<PartitionInfo> partitions;
    for (const auto& name : options.names)
        partitions.push_back(TRY(client.call(operations::show_partition, { name })));
    if (options.json)
        print_json(json_of(partitions));
    else
        for (const auto& each : partitions)
            print_members(each);
    return ExitStatus::success;
}

/// Goes on with the next when one fails.
[[nodiscard]] Result<int> give_order(const LparOptions& options)
{
    Client client(TRY(find_machine(options.machine)));
    std::vector<PartitionInfo> done;
    for (const auto& name : options.names) {
        auto partition = client.call(*options.order, { name });
        if (partition)
            done.push_back(std::move(*partition));
        else
            fmt::print(stderr, "zvisor: {}\n", partition.error().message);
    }
    if (options.json)
        print_json(json_of(done));
    else
        for (const auto& each : done)
            fmt::print("{}: {}\n", each.name, each.state);
    return done.size() == options.names.size() ? ExitStatus::success : ExitStatus::failure;
}

[[nodiscard]] std::string registers_of(const DumpInfo& dump)
{
    if (dump.cpus == 0)
        return "no registers, which ended with its process";
    return fmt::format("registers of {} CPU{}", dump.cpus, dump.cpus == 1 ? "" : "s");
}

[[nodiscard]] Result<int> dump(const DumpOptions& options)
{
    auto socket = TRY(find_machine(options.machine));
    EventEcho echo(socket, std::string(dump_prefix));
    auto request = options.request;
    request.file = std::filesystem::absolute(request.file).lexically_normal();
    auto done = TRY(Client(socket).call(operations::dump, request));
    if (options.json)
        print_json(to_wire(done));
    else
        fmt::print("{}: {} of storage, {:.1f}M of it not zero, {}, in {}\n", request.name, size_text(done.storage),
            static_cast<double>(done.written) / (1 << 20), registers_of(done), done.file);
    return ExitStatus::success;
}

void add_dump(CLI::App& lpar, Action& action)
{
    auto options = std::make_shared<DumpOptions>();
    auto* command = lpar.add_subcommand("dump", std::string(operations::dump.help));
    add_remote_options(*command, *options);
    command->add_option("name", options->request.name, "Name of the partition: running, stopped or failed")
        ->type_name(partition_type)
        ->required();
    command->add_option("file", options->request.file, "A new file")->type_name("FILE")->required();
    command->add_option("--timeout", options->request.wait, "Seconds it may take, 1 to 3600")->capture_default_str();
    command->footer("Example:\n  zvisor lpar dump LP1 lp1.core && crash vmlinux lp1.core");
    set_work(*command, action, options, dump);
}

[[nodiscard]] CLI::App* add(CLI::App& lpar, const char* name, std::string_view help, const std::shared_ptr<LparOptions>& options)
{
    auto* command = lpar.add_subcommand(name, std::string(help));
    add_remote_options(*command, *options);
    return command;
}

void add_names(CLI::App& command, LparOptions& options)
{
    command.add_option("names", options.names, "Names of partitions")->type_name(partition_type)->required();
}

} // namespace

void add_lpar_command(CLI::App& app, Action& action)
{
    auto* lpar = app.add_subcommand("lpar", "Show and operate the logical partitions of a running machine");
    lpar->require_subcommand(1);
    lpar->footer("Examples:\n  zvisor lpar list\n  zvisor lpar activate LP1 LP2 && zvisor lpar load LP1 LP2\n"
                 "  zvisor lpar show LP1 --json | jq .[0].state");
    auto options = std::make_shared<LparOptions>();
    auto* command = add(*lpar, "list", operations::list_partitions.help, options);
    command->add_flag("--names", options->only_names, "Names alone, a line each");
    set_work(*command, action, options, list);
    options = std::make_shared<LparOptions>();
    command = add(*lpar, "show", "Everything about partitions", options);
    add_names(*command, *options);
    set_work(*command, action, options, show);
    add_dump(*lpar, action);
    for (const auto& order : orders) {
        options = std::make_shared<LparOptions>();
        options->order = order.operation;
        command = add(*lpar, order.name, order.operation->help, options);
        add_names(*command, *options);
        set_work(*command, action, options, give_order);
    }
}

} // namespace zvisor
