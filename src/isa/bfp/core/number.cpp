#include "isa/bfp/core/number.h"

#include <utility>

namespace zvisor::isa::softfloat {

Number invalid(Environment& environment)
{
    environment.conditions |= Condition::invalid;
    return { Kind::quiet_nan, false, 0, {} };
}

Number propagate(std::initializer_list<Number> operands, Environment& environment)
{
    for (const Number& operand : operands) {
        if (operand.signaling()) {
            environment.conditions |= Condition::invalid;
            return operand;
        }
    }
    for (const Number& operand : operands) {
        if (operand.nan())
            return operand;
    }
    return {};
}

namespace {

/// Sum of magnitudes, or difference when `negate`; both finite, `a` not below `b`.
Number sum_of_finite(const Number& a, const Number& b, bool negate, Rounding rounding)
{
    Wide aligned = shift_right_sticky(b.significand, static_cast<unsigned>(a.exponent - b.exponent));
    if (negate) {
        Wide difference = a.significand - aligned;
        return difference.zero() ? make_zero(rounding == Rounding::down) : normalize(a.sign, a.exponent, difference);
    }
    Wide result = a.significand + aligned;
    if (!(result < a.significand))
        return { Kind::finite, a.sign, a.exponent, result };
    result = shift_right_sticky(result, 1);
    result.high |= u128 { 1 } << 127;
    return { Kind::finite, a.sign, a.exponent + 1, result };
}

bool magnitude_below(const Number& a, const Number& b)
{
    return a.exponent != b.exponent ? a.exponent < b.exponent : a.significand < b.significand;
}

} // namespace

Number sum(Number a, Number b, Environment& environment)
{
    bool negate = a.sign != b.sign;
    if (a.infinite())
        return b.infinite() && negate ? invalid(environment) : a;
    if (b.infinite())
        return b;
    if (a.zero() && b.zero())
        return make_zero(negate ? environment.rounding == Rounding::down : a.sign);
    if (a.zero() || b.zero())
        return a.zero() ? b : a;
    if (magnitude_below(a, b))
        std::swap(a, b);
    return sum_of_finite(a, b, negate, environment.rounding);
}

Number product(const Number& a, const Number& b, Environment& environment)
{
    bool sign = a.sign != b.sign;
    if (a.infinite() || b.infinite())
        return a.zero() || b.zero() ? invalid(environment) : make_infinity(sign);
    if (a.zero() || b.zero())
        return make_zero(sign);
    return normalize(sign, a.exponent + b.exponent + 1, multiply(a.significand.high, b.significand.high));
}

Number quotient(const Number& a, const Number& b, int digits, Environment& environment)
{
    bool sign = a.sign != b.sign;
    if (a.infinite())
        return b.infinite() ? invalid(environment) : make_infinity(sign);
    if (b.zero() && a.finite()) {
        environment.conditions |= Condition::division_by_zero;
        return make_infinity(sign);
    }
    if (b.zero())
        return invalid(environment);
    if (a.zero() || b.infinite())
        return make_zero(sign);
    // A bit of room on the left: significands have at most 113 bits.
    u128 remainder = a.significand.high >> 1;
    u128 divisor = b.significand.high >> 1;
    u128 result = 0;
    for (int i = 0; i < digits + 1; ++i) {
        bool one = remainder >= divisor;
        remainder = (one ? remainder - divisor : remainder) << 1;
        result = result << 1 | one;
    }
    return normalize(sign, a.exponent - b.exponent, { result << (127 - digits), remainder != 0 });
}

Number root(const Number& a, int digits, Environment& environment)
{
    if (a.zero() || (a.infinite() && !a.sign))
        return a;
    if (a.sign)
        return invalid(environment);
    // Pairs of bits with the binary point behind the first pair.
    u128 radicand = a.exponent & 1 ? a.significand.high : a.significand.high >> 1;
    u128 remainder = 0;
    u128 result = 0;
    for (int i = 0; i < digits; ++i) {
        remainder = remainder << 2 | radicand >> 126;
        radicand <<= 2;
        u128 trial = result << 2 | 1;
        bool one = remainder >= trial;
        if (one)
            remainder -= trial;
        result = result << 1 | one;
    }
    return normalize(false, a.exponent >> 1, { result << (128 - digits), (remainder | radicand) != 0 });
}

Number fused(const Number& a, const Number& b, const Number& c, Environment& environment)
{
    bool invalid_product = (a.infinite() && b.zero()) || (a.zero() && b.infinite());
    if (a.signaling() || b.signaling())
        return propagate({ a, b }, environment);
    if (invalid_product)
        return invalid(environment);
    if (a.nan() || b.nan() || c.nan())
        return propagate({ a, b, c }, environment);
    return sum(product(a, b, environment), c, environment);
}

u8 order(const Number& a, const Number& b)
{
    if (a.zero() && b.zero())
        return 0;
    // Kinds are in the order of magnitude.
    bool a_low = a.kind != b.kind ? a.kind < b.kind : magnitude_below(a, b);
    bool b_low = a.kind != b.kind ? b.kind < a.kind : magnitude_below(b, a);
    if (a.sign != b.sign)
        return a.sign ? 1 : 2;
    if (!a_low && !b_low)
        return 0;
    return a_low != a.sign ? 1 : 2;
}

bool increments(Rounding rounding, bool sign, bool odd, bool half, bool more)
{
    switch (rounding) {
    case Rounding::nearest_even:
        return half && (more || odd);
    case Rounding::nearest_away:
        return half;
    case Rounding::up:
        return !sign && (half || more);
    case Rounding::down:
        return sign && (half || more);
    case Rounding::shorter_precision:
        return !odd && (half || more);
    case Rounding::toward_zero:
        return false;
    }
    return false;
}

namespace {

/// Rounds `kept` by what lies right of it, left-aligned in `rest`.
u128 round_by(u128 kept, const Wide& rest, bool sign, Environment& environment)
{
    if (rest.zero())
        return kept;
    bool increment = increments(environment.rounding, sign, kept & 1, rest.top(), !(rest << 1).zero());
    environment.conditions |= Condition::inexact | (increment ? Condition::incremented : 0);
    return kept + increment;
}

} // namespace

u128 round_integer(const Number& a, Environment& environment)
{
    if (a.exponent < -1)
        return round_by(0, { 0, 1 }, a.sign, environment);
    auto integer_bits = static_cast<unsigned>(a.exponent + 1);
    u128 kept = integer_bits ? a.significand.high >> (128 - integer_bits) : 0;
    return round_by(kept, a.significand << integer_bits, a.sign, environment);
}

Rounded round(Number a, int precision, int exponent_bias, Environment& environment)
{
    int minimum = 1 - exponent_bias;
    bool tiny = a.exponent < minimum;
    if (tiny && (environment.traps & Condition::underflow)) {
        environment.conditions |= Condition::underflow;
    } else if (tiny) {
        a.significand = shift_right_sticky(a.significand, static_cast<unsigned>(minimum - a.exponent));
        a.exponent = minimum;
    }
    u128 kept = a.significand.high >> (128 - precision);
    kept = round_by(kept, a.significand << static_cast<unsigned>(precision), a.sign, environment);
    if (kept >> precision) {
        kept >>= 1;
        ++a.exponent;
    }
    if (tiny && (environment.conditions & Condition::inexact))
        environment.conditions |= Condition::underflow;
    if (a.exponent > exponent_bias)
        environment.conditions |= Condition::overflow;
    return { kept, a.exponent };
}

} // namespace zvisor::isa::softfloat
