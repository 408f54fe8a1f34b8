#pragma once

#include "base/stopwatch.h"

namespace zvisor {

/// Where the time of a CPU went; read from any thread.
struct CpuTimes {
    /// On a physical CPU, with instructions to execute.
    Stopwatch executing;
    /// In enabled waits.
    Stopwatch waiting;
};

} // namespace zvisor
