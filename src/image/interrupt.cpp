#include "image/interrupt.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace zvisor::image {

Result<Interrupt> Interrupt::hold()
{
    sigset_t held;
    sigset_t previous;
    sigemptyset(&held);
    for (int signal : { SIGINT, SIGTERM, SIGHUP })
        sigaddset(&held, signal);
    pthread_sigmask(SIG_BLOCK, &held, &previous);
    int fd = ::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return fail(fmt::format("cannot watch for Ctrl-C: {}", std::strerror(errno)));
    return Interrupt(fd, previous);
}

Interrupt::Interrupt(Interrupt&& other) noexcept
    : m_fd(std::exchange(other.m_fd, -1))
    , m_previous(other.m_previous)
{
}

Interrupt::~Interrupt()
{
    if (m_fd < 0)
        return;
    signalfd_siginfo taken;
    while (::read(m_fd, &taken, sizeof taken) > 0) { } // else the signal would end the process as soon as it is let through
    ::close(m_fd);
    pthread_sigmask(SIG_SETMASK, &m_previous, nullptr);
}

bool Interrupt::requested() const
{
    pollfd entry { m_fd, POLLIN, 0 };
    return ::poll(&entry, 1, 0) > 0;
}

Result<void> Interrupt::check() const
{
    if (requested())
        return fail("interrupted; nothing was left behind");
    return {};
}

} // namespace zvisor::image
