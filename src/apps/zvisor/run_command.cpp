#include "apps/zvisor/commands.h"
#include "apps/zvisor/run.h"
#include "apps/zvisor/signal_watch.h"
#include "apps/zvisor/statistics.h"
#include "apps/zvisor/terminal.h"
#include "arch/model.h"
#include "debug/options.h"
#include "devices/virtio_net/user_network.h"
#include "engine/engine_options.h"
#include "machine/machine.h"

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <optional>

namespace zvisor {

namespace {

template<class T>
void replace(T& value, const std::optional<T>& by)
{
    if (by)
        value = *by;
}

/// The machine file with what the flags say on top.
[[nodiscard]] Result<MachineConfig> configuration(const RunOptions& options)
{
    MachineConfig config;
    if (!options.file.empty())
        config = TRY(read_machine_config(options.file));
    replace(config.kernel, options.kernel);
    replace(config.initrd, options.initrd);
    replace(config.cmdline, options.cmdline);
    config.rng &= !options.no_rng;
    replace(config.cpu, options.cpu);
    replace(config.personality, options.personality);
    replace(config.name, options.name);
    replace(config.loadparm, options.loadparm);
    if (options.memory)
        config.memory = TRY(parse_size(*options.memory, "--memory"));
    if (options.max_memory)
        config.max_memory = TRY(parse_size(*options.max_memory, "--max-memory"));
    if (options.cpus)
        config.cpus = TRY(parse_cpus(*options.cpus));
    if (options.max_cpus)
        config.max_cpus = TRY(parse_cpus(*options.max_cpus, "max-cpus"));
    if (options.balloon)
        config.balloon = TRY(VirtioBalloonConfig::parse(*options.balloon));
    if (options.console)
        config.console = TRY(parse_console(*options.console));
    if (options.engine)
        config.engine = TRY(parse_engine(*options.engine));
    if (options.code_cache)
        config.code_cache = TRY(parse_size(*options.code_cache, "--code-cache"));
    for (const auto& disk : options.disks)
        config.disks.push_back(TRY(VirtioBlockConfig::parse(disk)));
    for (const auto& network : options.networks)
        config.networks.push_back(TRY(VirtioNetConfig::parse(network)));
    return config;
}

/// The first request asks the guest to shut down; when it cannot, or on the second, the machine ends.
class Ending {
public:
    Ending(Machine& machine, Terminal& terminal)
        : m_machine(machine)
        , m_terminal(terminal)
    {
    }
    void shut_down()
    {
        if (!m_asked.exchange(true) && m_machine.partition().services().request_quiesce())
            m_terminal.say("zvisor: asked the guest to shut down; once more ends the machine");
        else
            end();
    }
    void end() { m_machine.partition().end(); }

private:
    Machine& m_machine;
    Terminal& m_terminal;
    std::atomic<bool> m_asked { false };
};

/// " <name+0x12>" where a symbol is known.
[[nodiscard]] std::string symbol_text(const debug::Symbols& symbols, u64 address)
{
    std::string name = symbols.name(address);
    return name.empty() ? "" : fmt::format(" <{}>", name);
}

[[nodiscard]] int report(const Outcome& outcome, const debug::Symbols& symbols, Terminal& terminal)
{
    switch (outcome.kind) {
    case Outcome::Kind::powered_off:
        return ExitStatus::success;
    case Outcome::Kind::disabled_wait:
        terminal.say(fmt::format("zvisor: CPU {} entered a disabled wait, PSW {:016x} {:016x}{}", outcome.cpu, outcome.psw.mask,
            outcome.psw.address, symbol_text(symbols, outcome.psw.address)));
        return ExitStatus::disabled_wait;
    case Outcome::Kind::ended:
        return ExitStatus::ended;
    }
    return ExitStatus::failure;
}

/// The guest's end or the translation of the region has ended the machine.
[[nodiscard]] Result<int> print_region(std::string_view region, const std::string& listing)
{
    if (listing.empty())
        return fail(fmt::format("the machine ended before anything at {} was translated: what runs fewer than {} times is not", region,
            executions_before_translation_beside));
    fmt::print("{}", listing);
    return ExitStatus::success;
}

} // namespace

Result<int> run(const RunOptions& options)
{
    SignalWatch signals;
    Terminal terminal;
    MachineConfig config = TRY(configuration(options));
    auto tools = TRY(debug::DebugTools::create(options.debug, [&](std::string_view line) { terminal.say(line); }));
    auto files = TRY(MachineFiles::open(config));
    MachineSupply supply { .console_is_terminal = terminal.is_interactive() };
    for (const auto& network : config.networks)
        supply.network_ports.push_back(TRY(UserNetwork::create(network)));
    auto machine = TRY(Machine::create(config, std::move(files), terminal, std::move(supply),
        { .instructions = tools->observer(), .translations = tools->translations(), .statistics = options.stats }));
    if (!machine->model_message().empty())
        terminal.say("zvisor: " + machine->model_message());
    Ending ending(*machine, terminal);
    signals.start([&] { ending.shut_down(); });
    terminal.start({ .type = [&](std::string_view text) { return machine->type(text); },
        .keys = { { 's', "shut the guest down", [&] { ending.shut_down(); } }, { 'q', "end the machine", [&] { ending.end(); } } } });
    machine->partition().channels().trace(tools->channel_trace());
    machine->partition().trace_services(tools->service_trace());
    tools->start(machine->partition().cpus(), [&] { ending.end(); });
    auto start = std::chrono::steady_clock::now();
    auto outcome = machine->run();
    tools->stop();
    terminal.stop();
    machine->partition().cpus().finish();
    if (options.stats)
        print_statistics(machine->partition(), std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    int status = report(TRY(std::move(outcome)), tools->symbols(), terminal);
    return options.debug.region.empty() ? status : TRY(print_region(options.debug.region, tools->region_listing()));
}

namespace {

/// "{z10,...}": the choices of an option, as its help and the completion show them.
[[nodiscard]] std::string model_names()
{
    std::string names;
    for (const Model& model : models())
        names.append(names.empty() ? "{" : ",").append(model.name);
    return names + "}";
}

} // namespace

void add_run_options(CLI::App* command, RunOptions* options)
{
    command->add_option("file", options->file, "Machine file (TOML); flags are laid over it")->type_name("FILE");
    command->add_option("--kernel", options->kernel, "Linux image, s390x ELF file, raw image or .ins file to IPL")->type_name("FILE");
    command->add_option("--initrd", options->initrd, "Initial RAM disk for a Linux image")->type_name("FILE");
    command->add_option("--cmdline", options->cmdline, "Kernel command line");
    command->add_option("--memory", options->memory, "Storage, such as 512M or 2G (default 1G)")->type_name("SIZE");
    command
        ->add_option(
            "--max-memory", options->max_memory, "Storage the guest may take online while it runs, standby at first (default: as --memory)")
        ->type_name("SIZE");
    command->add_option("--cpus", options->cpus, "Number of CPUs (default 1)")->type_name("NUMBER");
    command
        ->add_option("--max-cpus", options->max_cpus, "CPUs the guest may configure while it runs, standby at first (default: as --cpus)")
        ->type_name("NUMBER");
    command->add_option("--cpu", options->cpu, "CPU model (default z15)")->type_name(model_names());
    command->add_option("--disk", options->disks, "FILE[,ro][,serial=TEXT]: disk image or block device (repeatable)")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command->add_option("--net", options->networks, "user[,mac=MAC][,host-loopback][,hostfwd=tcp::HOST-:GUEST]: network (repeatable)")
        ->allow_extra_args(false);
    command->add_flag("--no-rng", options->no_rng, "No device with random numbers of the host");
    command->add_option("--balloon", options->balloon, "[target=SIZE]: lets the guest give storage back")->expected(0, 1);
    command
        ->add_option("--console", options->console, "Which console is typed at; virtio[,COLUMNSxROWS] is the guest's hvc0 (default sclp)")
        ->type_name("{sclp,virtio}");
    command->add_option("--engine", options->engine, "How instructions are executed (default translator)")
        ->type_name("{interpreter,translator,lockstep}");
    command->add_option("--code-cache", options->code_cache, "Memory for the translated code of each CPU, 2M to 1G (default 96M)")
        ->type_name("SIZE");
    command->add_option("--personality", options->personality, "What the guest finds itself under (default kvm)")
        ->type_name("{kvm,lpar,zvm}");
    command->add_option("--name", options->name, "Name of the partition, up to 8 characters (default ZVISOR)");
    command->add_option("--loadparm", options->loadparm, "Load parameter, up to 8 characters");
    command
        ->add_option("--symbols", options->debug.symbols, "s390x ELF file or System.map with the guest's symbols, for traces and messages")
        ->type_name("FILE");
}

void set_run_action(CLI::App* command, std::shared_ptr<RunOptions> options, Action& action)
{
    command->callback([options = std::move(options), &action] { action = [options] { return exit_status(run(*options)); }; });
}

void add_run_command(CLI::App& app, Action& action)
{
    auto options = std::make_shared<RunOptions>();
    auto* command = app.add_subcommand("run", "Run a machine of one partition with its console on this terminal");
    add_run_options(command, options.get());
    command->add_flag("--stats", options->stats, "Count, and print at the end, what was executed and translated; slower");
    command->add_option(
        "--trace", options->debug.trace, "instructions[:FROM-TO],interruptions,channel,service: write what these do, a line each");
    command->add_option("--trace-file", options->debug.trace_file, "File the trace goes to (default standard error)")->type_name("FILE");
    command->add_option(
        "--gdb", options->debug.gdb, "PORT[,wait]: serve gdb on this port of 127.0.0.1; with wait the guest starts when gdb says so");
    command->add_flag("--perf-map", options->debug.perf_map, "Tell perf of this host what translated code is, in /tmp/perf-PID.map");
    set_run_action(command, options, action);
}

} // namespace zvisor
