#include "engine/code_cache.h"

#include "engine/test_bench.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

struct CodeCacheTest : testing::Test {
    /// Counts those that were retired.
    struct Counted final : CodeBlock {
        explicit Counted(int& retired_of)
            : count_retired(retired_of)
        {
        }
        void retire() override { ++count_retired; }
        int& count_retired;
    };

    void add(u64 absolute)
    {
        cache.watch(bench.cpu, absolute & page_mask);
        auto block = std::make_unique<Counted>(retired);
        block->absolute = block->first = block->address = absolute;
        block->bytes = 2;
        cache.add(std::move(block));
    }
    [[nodiscard]] bool has(u64 absolute) { return cache.find(bench.cpu, absolute, absolute, 0) != nullptr; }
    [[nodiscard]] bool is_code(u64 page) { return (bench.storage->page_flags(page).load() & PageFlag::code) != 0; }

    TestBench bench { EngineOptions {} };
    CodeCache cache { *bench.storage };
    int retired { 0 };
};

TEST_F(CodeCacheTest, DropsSomeOfThePagesThatWereWatchedFirst)
{
    for (u64 page : { 0x5000u, 0x3000u, 0x4000u })
        for (u64 at : { 0u, 2u, 4u })
            add(page + at);
    cache.drop_some(4, [](const CodeBlock&) { return true; });
    EXPECT_EQ(cache.size(), 5u);
    EXPECT_EQ(retired, 4);
    EXPECT_FALSE(has(0x5004));
    EXPECT_FALSE(has(0x3000));
    EXPECT_TRUE(has(0x3004));
    EXPECT_TRUE(has(0x4000));
}

TEST_F(CodeCacheTest, DropsNoneThatIsNotMeant)
{
    for (u64 at : { 0x5000u, 0x3000u, 0x4000u })
        add(at);
    cache.drop_some(9, [](const CodeBlock& block) { return block.absolute == 0x3000; });
    EXPECT_EQ(cache.size(), 2u);
    EXPECT_FALSE(has(0x3000));
}

TEST_F(CodeCacheTest, APageThatWasWatchedAnewIsTheLastToGo)
{
    add(0x3000);
    add(0x4000);
    EXPECT_TRUE(cache.stored(0x3000, 2));
    add(0x3000);
    cache.drop_some(1, [](const CodeBlock&) { return true; });
    EXPECT_TRUE(has(0x3000));
    EXPECT_FALSE(has(0x4000));
}

TEST_F(CodeCacheTest, NoticesStoresIntoWatchedPages)
{
    add(0x3000);
    u64 before = cache.noticed();
    EXPECT_FALSE(cache.stored(0x4000, 8));
    EXPECT_EQ(cache.noticed(), before);
    EXPECT_FALSE(cache.stored(0x3800, 8));
    EXPECT_NE(cache.noticed(), before) << "code may be being made of it";
}

TEST_F(CodeCacheTest, ForgetsAllAtOnce)
{
    add(0x3000);
    add(0x4ffe);
    cache.drop_all();
    EXPECT_EQ(cache.size(), 0u);
    EXPECT_EQ(retired, 2);
    EXPECT_FALSE(is_code(0x3000));
    EXPECT_FALSE(is_code(0x4000));
    add(0x3000);
    EXPECT_TRUE(has(0x3000));
    EXPECT_TRUE(is_code(0x3000));
}

} // namespace
} // namespace zvisor
