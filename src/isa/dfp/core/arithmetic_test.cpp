#include "isa/dfp/core/arithmetic.h"

#include <bid_conf.h>
#include <bid_functions.h>
#include <gtest/gtest.h>
#include <random>

// Intel's library is the reference; its numbers are in the other encoding of IEEE 754, which it converts. It has five of the eight
// rounding methods and no quantum exception.

namespace zvisor::isa::decimal_float {

namespace {

struct Method {
    Rounding rounding;
    _IDEC_round reference;
};
constexpr Method methods[]
    = { { Rounding::nearest_even, BID_ROUNDING_TO_NEAREST }, { Rounding::down, BID_ROUNDING_DOWN }, { Rounding::up, BID_ROUNDING_UP },
          { Rounding::toward_zero, BID_ROUNDING_TO_ZERO }, { Rounding::nearest_away, BID_ROUNDING_TIES_AWAY } };

struct LongReference {
    using Format = Long;
    using Value = BID_UINT64;
    static Value encode(u64 bits) { return __bid_dpd_to_bid64(bits); }
    static u64 decode(Value value) { return __bid_to_dpd64(value); }
    static constexpr auto add = &__bid64_add;
    static constexpr auto multiply = &__bid64_mul;
    static constexpr auto divide = &__bid64_div;
    static constexpr auto quantize = &__bid64_quantize;
};
struct ExtendedReference {
    using Format = Extended;
    using Value = BID_UINT128;
    static Value encode(u128 bits)
    {
        Value value {};
        value.w[0] = static_cast<u64>(bits);
        value.w[1] = static_cast<u64>(bits >> 64);
        return __bid_dpd_to_bid128(value);
    }
    static u128 decode(Value value)
    {
        value = __bid_to_dpd128(value);
        return u128 { value.w[1] } << 64 | value.w[0];
    }
    static constexpr auto add = &__bid128_add;
    static constexpr auto multiply = &__bid128_mul;
    static constexpr auto divide = &__bid128_div;
    static constexpr auto quantize = &__bid128_quantize;
};

[[nodiscard]] u8 conditions(_IDEC_flags flags)
{
    unsigned found = (flags & BID_INVALID_EXCEPTION ? Condition::invalid : 0u)
        | (flags & BID_ZERO_DIVIDE_EXCEPTION ? Condition::division_by_zero : 0u)
        | (flags & BID_OVERFLOW_EXCEPTION ? Condition::overflow : 0u) | (flags & BID_UNDERFLOW_EXCEPTION ? Condition::underflow : 0u)
        | (flags & BID_INEXACT_EXCEPTION ? Condition::inexact : 0u);
    return static_cast<u8>(found);
}

/// Numbers of every class, most of them with exponents that make two of them meet.
template<class F>
class Operands {
public:
    [[nodiscard]] Number next()
    {
        constexpr Parameters format = parameters<F>;
        bool sign = below(2);
        unsigned pick = below(32);
        if (pick < 3)
            return { static_cast<Kind>(pick + 1), sign, 0, pick ? coefficient(F::digits - 1) : 0 };
        int exponent = static_cast<int>(below(80)) - 40;
        if (pick < 8)
            exponent = format.smallest_exponent + static_cast<int>(below(40));
        else if (pick < 13)
            exponent = format.largest_exponent - static_cast<int>(below(40));
        else if (pick < 18)
            exponent = (pick & 1 ? format.largest_exponent : format.smallest_exponent) / 2 + static_cast<int>(below(20));
        return { Kind::finite, sign, exponent, coefficient(F::digits) };
    }

private:
    [[nodiscard]] unsigned below(unsigned limit) { return static_cast<unsigned>(m_random() % limit); }
    [[nodiscard]] u128 coefficient(int digits)
    {
        u128 value = (u128 { m_random() } << 64 | m_random()) % power_of_ten(static_cast<int>(below(static_cast<unsigned>(digits))) + 1);
        int zeros = static_cast<int>(below(8)) - 3;
        return zeros > 0 ? value / power_of_ten(zeros) * power_of_ten(zeros) : value;
    }

