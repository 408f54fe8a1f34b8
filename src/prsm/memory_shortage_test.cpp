#include "prsm/memory_shortage.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace zvisor {
namespace {

struct MemoryShortageTest : testing::Test {
    ~MemoryShortageTest() override { std::filesystem::remove(counters); }

    void count(u64 ended) const { std::ofstream(counters) << "pgmajfault 12\noom_kill " << ended << "\nballoon_inflate 3\n"; }

    std::string counters { testing::TempDir() + "/zvisor-vmstat-" + std::to_string(getpid()) };
    MemoryShortage::Time now { std::chrono::hours(1) };
};

TEST_F(MemoryShortageTest, BeginsWhenTheHostEndsAProcessAndLastsForAWhile)
{
    count(7);
    MemoryShortage shortage(counters);
    EXPECT_FALSE(shortage.there_is(now));
    count(8);
    EXPECT_TRUE(shortage.there_is(now));
    EXPECT_TRUE(shortage.there_is(now + MemoryShortage::lately)) << "others it ended are reported after the first";
    EXPECT_FALSE(shortage.there_is(now + 2 * MemoryShortage::lately));
}

TEST_F(MemoryShortageTest, IsNeverThereOnAHostThatDoesNotCount)
{
    MemoryShortage shortage(counters);
    EXPECT_FALSE(shortage.there_is(now));
    std::ofstream(counters) << "pgmajfault 12\n";
    EXPECT_FALSE(shortage.there_is(now));
}

} // namespace
} // namespace zvisor
