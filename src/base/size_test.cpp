#include "base/size.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

TEST(Size, ReadsUnits)
{
    EXPECT_EQ(parse_size("512M", "memory"), u64 { 512 } << 20);
    EXPECT_EQ(parse_size("2GiB", "memory"), u64 { 2 } << 30);
    EXPECT_EQ(parse_size("1000", "memory"), 1000u);
    EXPECT_FALSE(parse_size("2X", "memory"));
    EXPECT_FALSE(parse_size("", "memory"));
    EXPECT_FALSE(parse_size("99999999999T", "memory"));
}

TEST(Size, WritesWhatItReads)
{
    for (u64 bytes : { u64 { 0 }, u64 { 1 }, u64 { 1023 }, u64 { 1024 }, u64 { 1536 }, u64 { 64 } << 20, u64 { 3 } << 30, u64 { 5 } << 40 })
        EXPECT_EQ(parse_size(size_text(bytes), "size"), bytes) << size_text(bytes);
    EXPECT_EQ(size_text(u64 { 1536 } << 20), "1536M");
}

} // namespace
} // namespace zvisor
