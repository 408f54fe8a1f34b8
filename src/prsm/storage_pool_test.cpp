#include "prsm/storage_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

TEST(StoragePool, GivesNoMoreThanTheHostHas)
{
    StoragePool pool(10 * mega, mega, 2 * mega);
    EXPECT_TRUE(pool.check(2));
    auto block = pool.take().value();
    EXPECT_EQ(
        pool.check(2).error().message, "the host has 2M of memory, of which the machine's partitions have 1M and cannot have 2M more");
    auto second = pool.take().value();
    EXPECT_FALSE(pool.take());
    EXPECT_GE(StoragePool::memory_of_host(), 64 * mega);
}

TEST(StoragePool, LeavesTheFirmwareDescriptors)
{
    StoragePool pool(100 * mega, mega);
    rlimit before {};
    getrlimit(RLIMIT_NOFILE, &before);
    rlimit few { 40, before.rlim_max };
    setrlimit(RLIMIT_NOFILE, &few);
    std::vector<UniqueFd> blocks;
    Result<UniqueFd> block = pool.take();
    for (; block; block = pool.take())
        blocks.push_back(std::move(*block));
    UniqueFd other { dup(0) };
    EXPECT_EQ(block.error().message, "the host has no memory for a block of 1M: Too many open files");
    EXPECT_TRUE(other.valid());
    setrlimit(RLIMIT_NOFILE, &before);
}

TEST(StoragePool, BlocksDoNotGrow)
{
    StoragePool pool(mega, mega);
    auto block = pool.take().value();
    EXPECT_NE(ftruncate(block.get(), 2 * mega), 0);
    EXPECT_NE(fallocate(block.get(), 0, mega, mega), 0);
    EXPECT_NE(pwrite(block.get(), "x", 1, mega), 1);
    EXPECT_NE(fcntl(block.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
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
    UniqueFd kept { dup(block.get()) };
    pool.put_back(std::move(block));
    fstat(kept.get(), &status);
    EXPECT_EQ(status.st_blocks, 0);
    EXPECT_DEATH(memory[5000] = 'y', "");
    EXPECT_NE(pwrite(kept.get(), "x", 1, 0), 1);
    EXPECT_NE(fallocate(kept.get(), 0, 0, mega), 0);
    munmap(memory, mega);
}

TEST(StoragePool, ABlockIsAdoptedOnlyWhenItIsOneOfTheMachines)
{
    StoragePool pool(2 * mega, mega);
    auto block = pool.take().value();
    EXPECT_TRUE(pool.adopt(block));
    EXPECT_FALSE(pool.adopt(block)) << "all are given";
    StoragePool other(2 * mega, mega / 2);
    EXPECT_FALSE(other.adopt(block)) << "of another size";
    UniqueFd unsealed { memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
    ASSERT_EQ(ftruncate(unsealed.get(), mega / 2), 0);
    EXPECT_FALSE(other.adopt(unsealed));
    ASSERT_EQ(fcntl(unsealed.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
    EXPECT_FALSE(other.adopt(unsealed)) << "it could not be emptied";
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
