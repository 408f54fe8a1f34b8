#pragma once

#include "apps/zvisor/commands.h"
#include "control/client.h"

namespace zvisor {

/// What every command that asks a running machine is told.
struct RemoteOptions {
    std::string machine;
    bool json { false };
};

void add_machine_option(CLI::App& command, std::string& machine);
/// --machine and --json.
void add_remote_options(CLI::App& command, RemoteOptions& options);
/// Values that `zvisor completion` asks the running machine for.
constexpr const char* partition_type = "LPAR";
constexpr const char* machine_type = "MACHINE";

/// Sets `action` to `work(options)` when the command is chosen.
template<class Options>
void set_work(CLI::App& command, Action& action, std::shared_ptr<Options> options, Result<int> (*work)(const Options&))
{
    command.callback([&action, options, work] { action = [options, work] { return exit_status(work(*options)); }; });
}

/// JSON for programs: a line, or indented where a person looks at it.
void print_json(const nlohmann::ordered_json& value);

} // namespace zvisor
