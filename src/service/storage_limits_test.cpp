#include "service/storage_limits.h"

#include "base/big_endian.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

TEST(StorageLimits, StoresExtents)
{
    auto storage = std::move(*AbsoluteStorage::create(4 << 20));
    std::vector<StorageExtent> extents { { 0, 0xfffff }, { 0x200000, 0x3fffff } };
    EXPECT_EQ(store_storage_limits(*storage, extents, 0, 0, 0x0c)->rx, 0x3fffffU);
    auto stored = store_storage_limits(*storage, extents, 0x1000, 32, 0x10);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->condition_code, 0);
    EXPECT_EQ(stored->ry, 2U);
    EXPECT_EQ(*storage->read_as<Be<u64>>(0x1010), 0x200000U);
    EXPECT_EQ(*storage->read_as<Be<u64>>(0x1018), 0x3fffffU);
    EXPECT_EQ(store_storage_limits(*storage, extents, 0x1000, 16, 0x10)->condition_code, 3);
    EXPECT_EQ(store_storage_limits(*storage, {}, 0, 0, 0x0c)->rx, 0U);
    EXPECT_EQ(store_storage_limits(*storage, {}, 0x1000, 16, 0x10)->ry, 0U);
}

TEST(StorageLimits, RefusesBadAreas)
{
    auto storage = std::move(*AbsoluteStorage::create(1 << 20));
    std::vector<StorageExtent> extents { { 0, 0xfffff } };
    auto error = [&](u64 rx, u64 length, u64 subcode) { return store_storage_limits(*storage, extents, rx, length, subcode).error(); };
    EXPECT_EQ(error(0x1000, 16, 0x11), ProgramCode::specification);
    EXPECT_EQ(error(0x1008, 16, 0x10), ProgramCode::specification);
    EXPECT_EQ(error(0x1000, 0, 0x10), ProgramCode::specification);
    EXPECT_EQ(error(0x1000, 24, 0x10), ProgramCode::specification);
    EXPECT_EQ(error(0xffff0, 32, 0x10), ProgramCode::addressing);
    EXPECT_EQ(error(~u64 { 15 }, ~u64 { 15 }, 0x10), ProgramCode::addressing);
}

} // namespace
} // namespace zvisor
