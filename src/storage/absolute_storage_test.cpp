#include "storage/absolute_storage.h"

#include "base/big_endian.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <thread>

namespace zvisor {
namespace {

constexpr u64 megabyte = 1 << 20;
constexpr u64 block_size = 2 * megabyte;

UniqueFd memory_file(u64 size, int seals = F_SEAL_SHRINK)
{
    UniqueFd file(memfd_create("block", MFD_ALLOW_SEALING));
    EXPECT_EQ(ftruncate(file.get(), static_cast<off_t>(size)), 0);
    EXPECT_EQ(fcntl(file.get(), F_ADD_SEALS, seals), 0);
    return file;
}

/// Whether any byte of a file has memory.
u64 memory_of(const UniqueFd& file)
{
    struct stat status {};
    EXPECT_EQ(fstat(file.get(), &status), 0);
    return static_cast<u64>(status.st_blocks) * 512;
}

class Zone : public testing::Test {
protected:
    /// Attaches a new file as a block.
    UniqueFd attach(u64 index)
    {
        auto file = memory_file(block_size);
        EXPECT_TRUE(storage->attach_block(index, file));
        return file;
    }
    [[nodiscard]] std::string complaint(const UniqueFd& file) const
    {
        auto result = storage->attach_block(0, file);
        return result ? "" : result.error().message;
    }

