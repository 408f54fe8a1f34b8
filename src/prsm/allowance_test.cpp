#include "prsm/allowance.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

constexpr Allowance::Time start { 100s };

TEST(Allowance, IsFullAtFirstAndFillsUpEvenly)
{
    Allowance allowance(10, 2);
    EXPECT_TRUE(allowance.take(start));
    EXPECT_TRUE(allowance.take(start));
    EXPECT_FALSE(allowance.take(start));
    EXPECT_FALSE(allowance.take(start + 99ms));
    EXPECT_TRUE(allowance.take(start + 101ms));
    EXPECT_NEAR(allowance.left(start + 1h), 2, 1e-9) << "no more than the most";
}

TEST(Allowance, MayBeOverdrawnByWhatWasUsed)
{
    Allowance allowance(1, 2);
    allowance.spend(5, start);
    EXPECT_NEAR(allowance.left(start), -3, 1e-9);
    EXPECT_NEAR(allowance.left(start + 4s), 1, 1e-9);
    EXPECT_NEAR(allowance.left(start), 1, 1e-9) << "time does not go back";
}

} // namespace
} // namespace zvisor
