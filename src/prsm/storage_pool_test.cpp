#include "prsm/storage_pool.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zvisor {
namespace {

constexpr u64 mega = 1 << 20;

TEST(StoragePool, GivesNoMoreThanThereIs)
{
    StoragePool pool(3 * mega, mega);
    HeldBlocks held;
    for (u64 i = 0; i < 3; ++i)
        held.emplace(i, pool.take().value());
    EXPECT_EQ(pool.free(), 0u);
    auto more = pool.take();
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().message, "the machine's storage of 3M is all given to partitions");
    pool.put_back(std::move(held));
    EXPECT_EQ(pool.free(), 3u);
}

TEST(StoragePool, BlocksKeepTheirSize)
{
    StoragePool pool(mega, mega);
    auto block = pool.take().value();
    EXPECT_NE(ftruncate(block.get(), 4096), 0);
    EXPECT_NE(ftruncate(block.get(), 2 * mega), 0);
}

TEST(StoragePool, NothingIsLeftInABlockThatWasPutBack)
{
    StoragePool pool(mega, mega);
    auto block = pool.take().value();
    auto* memory = static_cast<char*>(mmap(nullptr, mega, PROT_READ | PROT_WRITE, MAP_SHARED, block.get(), 0));
    ASSERT_NE(memory, MAP_FAILED);
    memory[5000] = 'x';
    struct stat status {};
    fstat(block.get(), &status);
    EXPECT_NE(status.st_blocks, 0);
    pool.put_back(std::move(block));
    // Who kept a mapping of it finds zeros.
    EXPECT_EQ(memory[5000], 0);
    munmap(memory, mega);
}

TEST(StoragePool, BlocksLieOnBoards)
{
    StoragePool pool(std::vector { 2 * mega, 3 * mega }, mega);
    EXPECT_EQ(pool.board_with(2), 0u);
    EXPECT_EQ(pool.board_with(3), 1u);
    EXPECT_EQ(pool.board_with(4), 0u) << "none has so many";
    HeldBlocks held;
    for (u64 i = 0; i < 4; ++i)
        held.emplace(i, pool.take(1).value());
    EXPECT_EQ(pool.board_of(held.at(2)), 1u);
    EXPECT_EQ(pool.board_of(held.at(3)), 0u) << "the other board has none left";
    EXPECT_EQ(pool.boards()[0].free, 1u);
    StoragePool next(std::vector { 2 * mega, 3 * mega }, mega);
    EXPECT_TRUE(next.adopt(held.at(0)));
    EXPECT_EQ(next.boards()[1].free, 2u) << "the block says where it lies";
    pool.put_back(std::move(held));
    EXPECT_EQ(pool.boards()[0].free, 2u);
    EXPECT_EQ(pool.boards()[1].free, 3u);
}

} // namespace
} // namespace zvisor
