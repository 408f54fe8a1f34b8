#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace zvisor {

/// How long a CPU in the wait state looks for work before its host thread sleeps. Waking a thread takes the host longer than most waits
/// of CPUs that work for each other last; a CPU that waits for long does not look at all.
class WaitPolling {
public:
    using Duration = std::chrono::nanoseconds;
    static constexpr Duration least = std::chrono::microseconds(10);

    /// Waits longer than `most` are not looked through.
    explicit WaitPolling(Duration most = std::chrono::microseconds(500))
        : m_most(most)
    {
    }
    [[nodiscard]] Duration window() const { return m_window; }
    /// A wait has lasted so long.
    void waited(Duration time)
    {
        if (time > m_most)
            m_window /= 2;
        else if (time > m_window)
            m_window = std::clamp(m_window * 2, least, m_most);
        if (m_window < least)
            m_window = {};
    }

    /// Looks for work as long as the window is. Threads that have work are let go first on the host's core.
    template<class Done>
    void poll(Done done) const
    {
        if (m_window.count() == 0)
            return;
        auto end = std::chrono::steady_clock::now() + m_window;
        while (!done() && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
    }

private:
    Duration m_most;
    Duration m_window {};
};

} // namespace zvisor
