#pragma once

#include "base/types.h"

#include <sys/types.h>

namespace zvisor::engines {

/// How long a thread has been at something: the time it executed, and the time it slept. That the host had no CPU for it does not count.
class ThreadEffort {
public:
    /// The calling thread.
    ThreadEffort();

    /// Seconds since the last call or the construction, of which `elapsed` went by; from any thread, one at a time.
    [[nodiscard]] double next(double elapsed);

private:
    pid_t m_thread;
    double m_executed { 0 };
};

} // namespace zvisor::engines
