#include "isa/general/storage_operand.h"

#include <gtest/gtest.h>
#include <numeric>

namespace zvisor::isa {
namespace {

using Bytes = std::array<u8, 256>;

Bytes counting()
{
    Bytes bytes;
    std::iota(bytes.begin(), bytes.end(), u8 { 1 });
    return bytes;
}

TEST(CopyLeftToRight, IsAsByteByByteForEveryOverlap)
{
    for (u64 length = 1; length <= 70; ++length) {
        for (u64 distance = 0; distance <= 140; ++distance) {
            Bytes expected = counting();
            Bytes found = counting();
            u64 to = distance;
            constexpr u64 from = 70;
            for (u64 i = 0; i < length; ++i)
                expected[to + i] = expected[from + i];
            copy_left_to_right(&found[to], &found[from], length);
            ASSERT_EQ(found, expected) << "length " << length << ", target at " << to;
        }
    }
}

TEST(FirstDifference, IsFoundAtEveryPlace)
{
    Bytes x = counting();
    for (u64 place = 0; place < 40; ++place) {
        Bytes y = x;
        y[place] ^= 0x80;
        EXPECT_EQ(first_difference(x.data(), y.data(), 40), place);
    }
    EXPECT_EQ(first_difference(x.data(), x.data(), 37), 37u);
}

} // namespace
} // namespace zvisor::isa
