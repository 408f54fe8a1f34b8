#pragma once

#include "base/result.h"
#include "control/server.h"

#include <string>

namespace zvisor {

/// What `zvisor machine start` was told.
struct StartOptions {
    std::string file;
    bool detach { false };
    TcpOptions tcp;
};

/// Runs a machine to its end, or in a process of its own until its partitions are up; returns the status of the process.
[[nodiscard]] Result<int> start_machine(const StartOptions& options);

} // namespace zvisor
