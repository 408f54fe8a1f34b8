#include "base/event_fd.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>

namespace zvisor {

Result<EventFd> EventFd::create()
{
    UniqueFd fd { eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    if (!fd.valid())
        return fail(std::string("cannot make an event descriptor: ") + std::strerror(errno));
    return EventFd { std::move(fd) };
}

void EventFd::ring() const
{
    // A full counter is already ringing.
    [[maybe_unused]] auto written = eventfd_write(m_fd.get(), 1);
}

void EventFd::silence() const
{
    eventfd_t rings = 0;
    [[maybe_unused]] auto read = eventfd_read(m_fd.get(), &rings);
}

void EventFd::wait() const
{
    pollfd entry { m_fd.get(), POLLIN, 0 };
    [[maybe_unused]] auto ready = poll(&entry, 1, -1);
    silence();
}

} // namespace zvisor
