// zvisor partition-process: what the firmware starts for each partition; of no use to a person.

#include "apps/zvisor/commands.h"
#include "machine/partition_program.h"
#include "prsm/process.h"

namespace zvisor {

void add_partition_process_command(CLI::App& app, Action& action)
{
    auto* command = app.add_subcommand("partition-process", "The process of one partition; started by the firmware");
    command->group("");
    command->callback([&action] { action = [] { return PartitionProgram::run(PartitionProcess::listener_fd); }; });
}

} // namespace zvisor
