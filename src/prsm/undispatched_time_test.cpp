#include "prsm/undispatched_time.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// A process looked at once a second, with so much CPU time and dispatched time in each.
struct Watched {
    UndispatchedTime time { UndispatchedTime::Limits {} };
    UndispatchedTime::Time now { 1000s };
    nanoseconds used {};
    nanoseconds dispatched {};
    nanoseconds charged {};

    /// True when it is too much at the end of these seconds.
    bool pass(int seconds, nanoseconds uses, nanoseconds is_dispatched)
    {
        UndispatchedTime::Verdict verdict;
        for (int i = 0; i < seconds; ++i) {
            verdict = time.look(now += 1s, used += uses, dispatched += is_dispatched);
            charged += verdict.charge;
        }
        return verdict.excessive;
    }
};

/// Whether so many seconds of that cost nothing.
[[nodiscard]] bool is_free(int seconds, nanoseconds uses, nanoseconds is_dispatched)
{
    Watched process;
    return !process.pass(seconds, uses, is_dispatched) && process.charged == 0ns;
}

TEST(UndispatchedTime, IsFreeForDevicesInMeasure)
{
    EXPECT_TRUE(is_free(1000, 1200ms, 1000ms));
}

TEST(UndispatchedTime, IsFreeForAStart)
{
    EXPECT_TRUE(is_free(3, 1000ms, 0ms));
}

TEST(UndispatchedTime, IsChargedBeyondThat)
{
    Watched process;
    EXPECT_FALSE(process.pass(101, 1500ms, 1000ms));
    EXPECT_NEAR(std::chrono::duration<double>(process.charged).count(), 100 * 0.25 - 2, 0.3);
}

TEST(UndispatchedTime, IsNoMatterWhereCpusThatWereDispatchedSlept)
{
    EXPECT_TRUE(is_free(100, 100ms, 1000ms));
}

TEST(UndispatchedTime, EndsAPartitionThatLivesOnIt)
{
    Watched process;
    EXPECT_FALSE(process.pass(10, 1000ms, 0ms));
    EXPECT_TRUE(process.pass(15, 1000ms, 0ms));
    Watched busy;
    EXPECT_FALSE(busy.pass(1000, 1900ms, 1000ms)) << "as much as it was dispatched is the work of its devices";
}

} // namespace
} // namespace zvisor
