#pragma once

#include "base/result.h"

#include <signal.h>

namespace zvisor::image {

/// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process: they are held for `requested()` and for whoever polls `fd()`.
/// A held signal is never taken, so every later wait sees it too.
class Interrupt {
public:
    static Result<Interrupt> hold();

    Interrupt(Interrupt&&) noexcept;
    Interrupt& operator=(Interrupt&&) = delete;
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt();

    /// Readable once a signal is held.
    [[nodiscard]] int fd() const { return m_fd; }
    [[nodiscard]] bool requested() const;
    /// The failure to return once a signal is held.
    [[nodiscard]] Result<void> check() const;

private:
    Interrupt(int fd, sigset_t previous)
        : m_fd(fd)
        , m_previous(previous)
    {
    }

    int m_fd;
    sigset_t m_previous;
};

} // namespace zvisor::image
