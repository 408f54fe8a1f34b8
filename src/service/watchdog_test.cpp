#include "service/watchdog.h"

#include <future>
#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

TEST(Watchdog, ChecksItsOperands)
{
    Watchdog watchdog([](auto) { FAIL() << "not to expire"; });
    EXPECT_EQ(watchdog.diagnose(1, 30, 0).error(), ProgramCode::specification) << "change without start";
    EXPECT_EQ(watchdog.diagnose(0, 14, 0).error(), ProgramCode::specification);
    EXPECT_EQ(watchdog.diagnose(0, 30, 9).error(), ProgramCode::specification);
    EXPECT_EQ(watchdog.diagnose(3, 30, 0).error(), ProgramCode::specification);
    EXPECT_TRUE(watchdog.diagnose(0, ~u64 { 0 }, 0));
    EXPECT_TRUE(watchdog.diagnose(1, 30, 0));
    EXPECT_TRUE(watchdog.running());
    EXPECT_TRUE(watchdog.diagnose(2, 0, 0));
    EXPECT_FALSE(watchdog.running());
}

TEST(Watchdog, ExpiresOnceWhenNotRenewed)
{
    std::promise<Watchdog::Action> expired;
    Watchdog watchdog([&](auto action) { expired.set_value(action); }, 1ms);
    ASSERT_TRUE(watchdog.diagnose(0, 3600, 0));
    ASSERT_TRUE(watchdog.diagnose(1, 15, 0));
    auto future = expired.get_future();
    ASSERT_EQ(future.wait_for(60s), std::future_status::ready);
    EXPECT_EQ(future.get(), Watchdog::Action::restart);
    EXPECT_FALSE(watchdog.running());
}

} // namespace
} // namespace zvisor
