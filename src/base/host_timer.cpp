#include "base/host_timer.h"

#include "base/types.h"
#include "base/verify.h"

#include <algorithm>
#include <sys/timerfd.h>

namespace zvisor {

HostTimer::HostTimer()
    : m_fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC))
{
    VERIFY(m_fd.valid());
}

void HostTimer::set(std::chrono::nanoseconds time) const
{
    // Zero would cancel it.
    set_to(std::max(time, std::chrono::nanoseconds(1)));
}

void HostTimer::cancel() const
{
    set_to({});
}

void HostTimer::set_to(std::chrono::nanoseconds time) const
{
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    itimerspec once { .it_interval = {}, .it_value = { .tv_sec = seconds.count(), .tv_nsec = (time - seconds).count() } };
    VERIFY(timerfd_settime(m_fd.get(), 0, &once, nullptr) == 0);
}

void HostTimer::wait() const
{
    u64 times = 0;
    // A debugger may interrupt it.
    while (read(m_fd.get(), &times, sizeof times) < 0) { }
}

} // namespace zvisor
