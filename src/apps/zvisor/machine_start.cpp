#include "apps/zvisor/machine_start.h"

#include "apps/zvisor/commands.h"
#include "apps/zvisor/signal_watch.h"
#include "apps/zvisor/start_report.h"
#include "control/machine_end.h"
#include "control/places.h"
#include "machine/definition_file.h"
#include "machine/network_port_program.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/chrono.h>
#include <thread>
#include <unistd.h>

namespace zvisor {

namespace {

constexpr std::chrono::milliseconds time_for_last_events { 300 };

[[nodiscard]] std::string line_of(const MachineEvent& event)
{
    auto second = std::chrono::floor<std::chrono::seconds>(event.time);
    return fmt::format("{:%H:%M:%S} {:8} {}", fmt::localtime(std::chrono::system_clock::to_time_t(second)), event.partition, event.text);
}

/// Whether a partition that the machine starts has its process.
[[nodiscard]] bool is_up(const PartitionStatus& partition)
{
    return !partition.definition.autostart
        || (partition.state != PartitionState::not_activated && partition.state != PartitionState::failed);
}

void start_partitions(Firmware& firmware, StartReport& report)
{
    firmware.start_all();
    auto partitions = firmware.partitions();
    auto operating = std::ranges::count_if(partitions, [](const auto& each) { return each.pid != 0; });
    report.ready(std::ranges::all_of(partitions, is_up), fmt::format("{} of {} partitions are activated", operating, partitions.size()));
}

/// What processes of partitions and of their networks run; it is installed beside this program.
[[nodiscard]] Result<std::string> program_beside(std::string_view name)
{
    std::string program = std::filesystem::read_symlink("/proc/self/exe").replace_filename(name).string();
    if (access(program.c_str(), X_OK) != 0)
        return fail(fmt::format("cannot run {}, which partitions need: {}", program, std::strerror(errno)));
    return program;
}

[[nodiscard]] Result<FirmwareOptions> firmware_options(const MachineFolder& folder, const std::string& machine)
{
    std::string partition = TRY(program_beside("zvisor-partition"));
    std::string network_port = TRY(program_beside("zvisor-network-port"));
    auto state = TRY(state_file(machine));
    return FirmwareOptions { .folder = folder.path(),
        .program = partition,
        .start_network = [network_port](const std::string& network) { return NetworkPortProgram::start(network_port, network); },
        .state = state,
        .control_groups = ControlGroups::find() };
}

/// From the definition to the machine's end.
[[nodiscard]] Result<void> run_machine(MachineDefinition definition, const StartOptions& options, StartReport& report)
{
    // Before there are other threads.
    SignalWatch signals;
    std::signal(SIGPIPE, SIG_IGN);
    auto folder = TRY(MachineFolder::take(definition.name));
    TRY_VOID(report.open_log(folder.path() / "log"));
    // First, so that nothing has begun when they cannot be had.
    auto entrances = TRY(open_entrances(folder.socket(), options.tcp));
    auto firmware_at = TRY(firmware_options(folder, definition.name));
    auto firmware = TRY(Firmware::create(std::move(definition), std::move(firmware_at)));
    firmware->events().on_event([&](const MachineEvent& event) { report.say(line_of(event)); });
    MachineEnd end(*firmware);
    auto server = TRY(ControlServer::create(*firmware, end, std::move(entrances)));
    firmware->events().add("", fmt::format("the machine {} is at {}", firmware->definition().name, folder.socket()));
    signals.start([&] { end.request(false); });
    start_partitions(*firmware, report);
    end.wait([&](const std::string& text) { firmware->events().add("", text); });
    report.stopping();
    signals.stop();
    // Who asked for the end comes back for what happened since then, and finds nobody when that was over at once.
    std::this_thread::sleep_for(time_for_last_events);
    return {};
}

/// The two ends of a new pipe: to read from, to write to.
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> make_pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(fmt::format("the host has no pipe: {}", std::strerror(errno)));
    return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

/// Where the machine's error goes depends on whether anybody still listens.
[[nodiscard]] int run_reporting(MachineDefinition definition, const StartOptions& options, StartReport& report)
{
    auto done = run_machine(std::move(definition), options, report);
    if (!done)
        report.say("zvisor: " + done.error().message);
    return done ? ExitStatus::success : ExitStatus::failure;
}

} // namespace

Result<int> start_machine(const StartOptions& options)
{
    auto definition = TRY(read_machine_definition(options.file));
    if (!options.detach) {
        StartReport report;
        return run_reporting(std::move(definition), options, report);
    }
    auto [from_child, to_parent] = TRY(make_pipe());
    pid_t child = fork();
    if (child < 0)
        return fail(fmt::format("the host has no process for the machine: {}", std::strerror(errno)));
    if (child != 0) {
        to_parent.reset();
        return await_ready(from_child.get());
    }
    from_child.reset();
    setsid();
    StartReport report(std::move(to_parent));
    return run_reporting(std::move(definition), options, report);
}

} // namespace zvisor
