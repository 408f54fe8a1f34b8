#pragma once

#include <algorithm>
#include <chrono>

namespace zvisor {

/// So much of something for a time: it fills up evenly, and is full at first.
class Allowance {
public:
    using Time = std::chrono::steady_clock::time_point;

    Allowance(double per_second, double most)
        : m_per_second(per_second)
        , m_most(most)
        , m_left(most)
    {
    }

    /// What may be taken; negative after `spend` of more than there was.
    [[nodiscard]] double left(Time now)
    {
        m_left = std::min(m_most, m_left + m_per_second * std::max(0.0, std::chrono::duration<double>(now - m_filled).count()));
        m_filled = std::max(m_filled, now);
        return m_left;
    }
    /// Takes one; false when there is none.
    [[nodiscard]] bool take(Time now)
    {
        bool enough = left(now) >= 1;
        m_left -= enough ? 1 : 0;
        return enough;
    }
    /// Takes what has been used already.
    void spend(double amount, Time now) { m_left = left(now) - amount; }

private:
    double m_per_second;
    double m_most;
    double m_left;
    Time m_filled {};
};

} // namespace zvisor
