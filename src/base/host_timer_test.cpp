#include "base/host_timer.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace zvisor {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(HostTimer, IsDueWhenItWasSetTo)
{
    HostTimer timer;
    auto began = Clock::now();
    timer.set(20ms);
    timer.wait();
    EXPECT_GE(Clock::now() - began, 20ms);
}

TEST(HostTimer, CountsFromTheLastTimeItWasSet)
{
    HostTimer timer;
    timer.set(1h);
    std::atomic<bool> due { false };
    std::jthread waits([&] {
        timer.wait();
        due = true;
    });
    timer.cancel();
    timer.set(1h);
    EXPECT_FALSE(due);
    timer.set(1ns);
    waits.join();
    EXPECT_TRUE(due);
}

} // namespace
} // namespace zvisor
