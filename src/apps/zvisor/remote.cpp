#include "apps/zvisor/remote.h"

#include <cstdio>
#include <unistd.h>

namespace zvisor {

void add_machine_option(CLI::App& command, std::string& machine)
{
    command.add_option("--machine", machine, "Name of the machine (default: the only one that runs)")
        ->type_name(machine_type)
        ->envname("ZVISOR_MACHINE");
}

void add_remote_options(CLI::App& command, RemoteOptions& options)
{
    add_machine_option(command, options.machine);
    command.add_flag("--json", options.json, "JSON for programs instead of a table");
}

void print_json(const nlohmann::ordered_json& value)
{
    fmt::print("{}\n", json_text(value, isatty(STDOUT_FILENO) ? 2 : -1));
}

} // namespace zvisor
