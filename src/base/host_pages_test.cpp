#include "base/host_pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <vector>

namespace zvisor {
namespace {

constexpr std::size_t page = 4096;

[[nodiscard]] std::size_t resident_pages(const void* pages, std::size_t bytes)
{
    std::vector<unsigned char> resident(bytes / page);
    EXPECT_EQ(mincore(const_cast<void*>(pages), bytes, resident.data()), 0);
    std::size_t count = 0;
    for (auto each : resident)
        count += each & 1;
    return count;
}

TEST(HostTable, TakesOfTheHostWhatIsUsed)
{
    HostTable<unsigned> table(64 * page / sizeof(unsigned));
    EXPECT_EQ(resident_pages(&table[0], 64 * page), 0u);
    table[5 * page / sizeof(unsigned)] = 1;
    EXPECT_EQ(resident_pages(&table[0], 64 * page), 1u);
}

TEST(HostTable, GivesBackWhatItIsClearedOf)
{
    HostTable<unsigned> table(4 * page / sizeof(unsigned));
    table[1] = table[page - 1] = 7;
    table.clear();
    EXPECT_EQ(resident_pages(&table[0], 4 * page), 0u);
    EXPECT_EQ(table[1], 0u);
    EXPECT_EQ(table[page - 1], 0u);
}

TEST(HostPages, AreAligned)
{
    HostPages pages;
    for (std::size_t alignment = 16; alignment <= 64 * page; alignment *= 2)
        for (std::size_t bytes : { std::size_t { 100 }, 3 * page, 65 * page + 1 }) {
            auto* first = static_cast<char*>(pages.allocate(bytes, alignment));
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % alignment, 0u);
            first[0] = first[bytes - 1] = 1;
            EXPECT_EQ(resident_pages(first, (bytes + page - 1) / page * page), bytes <= page ? 1u : 2u);
            pages.deallocate(first, bytes, alignment);
        }
}

} // namespace
} // namespace zvisor
