#pragma once

#include "base/unique_fd.h"

#include <chrono>

namespace zvisor {

/// A timer of the host that one thread waits for. Setting it to another time wakes nobody up.
class HostTimer {
public:
    /// Not set; the end of the process where the host has none.
    HostTimer();

    /// Due after `time`, which is more than zero. From any thread.
    void set(std::chrono::nanoseconds time) const;
    void cancel() const;
    /// Returns when it is due.
    void wait() const;

private:
    void set_to(std::chrono::nanoseconds time) const;

    UniqueFd m_fd;
};

} // namespace zvisor
