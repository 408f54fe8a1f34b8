#include "cpu/timer_alarm.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

constexpr u64 now = 1'000'000 * TodClock::units_per_microsecond;
constexpr u64 tick = 4'000 * TodClock::units_per_microsecond;

TEST(TimerAlarm, LooksAtACpuThatExecutesAtItsDeadline)
{
    EXPECT_EQ(TimerAlarm::next_look(true, now + tick, now), now + tick);
    EXPECT_EQ(TimerAlarm::next_look(true, TimerAlarm::never, now), TimerAlarm::never);
}

TEST(TimerAlarm, LooksOnceATickAtACpuThatMostlyWaits)
{
    u64 first = TimerAlarm::next_look(false, now + tick, now);
    // It set the next deadline soon after the first: that is no reason to look earlier.
    EXPECT_GT(now + 2 * tick, first);
    EXPECT_GT(first, now + tick);
    EXPECT_EQ(TimerAlarm::next_look(false, now + 2 * tick, first), first + tick);
}

TEST(TimerAlarm, LooksAtNoCpuThatIsAboutToWakeUp)
{
    EXPECT_EQ(TimerAlarm::next_look(false, now, now), TimerAlarm::never);
    EXPECT_EQ(TimerAlarm::next_look(false, TimerAlarm::never, now), TimerAlarm::never);
}

} // namespace
} // namespace zvisor
