#include "isa/fp_support/core/radix.h"

#include <bit>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>

// The C library converts between decimal text and binary numbers with one correct rounding to nearest.

namespace zvisor::isa::radix {

namespace {

constexpr decimal_float::Parameters long_format = decimal_float::parameters<decimal_float::Long>;

TEST(RadixConversion, FromDecimalAsTheCLibraryReadsText)
{
    std::mt19937_64 random(44);
    for (int i = 0; i < 3000; ++i) {
        u128 coefficient
            = 1 + random() % 9'999'999'999'999'999 / static_cast<u64>(decimal_float::power_of_ten(static_cast<int>(random() % 14)));
        int exponent = static_cast<int>(random() % 680) - 345;
        Environment environment;
        auto converted
            = round_to_bfp<softfloat::Long>(to_binary({ decimal_float::Kind::finite, false, exponent, coefficient }), environment);
        auto text = fmt::format("{}e{}", static_cast<u64>(coefficient), exponent);
        ASSERT_EQ(converted.value, std::bit_cast<u64>(std::strtod(text.c_str(), nullptr))) << text;
    }
}

TEST(RadixConversion, ToDecimalAsTheCLibraryWritesText)
{
    std::mt19937_64 random(45);
    for (int i = 0; i < 3000; ++i) {
        u64 bits = random() & ~softfloat::sign_bit<softfloat::Long>;
        if ((bits & softfloat::infinity<softfloat::Long>) == softfloat::infinity<softfloat::Long>)
            continue;
        Environment environment;
        auto [number, scaling] = round_to_dfp(to_decimal(softfloat::unpack<softfloat::Long>(bits)), long_format, false, environment);
        if (!(environment.conditions & Condition::inexact))
            continue; // has fewer digits than the text
        char text[64];
        std::snprintf(text, sizeof text, "%.15e", std::bit_cast<double>(bits));
        auto digits = fmt::format("{:016}", static_cast<u64>(number.coefficient));
        ASSERT_EQ(fmt::format("{}.{}e{:+03}", digits[0], digits.substr(1), number.exponent + 15), text);
    }
}

TEST(RadixConversion, ExactDecimalsHaveTheQuantumAskedFor)
{
    Environment environment;
    auto thousand = softfloat::integer(false, 1000);
    EXPECT_EQ(round_to_dfp(to_decimal(thousand), long_format, false, environment).value.exponent, 3);
    EXPECT_EQ(round_to_dfp(to_decimal(thousand), long_format, true, environment).value.exponent, 0);
    EXPECT_EQ(environment.conditions, 0);
}

TEST(RadixConversion, AScaledResultTellsItsExponent)
{
    Environment environment { .traps = Condition::overflow };
    auto converted = round_to_bfp<softfloat::Short>(softfloat::normalize(false, 200, { u128 { 3 } << 126, 0 }), environment);
    EXPECT_EQ(converted.value, std::bit_cast<u32>(1.5F));
    EXPECT_EQ(converted.scaling, 200);
    EXPECT_EQ(environment.conditions, Condition::overflow);
}

TEST(RadixConversion, HexadecimalNumbersMayLoseLeadingDigits)
{
    Environment environment;
    // The least normalized number, one sixteenth of 16^-64, divided by 256.
    auto converted = round_to_hfp(softfloat::normalize(false, -268, { u128 { 1 } << 127, 0 }), hfp::Long::digits, environment);
    EXPECT_EQ(hfp::pack<hfp::Long>(converted.value), 0x0000100000000000U);
    EXPECT_EQ(environment.conditions, 0);
}

} // namespace

} // namespace zvisor::isa::radix
