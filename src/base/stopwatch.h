#pragma once

#include "base/types.h"

#include <atomic>
#include <chrono>

namespace zvisor {

/// Adds up the time in which something is the case. One thread at a time starts and stops it, any thread reads it.
class Stopwatch {
public:
    using Clock = std::chrono::steady_clock;
    using Nanoseconds = std::chrono::nanoseconds;

    /// Starting a started one and stopping a stopped one change nothing.
    void start(Clock::time_point now = Clock::now())
    {
        if (m_since.load(std::memory_order_relaxed) == stopped)
            change(m_total.load(std::memory_order_relaxed), now.time_since_epoch().count());
    }
    void stop(Clock::time_point now = Clock::now())
    {
        i64 since = m_since.load(std::memory_order_relaxed);
        if (since != stopped)
            change(m_total.load(std::memory_order_relaxed) + now.time_since_epoch().count() - since, stopped);
    }
    /// The time until now.
    [[nodiscard]] Nanoseconds read() const
    {
        for (;;) {
            u32 before = m_changes.load();
            i64 total = m_total.load();
            i64 since = m_since.load();
            if (before % 2 != 0 || before != m_changes.load())
                continue;
            // What this thread sees of the clock may be older than a start elsewhere.
            i64 running = since == stopped ? 0 : Clock::now().time_since_epoch().count() - since;
            return Nanoseconds(total + (running > 0 ? running : 0));
        }
    }

private:
    static constexpr i64 stopped = -1;

    void change(i64 total, i64 since)
    {
        // Odd while the two do not belong together.
        ++m_changes;
        m_total = total;
        m_since = since;
        ++m_changes;
    }

    std::atomic<u32> m_changes { 0 };
    std::atomic<i64> m_total { 0 };
    std::atomic<i64> m_since { stopped };
};

} // namespace zvisor
