#include "partition/storage_zone.h"

#include <gtest/gtest.h>
#include <set>

namespace zvisor {
namespace {

constexpr u64 block_size = 1 << 20;

/// Gives blocks until it has no more, and remembers who has what.
class Blocks final : public StorageBlocks {
public:
    Result<UniqueFd> obtain(u64 block) override
    {
        if (left == 0)
            return fail("no block is left");
        --left;
        EXPECT_TRUE(given.insert(block).second) << block;
        return short_block == block ? OwnStorageBlocks(block_size / 2).obtain(block) : m_own.obtain(block);
    }
    void give_back(u64 block) override
    {
        ++left;
        EXPECT_EQ(given.erase(block), 1U) << block;
    }

    unsigned left { 100 };
    u64 short_block { ~u64 { 0 } };
    std::set<u64> given;

private:
    OwnStorageBlocks m_own { block_size };
};

class Zone : public testing::Test {
protected:
    static StorageZoneConfig config(StorageBlocks* blocks, u64 initial, u64 maximum)
    {
        return { .initial = initial * block_size, .maximum = maximum * block_size, .block_size = block_size, .blocks = blocks };
    }
    Result<void> assign(u64 first, u64 count) { return zone.assign(first * block_size, count * block_size); }
    void unassign(u64 first, u64 count)
    {
        zone.unassign(first * block_size, count * block_size, [] { });
    }

    Blocks blocks;
    StorageZone zone = std::move(StorageZone::create(config(&blocks, 2, 6))).value();
};

using Given = std::set<u64>;

TEST_F(Zone, HasItsInitialBlocksFirst)
{
    EXPECT_EQ(blocks.given, (Given { 0, 1 }));
    EXPECT_TRUE(zone.storage().contains(0, 2 * block_size));
    EXPECT_FALSE(zone.storage().contains(2 * block_size));
    EXPECT_EQ(zone.storage().size(), 6 * block_size);
}

TEST_F(Zone, AssignsAndUnassigns)
{
    ASSERT_TRUE(assign(3, 2));
    EXPECT_EQ(blocks.given, (Given { 0, 1, 3, 4 }));
    EXPECT_TRUE(zone.storage().contains(3 * block_size, 2 * block_size));
    unassign(1, 1);
    unassign(3, 1);
    EXPECT_EQ(blocks.given, (Given { 0, 4 }));
    EXPECT_FALSE(zone.storage().contains(block_size));
}

TEST_F(Zone, NobodyKnowsABlockAnyMoreBeforeItIsGivenBack)
{
    bool asked = false;
    zone.unassign(0, 2 * block_size, [&] {
        asked = true;
        EXPECT_FALSE(zone.storage().contains(0));
        EXPECT_FALSE(zone.storage().contains(block_size));
        EXPECT_EQ(blocks.given, (Given { 0, 1 }));
    });
    EXPECT_TRUE(asked);
    EXPECT_EQ(blocks.given, Given {});
}

TEST_F(Zone, AssignsAllOrNothing)
{
    blocks.left = 2;
    auto refused = assign(2, 3);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "no block is left");
    EXPECT_EQ(blocks.given, (Given { 0, 1 }));
    EXPECT_FALSE(zone.storage().contains(2 * block_size));
    EXPECT_TRUE(assign(2, 2));
}

TEST_F(Zone, ABlockThatCannotBeUsedIsGivenBack)
{
    blocks.short_block = 3;
    EXPECT_FALSE(assign(2, 2));
    EXPECT_EQ(blocks.given, (Given { 0, 1 }));
}

TEST_F(Zone, IplRestoresTheInitialBlocksCleared)
{
    ASSERT_TRUE(assign(4, 1));
    unassign(1, 1);
    ASSERT_TRUE(zone.storage().write_as(0, u64 { 1 }));
    zone.storage().set_key(0, { 0x10 });
    ASSERT_TRUE(zone.restore());
    EXPECT_EQ(blocks.given, (Given { 0, 1 }));
    EXPECT_TRUE(zone.storage().contains(0, 2 * block_size));
    EXPECT_FALSE(zone.storage().contains(4 * block_size));
    EXPECT_EQ(zone.storage().key(0).value, 0);
    EXPECT_EQ(*zone.storage().read_as<u64>(0), 0U);
    unassign(0, 1);
    blocks.left = 0;
    EXPECT_FALSE(zone.restore()) << "an initial block that is refused";
}

TEST_F(Zone, WithoutBlocksThereIsNoStandbyStorage)
{
    auto whole = StorageZone::create(config(nullptr, 3, 3));
    ASSERT_TRUE(whole);
    EXPECT_TRUE(whole->storage().contains(0, 3 * block_size));
    EXPECT_TRUE(whole->restore());
    EXPECT_FALSE(StorageZone::create(config(nullptr, 3, 4)));
    EXPECT_FALSE(StorageZone::create(config(&blocks, 3, 2)));
    EXPECT_FALSE(StorageZone::create(config(&blocks, 0, 2)));
}

} // namespace
} // namespace zvisor
