#include "cpu/idleness.h"

#include <algorithm>

namespace zvisor {

namespace {

constexpr Idleness::Duration longest_needed = 4 * Idleness::window;
/// More than this part of a window is work, after which idling begins anew.
constexpr int most_idle_percent = 20;

} // namespace

bool Idleness::is_due(Time now, Duration executed)
{
    if (m_began == Time {})
        m_began = now;
    Duration passed = now - m_began;
    if (passed < window)
        return false;
    bool worked = (executed - m_executed) * 100 > passed * most_idle_percent;
    m_idle = worked ? Duration {} : m_idle + passed;
    m_needed = worked ? window : m_needed;
    m_began = now;
    m_executed = executed;
    if (m_idle < m_needed || executed == m_given_back)
        return false;
    m_needed = std::min(2 * m_needed, longest_needed);
    m_idle = {};
    m_given_back = executed;
    return true;
}

auto Idleness::asks_again(Time now, Duration executed) const -> std::optional<Duration>
{
    if (executed == m_given_back)
        return {};
    return std::max<Duration>(m_began + std::max(window, m_needed - m_idle) - now, std::chrono::milliseconds(1));
}

} // namespace zvisor
