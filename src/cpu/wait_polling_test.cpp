#include "cpu/wait_polling.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

TEST(WaitPolling, LooksForWorkAfterShortWaits)
{
    WaitPolling polling(100us);
    EXPECT_EQ(polling.window(), 0ns);
    polling.waited(30us);
    EXPECT_EQ(polling.window(), WaitPolling::least);
    polling.waited(30us);
    polling.waited(30us);
    EXPECT_EQ(polling.window(), 40us);
    polling.waited(30us);
    EXPECT_EQ(polling.window(), 40us);
    for (int i = 0; i < 5; ++i)
        polling.waited(100us);
    EXPECT_EQ(polling.window(), 100us);
}

TEST(WaitPolling, StopsLookingAfterLongWaits)
{
    WaitPolling polling(100us);
    polling.waited(100us);
    for (int i = 0; i < 10; ++i)
        polling.waited(10ms);
    EXPECT_EQ(polling.window(), 0ns);
}

} // namespace
} // namespace zvisor
