// zvisor trace: what the translator makes of a piece of guest code.

#include "apps/zvisor/run.h"

namespace zvisor {

namespace {

constexpr const char* footer
    = R"(The machine runs as with `zvisor run`, by the same options, until the block that begins at the address is translated, and ends there.
When none begins there but an instruction of a block stands there, that block is listed as the guest ends.

Example:
  zvisor trace --region strlen --symbols System.map --kernel vmlinuz --initrd initrd.gz --cmdline "console=ttysclp0")";

} // namespace

void add_trace_command(CLI::App& app, Action& action)
{
    auto options = std::make_shared<RunOptions>();
    auto* command = app.add_subcommand("trace", "List a block of guest code beside its recorded form and its host code");
    command->footer(footer);
    command->add_option("--region", options->debug.region, "Guest address in hexadecimal, or a symbol of --symbols")
        ->type_name("ADDRESS")
        ->required();
    command->add_flag("--path", options->debug.region_path, "Wait until it is executed often, and list the path that it becomes");
    add_run_options(command, options.get());
    set_run_action(command, options, action);
}

} // namespace zvisor
