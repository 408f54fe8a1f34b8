#pragma once

#include "apps/zvisor/commands.h"
#include "base/result.h"
#include "debug/options.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace zvisor {

/// What a command that runs a machine was told.
struct RunOptions {
    std::string file;
    std::optional<std::string> kernel;
    std::optional<std::string> initrd;
    std::optional<std::string> cmdline;
    std::optional<std::string> memory;
    std::optional<std::string> max_memory;
    std::optional<std::string> cpus;
    std::optional<std::string> max_cpus;
    std::optional<std::string> cpu;
    std::optional<std::string> engine;
    std::optional<std::string> code_cache;
    std::optional<std::string> personality;
    std::optional<std::string> name;
    std::optional<std::string> loadparm;
    std::vector<std::string> disks;
    std::vector<std::string> networks;
    bool no_rng { false };
    std::optional<std::string> balloon;
    std::optional<std::string> console;
    bool stats { false };
    debug::DebugOptions debug;
};

/// The options that say which machine runs. `options` must outlive the command's parsing.
void add_run_options(CLI::App* command, RunOptions* options);
void set_run_action(CLI::App* command, std::shared_ptr<RunOptions> options, Action& action);
/// Runs a machine to its end; returns the status of the process.
[[nodiscard]] Result<int> run(const RunOptions& options);

} // namespace zvisor
