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
    static constexpr Duration most = std::chrono::microseconds(100);

    [[nodiscard]] Duration window() const { return m_window; }
    /// A wait has lasted so long.
    void waited(Duration time)
    {
        if (time > most)
            m_window /= 2;
        else if (time > m_window)
            m_window = std::clamp(m_window * 2, least, most);
        if (m_window < least)
            m_window = {};
    }

    /// Looks for work as long as the window is.
    template<class Done>
    void poll(Done done) const
    {
        if (m_window.count() == 0)
            return;
        auto end = std::chrono::steady_clock::now() + m_window;
        while (!done() && std::chrono::steady_clock::now() < end)
            relax_host();
    }

private:
    /// Leaves the host's core to its other thread for a moment.
    static void relax_host()
    {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#else
        std::this_thread::yield();
#endif
    }

    Duration m_window {};
};

} // namespace zvisor