    std::unique_ptr<AbsoluteStorage> storage = std::move(AbsoluteStorage::create_zone(5 * block_size, block_size)).value();
};

TEST_F(Zone, HasNoAddressBeforeABlockIsAttached)
{
    EXPECT_EQ(storage->size(), 5 * block_size);
    for (u64 address : { u64 { 0 }, block_size - 1, 5 * block_size - 1 })
        EXPECT_FALSE(storage->contains(address)) << address;
    EXPECT_FALSE(storage->write_as(0, u64 { 1 }));
    EXPECT_TRUE(storage->view(0, 1).empty());
}

TEST_F(Zone, ContainsRangesWithoutAHole)
{
    for (u64 index : { u64 { 0 }, u64 { 1 }, u64 { 3 } })
        attach(index);
    EXPECT_TRUE(storage->contains(0, 2 * block_size));
    EXPECT_TRUE(storage->contains(block_size - 1, 2));
    EXPECT_FALSE(storage->contains(2 * block_size - 1, 2));
    EXPECT_FALSE(storage->contains(2 * block_size, block_size));
    EXPECT_FALSE(storage->contains(3 * block_size - 1, 2));
    EXPECT_FALSE(storage->contains(block_size, 3 * block_size)) << "a hole in the middle";
    EXPECT_TRUE(storage->contains(3 * block_size, block_size));
    EXPECT_FALSE(storage->contains(4 * block_size - 1, 2));
    EXPECT_FALSE(storage->contains(~u64 { 0 }, 2));
    EXPECT_TRUE(storage->contains(5 * block_size, 0));
}

TEST_F(Zone, IsTheMemoryOfItsFiles)
{
    auto file = attach(1);
    ASSERT_TRUE(storage->write_as(block_size + 8, Be<u64>(0x1234)));
    Be<u64> found;
    EXPECT_EQ(pread(file.get(), &found, sizeof found, 8), 8);
    EXPECT_EQ(found, 0x1234U);
}

TEST_F(Zone, ABlockThatComesBackIsAnotherOne)
{
    attach(1);
    ASSERT_TRUE(storage->write_as(block_size, u64 { 1 }));
    storage->set_key(block_size, { 0x30 });
    storage->page_flags(block_size) |= PageFlag::cached;
    auto view = storage->view(block_size, 16);
    storage->detach_block(1);
    EXPECT_FALSE(storage->contains(block_size));
    EXPECT_EQ(storage->key(block_size).value, 0);
    EXPECT_EQ(storage->page_flags(block_size), 0);
    // Somebody with an old view does no harm, and what it leaves is not found later.
    EXPECT_EQ(view[0], std::byte { 0 });
    view[0] = std::byte { 7 };
    storage->stored(block_size, 16);
    attach(1);
    EXPECT_EQ(*storage->read_as<u64>(block_size), 0U);
    EXPECT_EQ(storage->key(block_size).value & ~StorageKey::reference, 0);
}

TEST_F(Zone, AWithdrawnBlockKeepsItsContentsUntilItIsDetached)
{
    attach(0);
    ASSERT_TRUE(storage->write_as(0, u64 { 5 }));
    auto view = storage->view(0, 8);
    storage->withdraw_block(0);
    EXPECT_FALSE(storage->contains(0));
    EXPECT_TRUE(std::ranges::any_of(view, [](std::byte b) { return b != std::byte { 0 }; }));
    storage->detach_block(0);
    EXPECT_FALSE(std::ranges::any_of(view, [](std::byte b) { return b != std::byte { 0 }; }));
}

TEST_F(Zone, CodeOfABlockThatGoesIsDropped)
{
    attach(0);
    u64 dropped = 0;
    storage->on_code_store([&](u64 address, u64) { dropped = address; });
    storage->page_flags(0x3000) += PageFlag::code_user;
    storage->mark_code(0x3000, 16);
    storage->detach_block(0);
    EXPECT_EQ(dropped, 0x3000U);
}

TEST_F(Zone, UpdatesByDevicesAreExpectedUntilClearReset)
{
    attach(0);
    std::vector<u64> pages;
    storage->on_updates([&](u64 page) { pages.push_back(page); });
    storage->expect_updates(0x3008, 1);
    storage->expect_updates(0x3010, 8);
    storage->expect_updates(0x4ffc, 8);
    EXPECT_EQ(pages, (std::vector<u64> { 0x3000, 0x4000, 0x5000 }));
    EXPECT_TRUE(storage->page_flags(0x3000) & PageFlag::updated);
    storage->clear();
    EXPECT_FALSE(storage->page_flags(0x3000) & PageFlag::updated);
}

TEST_F(Zone, FilesThatCannotBeABlockAreRefusedInOneSentence)
{
    EXPECT_EQ(complaint(memory_file(megabyte)), "storage block 0: its file has 1048576 bytes, expected 2097152");
    UniqueFd file(open(testing::TempDir().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(ftruncate(file.get(), block_size), 0);
    EXPECT_EQ(complaint(file), "storage block 0: expected memory (memfd)");
    EXPECT_NE(complaint(UniqueFd {}), "");
    EXPECT_EQ(
        complaint(memory_file(block_size, F_SEAL_SHRINK | F_SEAL_WRITE)), "storage block 0: cannot be mapped: Operation not permitted");
    EXPECT_FALSE(storage->has_block(0));
    storage->host()[0] = 1; // What a failed mapping leaves is as harmless as any hole.
}

TEST_F(Zone, SizesThatMakeNoZoneAreRefusedInOneSentence)
{
    EXPECT_TRUE(AbsoluteStorage::create_zone(256 * megabyte, 256 * megabyte));
    for (auto [maximum, size] : { std::pair { u64 { 0 }, megabyte }, { 3 * megabyte, 2 * megabyte }, { 6 * megabyte, 3 * megabyte },
             { megabyte, megabyte / 2 }, { 512 * megabyte, 512 * megabyte } })
        EXPECT_FALSE(AbsoluteStorage::create_zone(maximum, size)) << maximum << " " << size;
}

TEST_F(Zone, ClearingGivesTheMemoryBack)
{
    auto file = attach(1);
    for (u64 page = 0; page < block_size; page += page_size)
        ASSERT_TRUE(storage->write_as(block_size + page, u64 { 1 }));
    EXPECT_EQ(memory_of(file), block_size);
    storage->clear();
    EXPECT_EQ(memory_of(file), 0U);
    EXPECT_EQ(*storage->read_as<u64>(block_size), 0U);
    EXPECT_EQ(storage->key(block_size + page_size).value, 0);
}

TEST_F(Zone, DiscardsPagesAcrossBlocks)
{
    attach(1);
    attach(2);
    u64 last = 2 * block_size - page_size;
    for (u64 page : { last - page_size, last, last + page_size, last + 2 * page_size })
        ASSERT_TRUE(storage->write_as(page, u8 { 1 }));
    storage->discard(last, 2 * page_size);
    EXPECT_EQ(*storage->read_as<u8>(last - page_size), 1);
    EXPECT_EQ(*storage->read_as<u8>(last), 0);
    EXPECT_EQ(*storage->read_as<u8>(last + page_size), 0);
    EXPECT_EQ(*storage->read_as<u8>(last + 2 * page_size), 1);
}

TEST_F(Zone, BlocksComeAndGoUnderThreadsThatMoveData)
{
    attach(0);
    std::atomic<u64> stored { 0 };
    std::atomic<u64> refused { 0 };
    auto view = storage->view(0, block_size);
    {
        // One checks each access as a CPU's tables do, one keeps a view as a transfer does.
        std::jthread careful([&](const std::stop_token& stop) {
            for (u64 at = 0; !stop.stop_requested(); at = (at + 4097) % (block_size / 2))
                ++(storage->write_as(at, u64 { 0xff }) ? stored : refused);
        });
        std::jthread careless([&](const std::stop_token& stop) {
            UniqueFd zero(open("/dev/zero", O_RDONLY));
            for (u64 at = 0; !stop.stop_requested(); at = (at + 65536) % (block_size / 2))
                EXPECT_EQ(read(zero.get(), view.data() + block_size / 2 + at, 65536), 65536);
        });
        while (stored < 1000)
            std::this_thread::yield();
        for (u64 round = 0; round < 100 || refused < 100; ++round) {
            storage->detach_block(0);
            std::this_thread::yield();
            attach(0);
        }
    }
    EXPECT_TRUE(storage->contains(0, block_size));
}

TEST(AbsoluteStorage, LargeZonesAskForHugePagesOnce)
{
    constexpr u64 size = 32 * megabyte;
    auto storage = std::move(AbsoluteStorage::create_zone(2 * size, size)).value();
    auto file = memory_file(size);
    ASSERT_TRUE(storage->attach_block(0, file));
    EXPECT_EQ(reinterpret_cast<u64>(storage->host()) % host_huge_page, 0U);
    ASSERT_TRUE(storage->write_as(3 * megabyte, u64 { 9 }));
    storage->prepare(3 * megabyte);
    u64 memory = memory_of(file);
    // Where the host has no huge pages to give there is one small page more at most.
    EXPECT_TRUE(memory == host_huge_page || memory <= 2 * page_size) << memory;
    EXPECT_EQ(*storage->read_as<u64>(3 * megabyte), 9U);
    storage->prepare(2 * megabyte);
    storage->prepare(4 * megabyte - 1);
    EXPECT_EQ(memory_of(file), memory);
}

TEST(AbsoluteStorage, PrivateMemoryIsOneWhole)
{
    auto storage = std::move(AbsoluteStorage::create(3 * megabyte)).value();
    EXPECT_TRUE(storage->contains(0, 3 * megabyte));
    EXPECT_FALSE(storage->contains(3 * megabyte - 1, 2));
    ASSERT_TRUE(storage->write_as(2 * megabyte, u64 { 1 }));
    storage->prepare(2 * megabyte);
    storage->clear();
    EXPECT_EQ(*storage->read_as<u64>(2 * megabyte), 0U);
    EXPECT_FALSE(AbsoluteStorage::create(megabyte + 4096));
}

} // namespace
} // namespace zvisor
