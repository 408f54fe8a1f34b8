// zvisor partition-process and network-port: what the firmware starts for each partition; of no use to a person.

#include "apps/zvisor/commands.h"
#include "machine/network_port_program.h"
#include "machine/partition_program.h"
#include "prsm/process.h"

namespace zvisor {

void add_partition_process_command(CLI::App& app, Action& action)
{
    auto* command = app.add_subcommand("partition-process", "The process of one partition; started by the firmware");
    command->group("");
    command->callback([&action] { action = [] { return PartitionProgram::run(PartitionProcess::listener_fd); }; });
    auto* port = app.add_subcommand("network-port", "The process of one network of a partition; started by the firmware");
    auto config = std::make_shared<std::string>();
    port->add_option("config", *config)->required();
    port->group("");
    port->callback([config, &action] { action = [config] { return NetworkPortProgram::run(*config); }; });
}

} // namespace zvisor
