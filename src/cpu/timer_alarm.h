#pragma once

#include "cpu/tod_clock.h"

#include <limits>

namespace zvisor {

/// The alarm for timers, a thread, rings for CPUs that execute past a deadline; one that waits sleeps until its deadline by itself. Each
/// look of the alarm costs the host a wake-up, so a CPU that goes to sleep puts it off.
struct TimerAlarm {
    static constexpr u64 never = std::numeric_limits<u64>::max();
    /// A CPU acts on its timer within this, even when it takes long to leave a block.
    static constexpr u64 shortest_sleep = TodClock::units_per_microsecond * 50;
    /// A CPU that waits has mostly been at work and set its next deadline so long after the last.
    static constexpr u64 time_to_set_next = TodClock::units_per_microsecond * 500;

    /// When to look at a CPU next; one that executes past its deadline is rung for now. Times are those of the TOD clock.
    [[nodiscard]] static constexpr u64 next_look(bool executes, u64 deadline, u64 now)
    {
        // One that wakes up for its deadline now says when the next is.
        if (deadline <= now || deadline == never)
            return never;
        return executes ? deadline : deadline + time_to_set_next;
    }
};

} // namespace zvisor
