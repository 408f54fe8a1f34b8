#pragma once

#include "base/result.h"

#include <CLI/CLI.hpp>
#include <functional>

namespace zvisor {

/// What the process returns (documented in `zvisor --help`).
struct ExitStatus {
    static constexpr int success = 0;
    static constexpr int failure = 1;
    static constexpr int usage = 2;
    /// The guest loaded a disabled wait PSW.
    static constexpr int disabled_wait = 3;
    /// A signal or the console's escape ended the machine while the guest ran.
    static constexpr int ended = 4;
};

/// The status a command's work gives; its error goes to standard error.
[[nodiscard]] int exit_status(const Result<int>& result);

/// Each adds a subcommand that sets `action` when it is chosen.
using Action = std::function<int()>;
void add_run_command(CLI::App& app, Action& action);
void add_trace_command(CLI::App& app, Action& action);
void add_disasm_command(CLI::App& app, Action& action);
void add_models_command(CLI::App& app, Action& action);
void add_image_command(CLI::App& app, Action& action);
void add_machine_command(CLI::App& app, Action& action);
void add_lpar_command(CLI::App& app, Action& action);
void add_move_command(CLI::App& app, Action& action);
void add_set_command(CLI::App& app, Action& action);
void add_console_command(CLI::App& app, Action& action);
void add_events_command(CLI::App& app, Action& action);
void add_top_command(CLI::App& app, Action& action);
/// Added last: it completes what the others have added.
void add_completion_command(CLI::App& app, Action& action);

} // namespace zvisor
