#include "isa/fp_support/core/radix.h"

#include "isa/fp_support/core/big_integer.h"

#include <algorithm>
#include <bit>

namespace zvisor::isa::radix {

using softfloat::Wide;

// ---- Exact values --------------------------------------------------------------------------------------------

namespace {

[[nodiscard]] int trailing_zeros(u128 value)
{
    auto low = static_cast<u64>(value);
    return low ? std::countr_zero(low) : 64 + std::countr_zero(static_cast<u64>(value >> 64));
}

/// value * 10^18 + limb.
[[nodiscard]] Wide append(const Wide& value, u64 limb)
{
    constexpr auto factor = u64 { 1'000'000'000'000'000'000 };
    Wide low = softfloat::multiply(value.low, factor);
    return low + Wide { value.high * factor, 0 } + Wide { 0, limb };
}

[[nodiscard]] decimal_float::Exact without_trailing_zeros(decimal_float::Exact a)
{
    // Ten has the factor two, so most numbers are seen to have none at once.
    while (!(a.coefficient.low & 1)) {
        u64 remainder = 0;
        Wide quotient {};
        for (int at = 192; at >= 0; at -= 64) {
            u128 part = u128 { remainder } << 64 | static_cast<u64>((a.coefficient >> static_cast<unsigned>(at)).low);
            quotient = quotient + (Wide { 0, part / 10 } << static_cast<unsigned>(at));
            remainder = static_cast<u64>(part % 10);
        }
        if (remainder)
            break;
        a.coefficient = quotient;
        ++a.exponent;
    }
    return a;
}

} // namespace

decimal_float::Exact to_decimal(const softfloat::Number& a)
{
    int zeros = trailing_zeros(a.significand.high);
    // The value is `integer` times two to the power `exponent`.
    u128 integer = a.significand.high >> zeros;
    int exponent = a.exponent - 127 + zeros;
    BigInteger digits(BigInteger::Base::decimal, integer);
    if (exponent >= 0)
        digits.multiply_power_of_two(static_cast<unsigned>(exponent));
    else
        digits.multiply_power_of_five(static_cast<unsigned>(-exponent));
    constexpr std::size_t most_limbs = 4;
    const auto& limbs = digits.limbs();
    std::size_t cut = limbs.size() > most_limbs ? limbs.size() - most_limbs : 0;
    decimal_float::Exact exact { a.sign, {}, std::min(exponent, 0) + static_cast<int>(cut * BigInteger::decimal_limb_digits), false };
    for (std::size_t i = limbs.size(); i-- > cut;)
        exact.coefficient = append(exact.coefficient, limbs[i]);
    exact.more = std::any_of(limbs.begin(), limbs.begin() + static_cast<std::ptrdiff_t>(cut), [](u64 limb) { return limb != 0; });
    return exact.more ? exact : without_trailing_zeros(exact);
}

namespace {

/// The leftmost 256 bits of an integer, sticky, as a number times two to the power `exponent`.
[[nodiscard]] softfloat::Number leading_bits(bool sign, const BigInteger& integer, int exponent)
{
    const auto& limbs = integer.limbs();
    Wide bits {};
    constexpr std::size_t most_limbs = 4;
    std::size_t cut = limbs.size() > most_limbs ? limbs.size() - most_limbs : 0;
    for (std::size_t i = limbs.size(); i-- > cut;)
        bits = (bits << 64) + Wide { 0, limbs[i] };
    bool more = std::any_of(limbs.begin(), limbs.begin() + static_cast<std::ptrdiff_t>(cut), [](u64 limb) { return limb != 0; });
    softfloat::Number number = softfloat::normalize(sign, exponent + static_cast<int>(cut * 64) + 255, bits);
    number.significand.low |= more;
    return number;
}

/// `dividend` / `divisor` * 2^exponent to 192 bits, sticky.
[[nodiscard]] softfloat::Number quotient(bool sign, BigInteger dividend, BigInteger divisor, int exponent)
{
    auto longer = static_cast<int>(divisor.bit_length()) - static_cast<int>(dividend.bit_length());
    (longer > 0 ? dividend : divisor).multiply_power_of_two(static_cast<unsigned>(longer > 0 ? longer : -longer));
    Wide bits {};
    constexpr int count = 192;
    for (int i = 0; i < count; ++i) {
        bool one = !(dividend < divisor);
        if (one)
            dividend.subtract(divisor);
        dividend.multiply_power_of_two(1);
        bits = (bits << 1) + Wide { 0, one };
    }
    softfloat::Number number = softfloat::normalize(sign, exponent - longer - (count - 1) + 255, bits);
    number.significand.low |= !dividend.zero();
    return number;
}

} // namespace

softfloat::Number to_binary(const decimal_float::Number& a)
{
    BigInteger integer(BigInteger::Base::binary, a.coefficient);
    if (a.exponent >= 0) {
        integer.multiply_power_of_five(static_cast<unsigned>(a.exponent));
        return leading_bits(a.sign, integer, a.exponent);
    }
    BigInteger divisor(BigInteger::Base::binary, 1);
    divisor.multiply_power_of_five(static_cast<unsigned>(-a.exponent));
    return quotient(a.sign, integer, divisor, a.exponent);
}

softfloat::Number from_hfp(const hfp::Number& a)
{
    if (a.zero())
        return softfloat::make_zero(a.negative);
    constexpr unsigned before_point = 128 - hfp::point;
    return softfloat::normalize(a.negative, 4 * (a.characteristic - hfp::excess) - 1, { a.fraction << before_point, 0 });
}

// ---- Rounding ------------------------------------------------------------------------------------------------

namespace {

/// True when rounding adds one in the last place, from what was cut off: its first bit and whether more follows.
[[nodiscard]] bool increments(Rounding rounding, bool sign, bool odd, bool half, bool more)
{
    bool inexact = half || more;
    switch (rounding) {
    case Rounding::nearest_even:
        return half && (more || odd);
    case Rounding::nearest_away:
        return half;
    case Rounding::nearest_toward_zero:
        return half && more;
    case Rounding::toward_zero:
        return false;
    case Rounding::up:
        return inexact && !sign;
    case Rounding::down:
        return inexact && sign;
    case Rounding::away_from_zero:
        return inexact;
    case Rounding::shorter_precision:
        return inexact && !odd;
    }
    return false;
}

/// The leftmost `count` bits, rounded; a carry makes it one bit longer. Records inexact.
[[nodiscard]] u128 rounded(bool sign, const Wide& bits, unsigned count, Environment& environment)
{
    u128 kept = (bits >> (256 - count)).low;
    Wide rest = bits << count;
    bool half = rest.top();
    bool more = !(rest << 1).zero();
    if (!half && !more)
        return kept;
    bool increment = increments(environment.rounding, sign, kept & 1, half, more);
    environment.conditions |= Condition::inexact | (increment ? Condition::incremented : 0);
    return kept + increment;
}

/// The result of an overflow that does not trap; true for an infinity.
[[nodiscard]] bool overflows_to_infinity(bool sign, Environment& environment)
{
    bool infinite = increments(environment.rounding, sign, true, true, true);
    environment.conditions &= static_cast<u8>(~Condition::incremented);
    environment.conditions |= Condition::inexact | (infinite ? Condition::incremented : 0);
    return infinite;
}

/// Records an underflow when it is to be recognized.
void record_underflow(bool tiny, Environment& environment)
{
    if (tiny && ((environment.traps & Condition::underflow) || (environment.conditions & Condition::inexact)))
        environment.conditions |= Condition::underflow;
}

} // namespace

template<class F>
Converted<softfloat::Bits<F>> round_to_bfp(const softfloat::Number& a, Environment& environment)
{
    constexpr int smallest = 1 - softfloat::bias<F>;
    bool tiny = a.exponent < smallest;
    bool scaled = tiny && (environment.traps & Condition::underflow);
    int lost = tiny && !scaled ? smallest - a.exponent : 0;
    Wide bits = softfloat::shift_right_sticky(a.significand, static_cast<unsigned>(lost));
    softfloat::Rounded result { rounded(a.sign, bits, F::precision, environment), a.exponent + lost };
    if (result.significand >> F::precision) {
        result.significand >>= 1;
        ++result.exponent;
    }
    record_underflow(tiny, environment);
    if (result.exponent > softfloat::bias<F>)
        environment.conditions |= Condition::overflow;
    if (environment.trapped(Condition::overflow | Condition::underflow))
        return { softfloat::assemble<F>(a.sign, { result.significand, 0 }), result.exponent };
    if (!(environment.conditions & Condition::overflow))
        return { softfloat::assemble<F>(a.sign, result) };
    auto magnitude = static_cast<softfloat::Bits<F>>(softfloat::infinity<F> - !overflows_to_infinity(a.sign, environment));
    return { static_cast<softfloat::Bits<F>>(magnitude | (a.sign ? softfloat::sign_bit<F> : 0)) };
}

template Converted<u32> round_to_bfp<softfloat::Short>(const softfloat::Number&, Environment&);
template Converted<u64> round_to_bfp<softfloat::Long>(const softfloat::Number&, Environment&);
template Converted<u128> round_to_bfp<softfloat::Extended>(const softfloat::Number&, Environment&);

hfp::Number largest_hfp(bool sign, unsigned digits)
{
    return { sign, hfp::largest_characteristic, hfp::truncate((u128 { 1 } << hfp::point) - 1, digits) };
}

Converted<hfp::Number> round_to_hfp(const softfloat::Number& a, unsigned digits, Environment& environment)
{
    // The fraction is below one: its first bit has the weight of `exponent` + 1.
    int power = (a.exponent + 4) >> 2;
    int characteristic = power + hfp::excess;
    bool tiny = characteristic < 0;
    bool scaled = tiny && (environment.traps & Condition::underflow);
    int lost = tiny && !scaled ? -characteristic : 0;
    characteristic += lost;
    auto right = static_cast<unsigned>(4 * (power + lost) - (a.exponent + 1));
    u128 fraction = rounded(a.sign, softfloat::shift_right_sticky(a.significand, right), 4 * digits, environment);
    hfp::Number result { a.sign, characteristic, fraction << (hfp::point - 4 * digits) };
    if (result.fraction >> hfp::point) {
        result.fraction >>= 4;
        ++result.characteristic;
    }
    record_underflow(tiny, environment);
    if (result.characteristic > hfp::largest_characteristic)
        environment.conditions |= Condition::overflow;
    if (environment.trapped(Condition::overflow | Condition::underflow)) {
        int scaling = result.characteristic - (hfp::excess + 1);
        return { { a.sign, hfp::excess + 1, result.fraction }, scaling };
    }
    if (!(environment.conditions & Condition::overflow))
        return { result };
    environment.conditions = Condition::overflow | Condition::inexact;
    return { largest_hfp(a.sign, digits) };
}

Converted<decimal_float::Number> round_to_dfp(
    decimal_float::Exact a, const decimal_float::Parameters& to, bool toward_one, Environment& environment)
{
    int preferred = toward_one ? 0 : a.exponent;
    int room = to.digits - decimal_float::count_digits(a.coefficient);
    if (int zeros = std::min(a.exponent, room); toward_one && zeros > 0) {
        a.coefficient = softfloat::multiply(a.coefficient.low, decimal_float::power_of_ten(zeros));
        a.exponent -= zeros;
    }
    decimal_float::Parameters unscaled = to;
    unscaled.scale = 0;
    decimal_float::Number result = decimal_float::round(a, unscaled, preferred, environment);
    if (!environment.trapped(Condition::overflow | Condition::underflow))
        return { result };
    int scaling = result.exponent + decimal_float::count_digits(result.coefficient) - 1;
    result.exponent -= scaling;
    return { result, scaling };
}

} // namespace zvisor::isa::radix
