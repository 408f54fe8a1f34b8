#include "engine/translator/worker.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

TEST(Worker, DoesWhatItIsGivenOnce)
{
    u32 done = 0;
    Worker worker([&] { ++done; }, [] {});
    for (u32 i = 1; i <= 1000; ++i) {
        worker.give();
        worker.wait_until_done();
        ASSERT_EQ(done, i);
    }
}

TEST(Worker, DoesNotDoWhatWasTakenBack)
{
    u32 done = 0;
    u32 taken_back = 0;
    Worker worker([&] { ++done; }, [] {});
    for (u32 i = 1; i <= 20000; ++i) {
        worker.give();
        if (worker.take_back())
            ++taken_back;
        else
            worker.wait_until_done();
        ASSERT_TRUE(worker.is_done());
        ASSERT_EQ(done + taken_back, i);
    }
}

TEST(Worker, CannotBeDeprivedOfWhatItBegan)
{
    std::atomic<bool> has_begun { false };
    std::atomic<bool> may_end { false };
    std::atomic<bool> told { false };
    Worker worker(
        [&] {
            has_begun = true;
            has_begun.notify_one();
            may_end.wait(false);
        },
        [&] { told = true; });
    worker.give();
    has_begun.wait(false);
    EXPECT_FALSE(worker.take_back());
    EXPECT_FALSE(worker.is_done());
    may_end = true;
    may_end.notify_one();
    worker.wait_until_done();
    while (!told)
        std::this_thread::yield();
}

} // namespace
} // namespace zvisor
