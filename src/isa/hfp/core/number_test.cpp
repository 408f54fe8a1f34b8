#include "isa/hfp/core/number.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

// The host's binary arithmetic has room for products, quotients and roots of short numbers: what it gives, cut off or rounded to
// six digits, is the reference.

namespace zvisor::isa::hfp {

namespace {

[[nodiscard]] double value(const Number& a)
{
    double magnitude = std::ldexp(static_cast<double>(a.fraction >> (point - 24)), 4 * (a.characteristic - excess) - 24);
    return a.negative ? -magnitude : magnitude;
}

/// The number with the first six digits of `x`, or rounded to them.
[[nodiscard]] u32 short_bits(double x, bool rounds)
{
    if (x == 0)
        return 0;
    int exponent = 0;
    double fraction = std::frexp(std::fabs(x), &exponent);
    int power = (exponent + 3) >> 2;
    double digits = std::ldexp(fraction, exponent - 4 * power + 24);
    auto kept = static_cast<u64>(rounds ? std::floor(digits + 0.5) : std::floor(digits));
    return pack<Short>({ x < 0, power + excess, u128 { kept } << (point - 24) });
}

class ShortNumbers : public testing::Test {
protected:
    [[nodiscard]] Number next()
    {
        auto characteristic = static_cast<u32>(excess - 20 + static_cast<int>(m_random() % 40));
        u32 fraction = static_cast<u32>(m_random()) >> 8 >> (m_random() % 3 * 4);
        return unpack<Short>(static_cast<u32>(m_random() & 1) << 31 | characteristic << 24 | fraction);
    }

private:
    std::mt19937_64 m_random { 18 };
};

TEST_F(ShortNumbers, MultiplyAndDivideAsTheHostCutOff)
{
    for (int i = 0; i < 20000; ++i) {
        Number a = next();
        Number b = next();
        ASSERT_EQ(pack<Short>(product(a, b)), short_bits(value(a) * value(b), false));
        if (!b.zero()) {
            ASSERT_EQ(pack<Short>(quotient(a, b, Short::digits)), short_bits(value(a) / value(b), false));
        }
    }
}

TEST_F(ShortNumbers, HaveRootsAsTheHostRounded)
{
    for (int i = 0; i < 20000; ++i) {
        Number a = next();
        a.negative = false;
        ASSERT_EQ(pack<Short>(root(a, Short::digits)), short_bits(std::sqrt(value(a)), true));
    }
}

TEST_F(ShortNumbers, MultiplyAndAddWithoutRoundingBetween)
{
    for (int i = 0; i < 20000; ++i) {
        Number a = next();
        Number b = next();
        Number c = next();
        // Of numbers too far apart the host cannot tell on which side of a digit the sum is.
        int distance = normalize(c).characteristic - (normalize(a).characteristic + normalize(b).characteristic - excess);
        if (std::abs(distance) < 5) {
            ASSERT_EQ(pack<Short>(multiply_add(a, b, c)), short_bits(value(a) * value(b) + value(c), false));
        }
    }
}

TEST(HfpSum, KeepsOneGuardDigit)
{
    Number one = unpack<Short>(0x41100000);
    EXPECT_EQ(pack<Short>(normalize(sum(one, unpack<Short>(0xbbf00000), Short::digits))), 0x40fffff1U);
    EXPECT_EQ(pack<Short>(normalize(sum(one, unpack<Short>(0xbaf00000), Short::digits))), 0x41100000U);
}

} // namespace

} // namespace zvisor::isa::hfp
