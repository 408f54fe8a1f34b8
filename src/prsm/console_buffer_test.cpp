#include "prsm/console_buffer.h"

#include <gtest/gtest.h>
#include <thread>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

TEST(ConsoleBuffer, GivesEveryViewerEverythingOnce)
{
    ConsoleBuffer console;
    console.append("one ");
    auto first = console.read(0, 0ms);
    console.append("two");
    EXPECT_EQ(first.text, "one ");
    EXPECT_EQ(console.read(first.next, 0ms).text, "two");
    EXPECT_EQ(console.read(0, 0ms).text, "one two");
    EXPECT_EQ(console.read(7, 0ms).text, "");
}

TEST(ConsoleBuffer, KeepsTheEnd)
{
    ConsoleBuffer console;
    for (int i = 0; i < 100; ++i)
        console.append(std::string(10'000, static_cast<char>('a' + i % 26)));
    auto piece = console.read(0, 0ms);
    EXPECT_EQ(piece.next, 1'000'000u);
    EXPECT_GE(piece.text.size(), ConsoleBuffer::scroll_back);
    EXPECT_LE(piece.text.size(), 2 * ConsoleBuffer::scroll_back);
    EXPECT_EQ(piece.text.back(), static_cast<char>('a' + 99 % 26));
}

TEST(ConsoleBuffer, WakesWhoWaits)
{
    ConsoleBuffer console;
    std::jthread writer([&] { console.append("late"); });
    EXPECT_EQ(console.read(0, 10s).text, "late");
}

TEST(ConsoleBuffer, LetsWhoWaitsGoWhenItIsClosed)
{
    ConsoleBuffer console;
    std::jthread closer([&] { console.close(); });
    EXPECT_TRUE(console.read(0, 10s).closed);
}

TEST(ConsoleBuffer, IgnoresPlacesBehindTheEnd)
{
    ConsoleBuffer console;
    console.append("x");
    auto piece = console.read(1'000, 0ms);
    EXPECT_EQ(piece.text, "");
    EXPECT_EQ(piece.next, 1u);
}

} // namespace
} // namespace zvisor
