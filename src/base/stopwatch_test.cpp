#include "base/stopwatch.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

TEST(Stopwatch, AddsUpWhatIsBetweenStartAndStop)
{
    Stopwatch watch;
    auto now = Stopwatch::Clock::now();
    EXPECT_EQ(watch.read(), 0ns);
    watch.start(now);
    watch.start(now + 5s);
    watch.stop(now + 10s);
    watch.stop(now + 20s);
    EXPECT_EQ(watch.read(), 10s);
    watch.start(now + 30s);
    watch.stop(now + 31s);
    EXPECT_EQ(watch.read(), 11s);
}

TEST(Stopwatch, GoesOnWhileItIsStarted)
{
    Stopwatch watch;
    watch.start(Stopwatch::Clock::now() - 1h);
    auto first = watch.read();
    EXPECT_GE(first, 1h);
    EXPECT_GE(watch.read(), first);
    watch.start(Stopwatch::Clock::now() + 1h);
    watch.stop();
    EXPECT_GE(watch.read(), first);
}

TEST(Stopwatch, StartedInTheFutureReadsNothing)
{
    Stopwatch watch;
    watch.start(Stopwatch::Clock::now() + 1h);
    EXPECT_EQ(watch.read(), 0ns);
}

} // namespace
} // namespace zvisor
