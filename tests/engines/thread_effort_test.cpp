#include "thread_effort.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

namespace zvisor::engines {
namespace {

using namespace std::chrono_literals;

TEST(ThreadEffort, IsAllTheTimeOfAThreadThatSleeps)
{
    std::promise<ThreadEffort> promised;
    std::jthread thread([&](const std::stop_token& stop) {
        promised.set_value(ThreadEffort());
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any().wait(lock, stop, [] { return false; });
    });
    ThreadEffort effort = promised.get_future().get();
    while (effort.next(60) != 60)
        std::this_thread::yield(); // it does not sleep yet
}

TEST(ThreadEffort, IsAtMostWhatAThreadExecuted)
{
    ThreadEffort mine;
    std::this_thread::sleep_for(200ms);
    // Asked by itself it executes, and it did nothing else.
    EXPECT_LT(mine.next(0.2), 0.1);
}

TEST(ThreadEffort, GrowsWhileAThreadExecutes)
{
    ThreadEffort mine;
    auto executed = [] {
        timespec time {};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
    };
    for (double end = executed() + 0.1; executed() < end;) { }
    EXPECT_GT(mine.next(60), 0.05);
}

} // namespace
} // namespace zvisor::engines
