#include "isa/bfp/core/wide.h"
#include "isa/bfp/softfloat.h"

#include <bit>
#include <cfenv>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

// The host's floating-point units and libgcc's binary128 are the reference. One thing differs: they detect tininess after
// rounding, so underflow is not compared where rounding reaches the smallest normal number.

namespace zvisor::isa::softfloat {

namespace {

__extension__ using Quad = __float128;

template<class F>
struct HostValue;
template<>
struct HostValue<Short> {
    using Type = float;
};
template<>
struct HostValue<Long> {
    using Type = double;
};
template<>
struct HostValue<Extended> {
    using Type = Quad;
};
template<class F>
using Value = typename HostValue<F>::Type;

struct Mode {
    Rounding rounding;
    int host;
};
constexpr Mode modes[] = { { Rounding::nearest_even, FE_TONEAREST }, { Rounding::toward_zero, FE_TOWARDZERO }, { Rounding::up, FE_UPWARD },
    { Rounding::down, FE_DOWNWARD } };

template<class F>
struct Outcome {
    Bits<F> bits;
    u8 conditions;
    bool operator==(const Outcome&) const = default;
};
template<class F>
void PrintTo(const Outcome<F>& outcome, std::ostream* out)
{
    auto bits = static_cast<u128>(outcome.bits);
    *out << std::hex << static_cast<u64>(bits >> 64) << ' ' << static_cast<u64>(bits) << " conditions " << unsigned { outcome.conditions };
}

u8 host_conditions()
{
    int raised = std::fetestexcept(FE_ALL_EXCEPT);
    int conditions = (raised & FE_INVALID ? Condition::invalid : 0) | (raised & FE_DIVBYZERO ? Condition::division_by_zero : 0)
        | (raised & FE_OVERFLOW ? Condition::overflow : 0) | (raised & FE_UNDERFLOW ? Condition::underflow : 0)
        | (raised & FE_INEXACT ? Condition::inexact : 0);
    return static_cast<u8>(conditions);
}

/// Operands of every class, of near and far exponents and with few or many one bits.
template<class F>
class Operands {
public:
    Bits<F> next()
    {
        static constexpr Bits<F> special[] = { 0, 1, fraction_mask<F>, fraction_mask<F> + 1, infinity<F>, infinity<F> - 1, default_nan<F>,
            infinity<F> | 5, quiet_bit<F> | infinity<F> | 9, infinity<F> >> 1 & infinity<F> };
        Bits<F> sign = m_random() & 1 ? sign_bit<F> : 0;
        if (m_random() % 8 == 0)
            return special[m_random() % std::size(special)] | sign;
        auto fraction = static_cast<Bits<F>>((u128 { m_random() } << 64 | m_random()) & fraction_mask<F>);
        unsigned cleared = static_cast<unsigned>(m_random() % F::precision);
        if (m_random() & 1)
            fraction = static_cast<Bits<F>>(fraction >> cleared << cleared);
        return sign | static_cast<Bits<F>>(exponent() << fraction_width<F>) | fraction;
    }

private:
    Bits<F> exponent()
    {
        constexpr u64 largest = (u64 { 1 } << F::exponent_width) - 2;
        constexpr u64 middle = largest / 2;
        switch (m_random() % 4) {
        case 0:
            return static_cast<Bits<F>>(m_random() % (largest + 1));
        case 1:
            return static_cast<Bits<F>>(m_random() % (F::precision + 3));
        default:
            return static_cast<Bits<F>>(middle - F::precision + m_random() % (2 * F::precision));
        }
    }

