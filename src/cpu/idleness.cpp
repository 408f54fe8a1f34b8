#include "cpu/idleness.h"

#include <algorithm>

namespace zvisor {

namespace {

/// More than this part of a window is work.
constexpr int most_idle_percent = 20;

[[nodiscard]] constexpr Idleness::Duration length(bool rests)
{
    return rests ? Idleness::resting_window : Idleness::window;
}

} // namespace

bool Idleness::is_due(Time now, Duration executed, bool rests)
{
    if (m_began == Time {})
        m_began = now;
    Duration passed = now - m_began;
    if (passed < length(rests))
        return false;
    bool worked = (executed - m_executed) * 100 > passed * most_idle_percent;
    m_began = now;
    m_executed = executed;
    if (worked || executed == m_given_back)
        return false;
    m_given_back = executed;
    return true;
}

auto Idleness::asks_again(Time now, Duration executed, bool rests) const -> std::optional<Duration>
{
    if (executed == m_given_back)
        return {};
    return std::max<Duration>(m_began + length(rests) - now, std::chrono::milliseconds(1));
}

} // namespace zvisor