    std::mt19937_64 m_random { 20 };
};

template<class Reference, class Operation, class ReferenceOperation>
void compare(const char* name, Operation operation, ReferenceOperation reference_operation)
{
    using F = typename Reference::Format;
    Operands<F> operands;
    for (unsigned i = 0; i < 20000; ++i) {
        Number a = operands.next();
        Number b = operands.next();
        const Method& method = methods[i % std::size(methods)];
        Environment environment { .rounding = method.rounding };
        Bits<F> result = pack<F>(operation(a, b, environment));
        _IDEC_flags flags = 0;
        auto expected = reference_operation(Reference::encode(pack<F>(a)), Reference::encode(pack<F>(b)), method.reference, &flags);
        // Which of two NaNs is taken, and what an infinity's digits are, is the architecture's own choice.
        bool same = a.nan() && b.nan() ? unpack<F>(result).nan() : result == Reference::decode(expected);
        ASSERT_TRUE(same) << name << " number " << i;
        u8 found = environment.conditions & static_cast<u8>(~Condition::incremented);
        ASSERT_EQ(unsigned { found }, unsigned { conditions(flags) }) << name << " number " << i;
    }
}

template<class Reference>
void compare_all()
{
    auto with_format = [](auto function) {
        return [function](const Number& a, const Number& b, Environment& environment) {
            return function(a, b, parameters<typename Reference::Format>, environment);
        };
    };
    compare<Reference>("add", with_format(&add), Reference::add);
    compare<Reference>("multiply", with_format(&multiply), Reference::multiply);
    compare<Reference>("divide", with_format(&divide), Reference::divide);
    compare<Reference>("quantize", with_format(&quantize), Reference::quantize);
}

} // namespace

TEST(DecimalArithmetic, LongAgreesWithTheReference)
{
    compare_all<LongReference>();
}

TEST(DecimalArithmetic, ExtendedAgreesWithTheReference)
{
    compare_all<ExtendedReference>();
}

TEST(DecimalArithmetic, RoundsByTheMethodsTheReferenceLacks)
{
    auto rounded = [](u64 coefficient, Rounding rounding) {
        Environment environment { .rounding = rounding };
        return static_cast<u64>(round_to_integer({ Kind::finite, false, -1, coefficient }, environment).coefficient);
    };
    EXPECT_EQ(rounded(25, Rounding::nearest_toward_zero), 2U);
    EXPECT_EQ(rounded(26, Rounding::nearest_toward_zero), 3U);
    EXPECT_EQ(rounded(21, Rounding::away_from_zero), 3U);
    EXPECT_EQ(rounded(20, Rounding::away_from_zero), 2U);
    EXPECT_EQ(rounded(29, Rounding::shorter_precision), 2U);
    EXPECT_EQ(rounded(51, Rounding::shorter_precision), 6U);
    EXPECT_EQ(rounded(101, Rounding::shorter_precision), 11U);
    EXPECT_EQ(rounded(50, Rounding::shorter_precision), 5U);
}

TEST(DecimalArithmetic, ScalesAResultThatTraps)
{
    Environment environment { .traps = Condition::overflow | Condition::underflow };
    Number large { Kind::finite, false, 300, 2 };
    EXPECT_EQ(multiply(large, large, parameters<Long>, environment).exponent, 600 - Long::scale);
    EXPECT_EQ(environment.conditions, Condition::overflow);
    environment.conditions = 0;
    Number small { Kind::finite, false, -300, 2 };
    EXPECT_EQ(multiply(small, small, parameters<Long>, environment).exponent, Long::scale - 600);
    EXPECT_EQ(environment.conditions, Condition::underflow);
}

TEST(Declets, EveryOneDecodesAndOnlyThePreferredAreMade)
{
    unsigned preferred = 0;
    for (u32 declet = 0; declet < 1024; ++declet) {
        u32 value = value_of_declet(declet);
        ASSERT_LT(value, 1000U);
        preferred += declet_of(value) == declet;
    }
    EXPECT_EQ(preferred, 1000U);
}

} // namespace zvisor::isa::decimal_float
