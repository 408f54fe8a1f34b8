#include "base/text.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

TEST(Text, OfOthersIsMadePrintable)
{
    EXPECT_EQ(printable("CPU 0: a wait, ~\x20", 100), "CPU 0: a wait, ~ ");
    EXPECT_EQ(printable("\x1b[2J\x07\x7f\xc2\x9b\n", 100), "?[2J?????");
    EXPECT_EQ(printable("123456", 4), "1234");
    EXPECT_EQ(printable({ "\0", 1 }, 4), "?");
}

} // namespace
} // namespace zvisor
