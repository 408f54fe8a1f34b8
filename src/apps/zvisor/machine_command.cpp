// zvisor machine: machines of several logical partitions.

#include "apps/zvisor/machine_start.h"
#include "apps/zvisor/remote.h"
#include "apps/zvisor/text_table.h"
#include "base/size.h"
#include "control/listeners.h"
#include "control/places.h"

#include <cstdio>
#include <thread>

namespace zvisor {

namespace {

struct MachineOptions : RemoteOptions {
    bool now { false };
    bool only_names { false };
};

// ---- machine stop ----------------------------------------------------------------------------------------------------

/// Between looks at whether the process has ended, and the longest it may take after the door has closed.
constexpr std::chrono::milliseconds look_every { 20 };
constexpr std::chrono::seconds longest_end { 60 };

/// Shows what happens until the machine's door closes.
void follow(Client& client, u64 after, bool json)
{
    for (;;) {
        auto list = client.call(operations::list_events, { .after = after, .wait = 5 });
        if (!list)
            return;
        for (const auto& event : list->events)
            if (!json)
                fmt::print(stderr, "{:8} {}\n", event.partition, event.text);
        after = list->next;
    }
}

[[nodiscard]] Result<int> stop(const MachineOptions& options)
{
    auto socket = TRY(find_machine(options.machine));
    Client client(socket);
    auto machine = TRY(client.call(operations::show_machine, {}));
    u64 last = TRY(client.call(operations::list_events, { .wait = 0 })).next;
    TRY_VOID(client.call(operations::stop_machine, { options.now }));
    follow(client, last, options.json);
    auto limit = std::chrono::steady_clock::now() + longest_end;
    while (is_taken(socket) && std::chrono::steady_clock::now() < limit)
        std::this_thread::sleep_for(look_every);
    if (is_taken(socket))
        return fail(fmt::format("the machine {} closed its door, but its process {} goes on", machine.name, machine.pid));
    if (options.json)
        print_json(to_wire(Accepted {}));
    else
        fmt::print("{}: ended\n", machine.name);
    return ExitStatus::success;
}

// ---- machine show, list ----------------------------------------------------------------------------------------------

void print_members(const MachineInfo& machine)
{
    auto values = to_wire(machine);
    for (const auto& field : describe_fields<MachineInfo>()) {
        const auto& value = values[std::string(field.name)];
        fmt::print("{:20} {:16} {}\n", field.name, value.is_string() ? value.get<std::string>() : value.dump(), field.help);
    }
}

[[nodiscard]] Result<int> show(const MachineOptions& options)
{
    Client client(TRY(find_machine(options.machine)));
    auto machine = TRY(client.call(operations::show_machine, {}));
    if (options.json)
        print_json(to_wire(machine));
    else
        print_members(machine);
    return ExitStatus::success;
}

[[nodiscard]] Result<int> list(const MachineOptions& options)
{
    std::vector<MachineInfo> machines;
    TextTable table({ { "NAME" }, { "PROCESS", true }, { "LPARS", true }, { "OPERATING", true }, { "STORAGE", true }, { "FREE", true } });
    for (const auto& name : TRY(running_machines())) {
        // One that ends now is none.
        auto machine = Client(TRY(find_machine(name))).call(operations::show_machine, {});
        if (!machine)
            continue;
        table.add({ machine->name, std::to_string(machine->pid), std::to_string(machine->partitions),
            std::to_string(machine->partitions_operating), size_text(machine->storage), size_text(machine->storage_free) });
        machines.push_back(std::move(*machine));
    }
    if (options.json)
        print_json(to_wire(machines));
    else if (options.only_names)
        for (const auto& machine : machines)
            fmt::print("{}\n", machine.name);
    else
        fmt::print("{}", table.text());
    return ExitStatus::success;
}

// ---- The command line ------------------------------------------------------------------------------------------------

void add_start(CLI::App& machine, Action& action)
{
    auto options = std::make_shared<StartOptions>();
    auto* command = machine.add_subcommand("start", "Start a machine and its partitions");
    command->add_option("file", options->file, "Machine file (TOML) with its partitions")->type_name("FILE")->required();
    command->add_flag("--detach", options->detach, "Return when the partitions are up, and leave the machine running");
    command->add_option("--listen", options->tcp.listen, "Serve the API at ADDRESS:PORT too, with TLS");
    command->add_option("--certificate", options->tcp.certificate, "Certificate (chain) for --listen, PEM")->type_name("FILE");
    command->add_option("--key", options->tcp.key, "Its private key, PEM")->type_name("FILE");
    command->add_option("--token-file", options->tcp.token_file, "File with the bearer token that requests over TCP must carry")
        ->type_name("FILE");
    command->footer("The first Ctrl-C or SIGTERM asks the programs to shut down, a second one ends the machine at once.\n"
                    "Examples:\n  zvisor machine start cpc1.toml\n  zvisor machine start cpc1.toml --detach\n"
                    "  zvisor machine start cpc1.toml --listen 0.0.0.0:6794 --certificate cert.pem --key key.pem --token-file token");
    set_work(*command, action, options, start_machine);
}

std::pair<CLI::App*, std::shared_ptr<MachineOptions>> add(
    CLI::App& machine, Action& action, const char* name, const char* help, Result<int> (*work)(const MachineOptions&))
{
    auto options = std::make_shared<MachineOptions>();
    auto* command = machine.add_subcommand(name, help);
    add_remote_options(*command, *options);
    set_work(*command, action, options, work);
    return { command, options };
}

} // namespace

void add_machine_command(CLI::App& app, Action& action)
{
    auto* machine = app.add_subcommand("machine", "Start, show and stop machines of several logical partitions");
    machine->require_subcommand(1);
    add_start(*machine, action);
    auto [stop_command, stop_options] = add(*machine, action, "stop", "Ask its programs to shut down and end a machine", stop);
    stop_command->add_flag("--now", stop_options->now, "End it at once, running programs or not");
    stop_command->footer("A second 'zvisor machine stop', while the first waits, ends the machine at once.");
    add(*machine, action, "show", "Show a machine and what it has to give", show);
    auto [list_command, list_options] = add(*machine, action, "list", "List the machines that run", list);
    list_command->add_flag("--names", list_options->only_names, "Names alone, a line each");
}

} // namespace zvisor
