#pragma once

#include "base/types.h"

#include <atomic>
#include <ctime>

namespace zvisor {

/// The TOD clock of one configuration (PoP ch. 4): bit 51 ticks each microsecond, zero is 1900-01-01.
/// It advances with the host's monotonic clock, so it never steps back.
class TodClock {
public:
    static constexpr u64 units_per_microsecond = 4096;

    TodClock()
    {
        constexpr u64 seconds_1900_to_1970 = 2208988800;
        std::timespec wall {};
        clock_gettime(CLOCK_REALTIME, &wall);
        m_base = from_nanoseconds(u64(wall.tv_sec) * 1'000'000'000 + u64(wall.tv_nsec))
            + seconds_1900_to_1970 * 1'000'000 * units_per_microsecond - monotonic();
    }

    [[nodiscard]] u64 now() const { return m_base.load(std::memory_order_relaxed) + monotonic(); }
    /// SET CLOCK.
    void set(u64 value) { m_base.store(value - monotonic()); }

    [[nodiscard]] static u64 from_nanoseconds(u64 ns) { return ns / 125 * 512 + ns % 125 * 512 / 125; }
    [[nodiscard]] static u64 to_nanoseconds(u64 units) { return units / 512 * 125 + units % 512 * 125 / 512; }

private:
    [[nodiscard]] static u64 monotonic()
    {
        std::timespec now {};
        clock_gettime(CLOCK_MONOTONIC, &now);
        return from_nanoseconds(u64(now.tv_sec) * 1'000'000'000 + u64(now.tv_nsec));
    }

    std::atomic<u64> m_base;
};

} // namespace zvisor
