#include "base/ebcdic.h"

#include <array>
#include <gtest/gtest.h>

namespace zvisor {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values)
{
    std::vector<std::byte> result;
    for (int value : values)
        result.push_back(static_cast<std::byte>(value));
    return result;
}

TEST(Ebcdic, ConvertsKnownText)
{
    EXPECT_EQ(to_ebcdic("IBM z15"), bytes({ 0xc9, 0xc2, 0xd4, 0x40, 0xa9, 0xf1, 0xf5 }));
    EXPECT_EQ(from_ebcdic(bytes({ 0xd3, 0xc9, 0xd5, 0xe4, 0xe7 })), "LINUX");
    EXPECT_EQ(from_ebcdic(bytes({ 0xc1, 0x15, 0xc2 })), "A\nB");
}

TEST(Ebcdic, CodePagesDifferInBrackets)
{
    EXPECT_EQ(to_ebcdic("[!]^|", CodePage::cp500), bytes({ 0x4a, 0x4f, 0x5a, 0x5f, 0xbb }));
    EXPECT_EQ(to_ebcdic("[!]^|", CodePage::cp037), bytes({ 0xba, 0x5a, 0xbb, 0xb0, 0x4f }));
}

TEST(Ebcdic, EveryByteSurvivesBothWays)
{
    for (CodePage page : { CodePage::cp037, CodePage::cp500 }) {
        for (int value = 0; value < 256; ++value) {
            if (value == 0x15)
                continue;
            EXPECT_EQ(to_ebcdic(from_ebcdic(bytes({ value }), page), page), bytes({ value })) << value;
        }
    }
}

TEST(Ebcdic, ForeignAndMalformedCharactersBecomeQuestionMarks)
{
    EXPECT_EQ(to_ebcdic("a\u20ac"
                        "b\xff"),
        to_ebcdic("a?b?"));
    EXPECT_EQ(to_ebcdic("\xc3"), to_ebcdic("?"));
}

TEST(Ebcdic, FieldsArePaddedAndCut)
{
    std::array<std::byte, 4> field {};
    put_ebcdic(field, "AB");
    EXPECT_EQ(std::vector(field.begin(), field.end()), bytes({ 0xc1, 0xc2, 0x40, 0x40 }));
    EXPECT_EQ(ebcdic_field(field), "AB");
    put_ebcdic(field, "ABCDEF");
    EXPECT_EQ(ebcdic_field(field), "ABCD");
}

} // namespace
} // namespace zvisor
