#include "storage/code_pages.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

constexpr auto always = [](const CodePages::Page&) { return true; };
constexpr auto never = [](const CodePages::Page&) { return false; };

TEST(CodePages, AreFoundByAnyAddressInThem)
{
    std::vector<u8> host(2 * page_size);
    CodePages pages;
    EXPECT_EQ(pages.find(0x5000), nullptr);
    pages.add({ .address = 0x5000, .host = host.data() });
    pages.add({ .address = 0x7000, .host = host.data() + page_size });
    EXPECT_EQ(pages.find(0x5008), host.data() + 8);
    EXPECT_EQ(pages.find(0x7fff), host.data() + 2 * page_size - 1);
    EXPECT_EQ(pages.find(0x6000), nullptr);
    pages.clear();
    EXPECT_EQ(pages.find(0x5000), nullptr);
    EXPECT_TRUE(pages.empty());
}

TEST(CodePages, AreFoundHoweverManyThereAreUntilThereIsNoRoom)
{
    u8 byte = 0;
    CodePages pages;
    u64 count = 0;
    for (; !pages.is_full(); ++count)
        pages.add({ .address = count * page_size, .host = &byte });
    EXPECT_GT(count, 10'000U);
    for (u64 page = 0; page + 1 < count; ++page)
        ASSERT_EQ(pages.find(page * page_size), &byte);
    EXPECT_EQ(pages.find((count - 1) * page_size), nullptr) << "the one too many";
}

TEST(CodePages, AreAskedAboutOncePerFrameAndPageByPage)
{
    u8 byte = 0;
    CodePages pages;
    EXPECT_TRUE(pages.all(never, never));
    for (u64 page = 0; page < 8; ++page)
        pages.add({ .address = page * page_size, .host = &byte, .entry = page < 4 ? 0x100 : 0x200 + page * 8, .large = page < 4 });
    int walked = 0;
    int looked = 0;
    EXPECT_TRUE(pages.all([&](const auto&) { return ++walked > 0; }, [&](const auto&) { return ++looked > 0; }));
    EXPECT_EQ(walked, 5);
    EXPECT_EQ(looked, 8);
    EXPECT_FALSE(pages.all(never, always));
    EXPECT_FALSE(pages.all(always, never));
}

} // namespace
} // namespace zvisor
