#include "storage/code_map.h"

#include <array>
#include <gtest/gtest.h>
#include <thread>

namespace zvisor {
namespace {

constexpr u64 storage_size = u64 { 1 } << 30;

class MapOfCode : public testing::Test {
protected:
    CodeMap map { std::move(HostRange::reserve(CodeMap::size(storage_size), "the map of code")).value() };
};

TEST_F(MapOfCode, HoldsTheBlocksOf16BytesThatAreMarked)
{
    map.mark(0x1008, 6);
    EXPECT_TRUE(map.holds(0x1000, 1));
    EXPECT_TRUE(map.holds(0x0ff0, 17));
    EXPECT_FALSE(map.holds(0x0ff0, 16));
    EXPECT_FALSE(map.holds(0x1010, 0x1000));
    map.mark(storage_size - 2, 2);
    EXPECT_TRUE(map.holds(storage_size - 1, 1));
    map.mark(0x13fe, 4);
    EXPECT_TRUE(map.holds(0x13f0, 1)) << "the last block of a word";
    EXPECT_TRUE(map.holds(0x1400, 1)) << "the first one of the next word";
}

TEST_F(MapOfCode, ForgetsStretchesThatAreNotUsed)
{
    u64 used = 700 * CodeMap::stretch;
    map.mark(0x1000, 2);
    map.mark(used - 2, 4);
    map.forget_unused([&](u64 stretch) { return stretch == used; });
    EXPECT_FALSE(map.holds(0x1000, 2));
    EXPECT_FALSE(map.holds(used - 2, 2));
    EXPECT_TRUE(map.holds(used, 2));
    map.mark(0x1000, 2);
    EXPECT_TRUE(map.holds(0x1000, 2));
    map.forget_unused([](u64) { return false; });
    EXPECT_FALSE(map.holds(0x1000, 2)) << "what was forgotten and marked anew is forgotten again";
    EXPECT_FALSE(map.holds(used, 2));
}

TEST_F(MapOfCode, AsksForStretchesWithMarksAlone)
{
    map.mark(5 * CodeMap::stretch, 2);
    std::vector<u64> asked;
    for (int times = 0; times < 2; ++times)
        map.forget_unused([&](u64 stretch) {
            asked.push_back(stretch);
            return false;
        });
    EXPECT_EQ(asked, std::vector<u64> { 5 * CodeMap::stretch });
}

/// Threads make stretches used and mark them, while one forgets what is not used.
TEST_F(MapOfCode, LosesNoMarkOfAStretchThatIsUsed)
{
    constexpr unsigned stretches = 4;
    std::array<std::atomic<unsigned>, stretches> users {};
    std::atomic<unsigned> lost { 0 };
    std::atomic<bool> ends { false };
    std::jthread forgets([&] {
        while (!ends)
            map.forget_unused([&](u64 stretch) { return users[stretch / CodeMap::stretch].load() != 0; });
    });
    auto work = [&](u64 first) {
        for (u64 i = 0; i < 20'000; ++i) {
            u64 stretch = (first + i) % stretches;
            u64 address = stretch * CodeMap::stretch + i % 2000 * 16;
            ++users[stretch];
            map.mark(address, 2);
            for (int looks = 0; looks < 3; ++looks)
                lost += !map.holds(address, 2);
            --users[stretch];
        }
    };
    {
        std::jthread one([&] { work(0); });
        std::jthread other([&] { work(2); });
    }
    ends = true;
    EXPECT_EQ(lost, 0U);
}

} // namespace
} // namespace zvisor