    std::mt19937_64 m_random { 42 };
};

template<class H>
Value<H> value(Bits<H> bits)
{
    return std::bit_cast<Value<H>>(bits);
}

/// Runs `host` under a rounding mode; `incremented` comes from comparing with the truncated result.
template<class H, class Host>
Outcome<H> on_host(Host host, int mode)
{
    std::fesetround(FE_TOWARDZERO);
    volatile auto truncated = host();
    std::fesetround(mode);
    std::feclearexcept(FE_ALL_EXCEPT);
    volatile auto result = host();
    u8 conditions = host_conditions();
    std::fesetround(FE_TONEAREST);
    auto bits = std::bit_cast<Bits<H>>(static_cast<Value<H>>(result));
    if ((conditions & Condition::inexact) && bits != std::bit_cast<Bits<H>>(static_cast<Value<H>>(truncated)))
        conditions |= Condition::incremented;
    if (is_nan<H>(bits))
        bits = default_nan<H>; // which NaN is the subject of another test
    return { bits, conditions };
}

template<class H>
Outcome<H> comparable(Outcome<H> outcome)
{
    if (is_nan<H>(outcome.bits))
        outcome.bits = default_nan<H>;
    if ((outcome.bits & ~sign_bit<H>) == fraction_mask<H> + 1)
        outcome.conditions &= static_cast<u8>(~Condition::underflow);
    return outcome;
}

template<class H, class Ours, class Host>
void agree(Ours ours, Host host)
{
    for (const Mode& mode : modes) {
        Environment environment { .rounding = mode.rounding };
        Bits<H> bits = ours(environment);
        auto expected = comparable<H>(on_host<H>(host, mode.host));
        ASSERT_EQ((comparable<H>({ bits, environment.conditions })), expected) << "rounding " << unsigned(mode.rounding);
    }
}

template<class H>
class Softfloat : public testing::Test { };
using Formats = testing::Types<Short, Long, Extended>;
TYPED_TEST_SUITE(Softfloat, Formats);

TYPED_TEST(Softfloat, BasicOperationsAgreeWithTheHost)
{
    using H = TypeParam;
    Operands<H> operands;
    for (int i = 0; i < 30000 && !this->HasFatalFailure(); ++i) {
        Bits<H> a = operands.next();
        Bits<H> b = operands.next();
        volatile auto x = value<H>(a);
        volatile auto y = value<H>(b);
        agree<H>([&](Environment& e) { return add<H>(a, b, e); }, [&] { return x + y; });
        agree<H>([&](Environment& e) { return subtract<H>(a, b, e); }, [&] { return x - y; });
        agree<H>([&](Environment& e) { return multiply<H>(a, b, e); }, [&] { return x * y; });
        agree<H>([&](Environment& e) { return divide<H>(a, b, e); }, [&] { return x / y; });
        Environment environment;
        int expected = x < y ? 1 : x > y ? 2 : x == y ? 0 : 3;
        ASSERT_EQ(compare<H>(a, b, false, environment), expected);
    }
}

template<class H>
class HostSoftfloat : public testing::Test { };
using HostFormats = testing::Types<Short, Long>;
TYPED_TEST_SUITE(HostSoftfloat, HostFormats);

TYPED_TEST(HostSoftfloat, RootAndFusedOperationsAgreeWithTheHost)
{
    using H = TypeParam;
    Operands<H> operands;
    for (int i = 0; i < 30000 && !this->HasFatalFailure(); ++i) {
        Bits<H> a = operands.next();
        Bits<H> b = operands.next();
        Bits<H> c = operands.next();
        volatile auto x = value<H>(a);
        volatile auto y = value<H>(b);
        volatile auto z = value<H>(c);
        agree<H>([&](Environment& e) { return square_root<H>(a, e); }, [&] { return std::sqrt(x); });
        if (is_nan<H>(c))
            continue; // infinity times zero plus a NaN
        agree<H>([&](Environment& e) { return multiply_add<H>(a, b, c, e); }, [&] { return std::fma(x, y, z); });
        agree<H>([&](Environment& e) { return multiply_subtract<H>(a, b, c, e); }, [&] { return std::fma(x, y, -z); });
    }
}

TYPED_TEST(HostSoftfloat, ConversionsAgreeWithTheHost)
{
    using H = TypeParam;
    Operands<H> operands;
    Operands<Extended> wide;
    constexpr IntegerRange fixed { std::numeric_limits<i64>::min(), std::numeric_limits<i64>::max(), std::numeric_limits<i64>::min() };
    for (int i = 0; i < 30000 && !this->HasFatalFailure(); ++i) {
        Bits<H> a = operands.next();
        volatile auto x = value<H>(a);
        agree<H>([&](Environment& e) { return round_to_integer<H>(a, e); }, [&] { return std::rint(x); });
        agree<Extended>([&](Environment& e) { return lengthen<Extended, H>(a, e); }, [&] { return static_cast<Quad>(x); });
        auto integer = static_cast<i64>(wide.next());
        auto magnitude = integer < 0 ? u64 { 0 } - static_cast<u64>(integer) : static_cast<u64>(integer);
        volatile i64 n = integer;
        agree<H>([&](Environment& e) { return from_integer<H>(integer < 0, magnitude, e); }, [&] { return static_cast<Value<H>>(n); });
        Environment environment { .rounding = Rounding::nearest_even };
        Integer ours = to_integer<H>(a, fixed, environment);
        if (ours.condition_code != 3) {
            ASSERT_EQ(static_cast<i64>(ours.value), std::llrint(x));
        } else {
            ASSERT_TRUE(!(std::fabs(x) < 0x1p63));
            ASSERT_EQ(environment.conditions, Condition::invalid | Condition::inexact);
        }
        Bits<Extended> q = wide.next();
        volatile Quad y = value<Extended>(q);
        agree<H>([&](Environment& e) { return shorten<H, Extended>(q, e).value; }, [&] { return static_cast<Value<H>>(y); });
    }
}

/// The truncated root r of a has r * r <= a < (r + 1)(r + 1) in units of its last place.
TEST(ExtendedSoftfloat, SquareRootIsTheTruncatedRoot)
{
    Operands<Extended> operands;
    for (int i = 0; i < 10000; ++i) {
        Bits<Extended> a = operands.next() & ~sign_bit<Extended>;
        if (a >= infinity<Extended> || a <= fraction_mask<Extended>)
            continue;
        Environment environment { .rounding = Rounding::toward_zero };
        Bits<Extended> r = square_root<Extended>(a, environment);
        constexpr u128 hidden = fraction_mask<Extended> + 1;
        u128 root = (r & fraction_mask<Extended>) | hidden;
        auto even = static_cast<unsigned>((a >> fraction_width<Extended>)&1);
        Wide radicand = Wide { 0, (a & fraction_mask<Extended>) | hidden } << (112 + !even);
        Wide square = multiply(root, root);
        ASSERT_FALSE(radicand < square);
        ASSERT_TRUE(radicand < multiply(root + 1, root + 1));
        ASSERT_EQ(environment.conditions, square == radicand ? 0 : Condition::inexact);
    }
}

/// The two methods the host lacks, from the truncated result and the same operation with more precision.
TEST(LongSoftfloat, TiesAwayAndShorterPrecision)
{
    Operands<Long> operands;
    for (int i = 0; i < 30000; ++i) {
        Bits<Long> a = operands.next();
        Bits<Long> b = operands.next();
        Environment truncating { .rounding = Rounding::toward_zero };
        Environment odd { .rounding = Rounding::shorter_precision };
        Environment away { .rounding = Rounding::nearest_away };
        Bits<Long> truncated = add<Long>(a, b, truncating);
        if (truncating.conditions & (Condition::overflow | Condition::underflow))
            continue;
        bool inexact = truncating.conditions & Condition::inexact;
        ASSERT_EQ(add<Long>(a, b, odd), truncated | inexact);
        Environment exact { .rounding = Rounding::shorter_precision };
        u128 wide = add<Extended>(lengthen<Extended, Long>(a, exact), lengthen<Extended, Long>(b, exact), exact);
        bool half = inexact && (wide >> 59 & 1);
        ASSERT_EQ(add<Long>(a, b, away), truncated + half);
    }
}

TEST(ShortSoftfloat, TininessIsDetectedBeforeRounding)
{
    Environment environment;
    // (1 - 2^-24) * 2^-126 rounds to the smallest normal number.
    EXPECT_EQ(multiply<Short>(0x3f7fffff, 0x00800000, environment), 0x00800000u);
    EXPECT_EQ(environment.conditions, Condition::underflow | Condition::inexact | Condition::incremented);
}

TEST(ShortSoftfloat, TrappedResultsAreScaled)
{
    constexpr u8 traps = Condition::overflow | Condition::underflow;
    Environment environment { .traps = traps };
    EXPECT_EQ(multiply<Short>(0x7f000000, 0x7f000000, environment), 0x5e800000u); // 2^254 * 2^-192
    EXPECT_EQ(environment.conditions, Condition::overflow);
    environment = { .traps = traps };
    EXPECT_EQ(multiply<Short>(0x00800001, 0x00800000, environment), 0x21800001u); // 2^-252 * 2^192
    EXPECT_EQ(environment.conditions, Condition::underflow);
    environment = { .traps = traps };
    auto shortened = shorten<Short, Long>(0x7fe0000010000000, environment); // 2^1023 * (1 + 2^-24), a tie
    EXPECT_TRUE(shortened.is_scaled);
    EXPECT_EQ(shortened.scaled, 0x5fe0000000000000u);
    EXPECT_EQ(environment.conditions, Condition::overflow | Condition::inexact);
}

TEST(ShortSoftfloat, NansPropagateInOrderOfOperands)
{
    constexpr u32 quiet_1 = 0x7fc00001;
    constexpr u32 quiet_2 = 0xffc00002;
    constexpr u32 signaling = 0x7f800003;
    constexpr u32 quieted = 0x7fc00003;
    constexpr u32 inf = infinity<Short>;
    Environment environment;
    EXPECT_EQ(add<Short>(quiet_1, quiet_2, environment), quiet_1);
    EXPECT_EQ(subtract<Short>(0, quiet_2, environment), quiet_2);
    EXPECT_EQ(multiply_subtract<Short>(0, 0, quiet_2, environment), quiet_2);
    EXPECT_EQ(environment.conditions, 0);
    EXPECT_EQ(add<Short>(quiet_1, signaling, environment), quieted);
    EXPECT_EQ(environment.conditions, Condition::invalid);
    EXPECT_EQ(multiply_add<Short>(quiet_1, quiet_2, signaling, environment), quieted);
    EXPECT_EQ(multiply_add<Short>(inf, 0, signaling, environment), default_nan<Short>);
    EXPECT_EQ(multiply_add<Short>(inf, 0, quiet_1, environment), default_nan<Short>);
    EXPECT_EQ((lengthen<Long, Short>(signaling, environment)), 0x7ff8000060000000u);
    EXPECT_EQ((shorten<Short, Long>(0xfff0000060000001, environment).value), 0xffc00003u);
}

TEST(ShortSoftfloat, IntegersOutOfRange)
{
    constexpr IntegerRange logical { 0, std::numeric_limits<u32>::max(), 0 };
    auto convert = [&](u32 bits, Rounding rounding, u8 expected) {
        Environment environment { .rounding = rounding };
        Integer result = to_integer<Short>(bits, logical, environment);
        EXPECT_EQ(environment.conditions, expected);
        return std::pair { result.value, result.condition_code };
    };
    constexpr u8 out_of_range = Condition::invalid | Condition::inexact;
    EXPECT_EQ(convert(0xbf000000, Rounding::toward_zero, Condition::inexact), (std::pair<u64, u8> { 0, 1 })); // -0.5
    EXPECT_EQ(convert(0xbf000000, Rounding::down, out_of_range), (std::pair<u64, u8> { 0, 3 }));
    EXPECT_EQ(convert(0x4f800000, Rounding::down, out_of_range), (std::pair<u64, u8> { 0xffffffff, 3 })); // 2^32
    EXPECT_EQ(convert(0x7fc00000, Rounding::down, out_of_range), (std::pair<u64, u8> { 0, 3 }));
}

TEST(LongSoftfloat, DivideToIntegerAgreesWithTheHostsRemainder)
{
    Operands<Long> operands;
    int final_results = 0;
    for (int i = 0; i < 50000; ++i) {
        Bits<Long> a = operands.next();
        Bits<Long> b = operands.next();
        Environment environment;
        auto truncated = divide_to_integer<Long>(a, b, Rounding::toward_zero, environment);
        auto nearest = divide_to_integer<Long>(a, b, Rounding::nearest_even, environment);
        if (truncated.condition_code != 0 || nearest.condition_code != 0 || (b & ~sign_bit<Long>) == infinity<Long>)
            continue;
        ++final_results;
        auto x = std::bit_cast<double>(a);
        auto y = std::bit_cast<double>(b);
        ASSERT_EQ(truncated.remainder, std::bit_cast<u64>(std::fmod(x, y)));
        // The sign of glibc's zero may differ.
        ASSERT_EQ(std::bit_cast<double>(nearest.remainder), std::remainder(x, y));
        ASSERT_TRUE(!is_zero<Long>(nearest.remainder) || nearest.remainder == (a & sign_bit<Long>));
        auto q = std::bit_cast<double>(truncated.quotient);
        ASSERT_EQ(std::fma(-q, y, x), std::fmod(x, y));
    }
    EXPECT_GT(final_results, 10000);
}

TEST(ShortSoftfloat, DivideToIntegerInParts)
{
    Environment environment;
    // 2^30 + 2^8 over 3: the quotient needs 29 bits.
    auto part = divide_to_integer<Short>(0x4e800002, 0x40400000, Rounding::nearest_even, environment);
    EXPECT_EQ(part.condition_code, 2);
    auto q = static_cast<i64>(std::bit_cast<float>(part.quotient));
    EXPECT_EQ(static_cast<float>((i64 { 1 } << 30) + 256 - 3 * q), std::bit_cast<float>(part.remainder));
    // 2^127 over 2^-126 overflows and leaves nothing.
    auto scaled = divide_to_integer<Short>(0x7f000000, 0x00800000, Rounding::nearest_even, environment);
    EXPECT_EQ(scaled.condition_code, 1);
    EXPECT_EQ(scaled.quotient, 0x5e000000u); // 2^(253 - 192)
    EXPECT_EQ(scaled.remainder, 0u);
    EXPECT_EQ(environment.conditions, 0);
}

TEST(ExtendedSoftfloat, DataClasses)
{
    EXPECT_EQ(data_class<Extended>(0), 0x800u);
    EXPECT_EQ(data_class<Extended>(sign_bit<Extended> | 1), 0x040u);
    EXPECT_EQ(data_class<Extended>(fraction_mask<Extended> + 1), 0x200u);
    EXPECT_EQ(data_class<Extended>(infinity<Extended> | sign_bit<Extended>), 0x010u);
    EXPECT_EQ(data_class<Extended>(default_nan<Extended>), 0x008u);
    EXPECT_EQ(data_class<Extended>(infinity<Extended> | 1 | sign_bit<Extended>), 0x001u);
}

} // namespace

} // namespace zvisor::isa::softfloat
