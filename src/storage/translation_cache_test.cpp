#include "storage/tlb.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

constexpr u64 read_only = TranslationCache::read;
constexpr u64 any_space = u64 { 1 } << 40;

[[nodiscard]] u8* host_of(u64 address)
{
    return reinterpret_cast<u8*>(address + any_space);
}

struct TranslationCacheTest : testing::Test {
    void add(u64 first_page, u64 count)
    {
        for (u64 page = first_page; page < first_page + count; ++page)
            cache.add(page * page_size, read_only, host_of(page * page_size), [this] { return time += between_looks; });
    }
    [[nodiscard]] u64 known(u64 first_page, u64 count) const
    {
        u64 found = 0;
        for (u64 page = first_page; page < first_page + count; ++page) {
            u8* host = cache.find(page * page_size + 5, read_only);
            EXPECT_TRUE(!host || host == host_of(page * page_size));
            found += host != nullptr;
        }
        return found;
    }

    TranslationCache cache;
    u64 time { 1'000'000'000 };
    u64 between_looks { 100 };
};

TEST_F(TranslationCacheTest, KnowsWhatWasAdded)
{
    add(0x7000, 1000);
    EXPECT_EQ(known(0x7000, 1000), 1000u);
    EXPECT_EQ(cache.find(0x7000 * page_size, TranslationCache::write), nullptr);
}

TEST_F(TranslationCacheTest, GrowsForAProgramOfManyPages)
{
    constexpr u64 pages = 16000;
    for (int round = 0; round < 4; ++round)
        add(0x7000, pages);
    EXPECT_EQ(known(0x7000, pages), pages);
}

TEST_F(TranslationCacheTest, StaysSmallForOneThatTakesItsTime)
{
    constexpr u64 pages = 16000;
    between_looks = 1'000'000;
    for (int round = 0; round < 4; ++round)
        add(0x7000, pages);
    EXPECT_LE(known(0x7000, pages), 1024u);
}

TEST_F(TranslationCacheTest, DropsPagesByTheirIndexHoweverLargeItIs)
{
    for (u64 pages : { 1000u, 16000u }) {
        for (int round = 0; round < 4; ++round)
            add(0x7000, pages);
        cache.drop_index(0x7003 * page_size);
        for (u64 page = 0x7003; page < 0x7000 + pages; page += 256)
            EXPECT_EQ(known(page, 1), 0u);
        EXPECT_EQ(known(0x7004, 1), 1u);
    }
}

TEST_F(TranslationCacheTest, KnowsNothingOnceItIsClearedHoweverOften)
{
    for (int round = 0; round < 3000; ++round) {
        add(0x7000, 4);
        EXPECT_EQ(known(0x7000, 4), 4u);
        cache.clear();
        EXPECT_EQ(known(0x7000, 4), 0u);
    }
}

} // namespace
} // namespace zvisor
