// zvisor machine: a machine of several partitions.

#include "apps/zvisor/commands.h"
#include "machine/definition_file.h"
#include "machine/network_port_program.h"
#include "prsm/firmware.h"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fmt/chrono.h>

namespace zvisor {

namespace {

[[nodiscard]] FirmwareOptions firmware_options(const std::string& folder)
{
    std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    return { .folder = folder, .program = program, .start_network = [program](const std::string& network) {
                return NetworkPortProgram::start(program, network);
            } };
}

[[nodiscard]] Result<int> start_machine(const std::string& file)
{
    auto definition = TRY(read_machine_definition(file));
    sigset_t signals;
    sigemptyset(&signals);
    for (int signal : { SIGINT, SIGTERM, SIGHUP })
        sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::string folder = "/tmp/zvm/" + definition.name;
    auto firmware = TRY(Firmware::create(std::move(definition), firmware_options(folder)));
    firmware->events().on_event(
        [](const MachineEvent& event) { fmt::print(stderr, "{:%H:%M:%S} {:8} {}\n", event.time, event.partition, event.text); });
    firmware->start_all();
    std::jthread viewer([&](const std::stop_token& stop) {
        u64 at = 0;
        auto* console = *firmware->console(firmware->definition().partitions[0].name);
        while (!stop.stop_requested()) {
            auto piece = console->read(at, std::chrono::milliseconds(200));
            at = piece.next;
            fmt::print("{}", piece.text);
            std::fflush(stdout);
        }
    });
    int signal = 0;
    sigwait(&signals, &signal);
    return ExitStatus::success;
}

} // namespace

void add_machine_command(CLI::App& app, Action& action)
{
    auto* command = app.add_subcommand("machine", "A machine of several logical partitions");
    command->require_subcommand(1);
    auto* start = command->add_subcommand("start", "Start a machine and its partitions");
    auto file = std::make_shared<std::string>();
    start->add_option("file", *file, "Machine file (TOML)")->type_name("FILE")->required();
    start->callback([file, &action] {
        action = [file] {
            auto status = start_machine(*file);
            if (status)
                return *status;
            fmt::print(stderr, "zvisor: {}\n", status.error().message);
            return ExitStatus::failure;
        };
    });
}

} // namespace zvisor
