#include "cpu/idleness.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

struct IdlenessTest : testing::Test {
    /// Passes time, a part of which is executed, in waits as a periodic timer ends them. How often memory was to go.
    int pass(Idleness::Duration time, double part)
    {
        int due = 0;
        for (auto end = now + time; now < end;) {
            now += 4ms;
            executed += std::chrono::duration_cast<Idleness::Duration>(4ms * part);
            due += idleness.is_due(now, executed, rests);
        }
        return due;
    }

    Idleness idleness;
    Idleness::Time now { 1000s };
    Idleness::Duration executed { 5s };
    bool rests { false };
};

TEST_F(IdlenessTest, IsNotOfACpuThatWorks)
{
    EXPECT_EQ(pass(600s, 0.3), 0);
}

TEST_F(IdlenessTest, IsDueEachTenSecondsOfACpuThatExecutesALittle)
{
    (void)pass(11s, 0.01);
    EXPECT_EQ(pass(400s, 0.01), 40);
}

TEST_F(IdlenessTest, IsDueEachTwoSecondsWhileTheEngineRests)
{
    (void)pass(21s, 0.01);
    rests = true;
    EXPECT_EQ(pass(100s, 0.01), 50);
    (void)pass(2s, 0.3); // a window that began idle
    EXPECT_EQ(pass(100s, 0.3), 0);
    rests = false;
    EXPECT_EQ(pass(100s, 0.01), 10);
}

TEST_F(IdlenessTest, BeginsWithTheFirstWindowWithoutWork)
{
    (void)pass(30s, 1);
    EXPECT_EQ(pass(9s, 0.01), 0);
    EXPECT_EQ(pass(12s, 0.01), 2);
    EXPECT_EQ(pass(21s, 0.5), 0);
    EXPECT_EQ(pass(21s, 0.01), 2);
}

TEST_F(IdlenessTest, IsDueOnceForACpuThatExecutesNothing)
{
    (void)pass(30s, 1);
    ASSERT_TRUE(idleness.asks_again(now, executed, rests));
    now += *idleness.asks_again(now, executed, rests);
    // The window that has just ended may hold the last of the work.
    if (!idleness.is_due(now, executed, rests)) {
        now += *idleness.asks_again(now, executed, rests);
        EXPECT_TRUE(idleness.is_due(now, executed, rests));
    }
    EXPECT_FALSE(idleness.asks_again(now, executed, rests));
    now += 1000s;
    EXPECT_FALSE(idleness.is_due(now, executed, rests));
}

} // namespace
} // namespace zvisor
