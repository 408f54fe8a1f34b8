#include "isa/bfp/core/number.h"
#include "isa/bfp/softfloat.h"

#include <algorithm>

namespace zvisor::isa::softfloat {

namespace {

/// Dividend over divisor, both finite: the leading integer bits of the quotient, at most as many as fit a significand.
struct Quotient {
    u128 leading { 0 };
    /// What `leading` counts: 2 to this power.
    int unit { 0 };
    /// What is left of the dividend, with the dividend's sign.
    Number remainder;
    /// Where the remainder lies in units of the divisor: at least a half, and more than a half or a zero.
    bool half { false };
    bool more { false };
};

Quotient divide_leading(const Number& a, const Number& b, int precision)
{
    bool a_low = a.significand < b.significand;
    int integer_bits = a.exponent - b.exponent + (a_low ? 0 : 1);
    if (integer_bits < 0)
        return { .remainder = a, .more = true };
    // Room on the left for doubling; the dividend is aligned so that the first bit developed is a one.
    u128 divisor = b.significand.high >> 2;
    u128 rest = a.significand.high >> (a_low ? 1 : 2);
    Quotient result;
    int developed = std::min(integer_bits, precision);
    result.unit = integer_bits - developed;
    for (int i = 0; i < developed; ++i) {
        rest <<= i > 0;
        bool one = rest >= divisor;
        rest -= one ? divisor : 0;
        result.leading = result.leading << 1 | one;
    }
    // With no integer bit `rest` still has twice the weight.
    u128 twice = integer_bits ? rest << 1 : rest;
    result.half = twice >= divisor;
    result.more = rest != 0 && twice != divisor;
    int weight = b.exponent + result.unit + (integer_bits ? 2 : 1);
    result.remainder = rest ? normalize(a.sign, weight, { rest, 0 }) : make_zero(a.sign);
    return result;
}

/// The result for a NaN operand, an infinite dividend or a zero divisor.
Number not_a_number(const Number& a, const Number& b, Environment& environment)
{
    return a.nan() || b.nan() ? propagate({ a, b }, environment) : invalid(environment);
}

/// The quotient's bits; one too large for the format is scaled and makes the condition code odd.
template<class F>
Bits<F> pack_quotient(const Number& n, u8& condition_code)
{
    Environment scaling { .traps = Condition::overflow };
    Bits<F> bits = pack<F>(n, scaling);
    if (scaling.conditions & Condition::overflow)
        condition_code |= 1;
    return bits;
}

template<class F>
IntegerQuotient<F> divide_finite(const Number& a, const Number& b, Rounding quotient_rounding, Environment& environment)
{
    bool sign = a.sign != b.sign;
    Quotient q = divide_leading(a, b, F::precision);
    u128 magnitude = q.leading;
    Number remainder = q.remainder;
    u8 code = 0;
    if (q.unit > 0 && !remainder.zero()) {
        code = 2;
    } else if (!remainder.zero() && increments(quotient_rounding, sign, magnitude & 1, q.half, q.more)) {
        ++magnitude;
        Number divisor = b;
        divisor.sign = !a.sign;
        remainder = sum(remainder, divisor, environment);
    }
    Number n = integer(sign, magnitude);
    n.exponent += q.unit;
    Bits<F> quotient = pack_quotient<F>(n, code);
    return { pack<F>(remainder, environment), quotient, code };
}

} // namespace

template<class F>
IntegerQuotient<F> divide_to_integer(Bits<F> a, Bits<F> b, Rounding quotient_rounding, Environment& environment)
{
    Number dividend = unpack<F>(a);
    Number divisor = unpack<F>(b);
    if (dividend.nan() || divisor.nan() || dividend.infinite() || divisor.zero()) {
        Bits<F> nan = pack_special<F>(not_a_number(dividend, divisor, environment));
        return { nan, nan, 1 };
    }
    if (dividend.zero() || divisor.infinite())
        return { a, (a ^ b) & sign_bit<F>, 0 };
    return divide_finite<F>(dividend, divisor, quotient_rounding, environment);
}

template IntegerQuotient<Short> divide_to_integer<Short>(Bits<Short>, Bits<Short>, Rounding, Environment&);
template IntegerQuotient<Long> divide_to_integer<Long>(Bits<Long>, Bits<Long>, Rounding, Environment&);

} // namespace zvisor::isa::softfloat
