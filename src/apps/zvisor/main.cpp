#include "apps/zvisor/commands.h"

namespace {

constexpr const char* footer = R"(Exit status: 0 the guest powered off or the command did its work, 1 it failed, 2 wrong usage,
3 the guest entered a disabled wait, 4 the machine was ended while the guest ran.

Examples:
  zvisor run --kernel vmlinuz --initrd initrd.gz --cmdline "console=ttysclp0" --memory 1G --cpus 2
  zvisor run --kernel K --initrd I --cmdline "root=/dev/vda1" --disk root.img --net user,hostfwd=tcp::2222-:22
  zvisor run machine.toml
  zvisor disasm vmlinux | less
  zvisor trace --region 0x11000 --kernel vmlinuz
  zvisor image debian root.img --packages gcc,make --root-password secret

A machine of several partitions:
  zvisor machine start cpc1.toml --detach
  zvisor lpar list
  zvisor move memory 256M LP1 LP2
  zvisor console LP1)";

} // namespace

int main(int argc, char** argv)
{
    CLI::App app { "zvisor: an IBM Z mainframe on this machine", "zvisor" };
    app.footer(footer);
    app.require_subcommand(0, 1);
    app.set_version_flag("--version", "zvisor 0.1");
    zvisor::Action action;
    zvisor::add_run_command(app, action);
    zvisor::add_disasm_command(app, action);
    zvisor::add_trace_command(app, action);
    zvisor::add_models_command(app, action);
    zvisor::add_image_command(app, action);
    zvisor::add_machine_command(app, action);
    zvisor::add_lpar_command(app, action);
    zvisor::add_move_command(app, action);
    zvisor::add_set_command(app, action);
    zvisor::add_console_command(app, action);
    zvisor::add_events_command(app, action);
    zvisor::add_top_command(app, action);
    zvisor::add_completion_command(app, action);
    try {
        app.parse(argc, argv);
        // Only now, so that an unknown command is named.
        if (!action)
            throw CLI::RequiredError::Subcommand(1);
    } catch (const CLI::ParseError& error) {
        int status = app.exit(error);
        return status == 0 ? zvisor::ExitStatus::success : zvisor::ExitStatus::usage;
    }
    return action();
}
