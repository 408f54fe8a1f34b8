#pragma once

#include "isa/bfp/core/wide.h"
#include "isa/bfp/softfloat.h"

#include <initializer_list>

namespace zvisor::isa::softfloat {

enum class Kind : u8 { zero, finite, infinity, quiet_nan, signaling_nan };

/// An operand or a result before rounding. Finite: significand / 2^255 * 2^exponent, bit 255 one and the rightmost bit
/// sticky. NaN: the fraction, left-aligned, so it widens and narrows as it stands.
struct Number {
    Kind kind { Kind::zero };
    bool sign { false };
    int exponent { 0 };
    Wide significand {};

    [[nodiscard]] bool nan() const { return kind >= Kind::quiet_nan; }
    [[nodiscard]] bool zero() const { return kind == Kind::zero; }
    [[nodiscard]] bool finite() const { return kind == Kind::finite; }
    [[nodiscard]] bool infinite() const { return kind == Kind::infinity; }
    [[nodiscard]] bool signaling() const { return kind == Kind::signaling_nan; }
};

template<class F>
inline constexpr int bias = (1 << (F::exponent_width - 1)) - 1;

[[nodiscard]] constexpr Number make_zero(bool sign)
{
    return { Kind::zero, sign, 0, {} };
}
[[nodiscard]] constexpr Number make_infinity(bool sign)
{
    return { Kind::infinity, sign, 0, {} };
}

/// A nonzero significand of any alignment; `exponent` is that of bit 255.
[[nodiscard]] constexpr Number normalize(bool sign, int exponent, const Wide& significand)
{
    unsigned zeros = leading_zeros(significand);
    return { Kind::finite, sign, exponent - static_cast<int>(zeros), significand << zeros };
}

/// -magnitude or +magnitude.
[[nodiscard]] constexpr Number integer(bool sign, u128 magnitude)
{
    return magnitude ? normalize(sign, 127, { magnitude, 0 }) : make_zero(sign);
}

template<class F>
[[nodiscard]] Number unpack(Bits<F> bits)
{
    bool sign = bits & sign_bit<F>;
    u128 fraction = bits & fraction_mask<F>;
    auto exponent = static_cast<int>((bits & infinity<F>) >> fraction_width<F>);
    if ((bits & infinity<F>) == infinity<F>) {
        if (!fraction)
            return make_infinity(sign);
        return { bits & quiet_bit<F> ? Kind::quiet_nan : Kind::signaling_nan, sign, 0, { fraction << (128 - fraction_width<F>), 0 } };
    }
    constexpr unsigned alignment = 128 - F::precision;
    if (exponent)
        return { Kind::finite, sign, exponent - bias<F>, { (fraction | (u128 { 1 } << fraction_width<F>)) << alignment, 0 } };
    return fraction ? normalize(sign, 1 - bias<F>, { fraction << alignment, 0 }) : make_zero(sign);
}

/// Records an invalid operation; the default NaN.
[[nodiscard]] Number invalid(Environment& environment);
/// The result when one of the operands, in order of precedence, is a NaN.
[[nodiscard]] Number propagate(std::initializer_list<Number> operands, Environment& environment);

// Arithmetic on numbers that are not NaNs. `digits` is how many significand bits the later rounding needs.
[[nodiscard]] Number sum(Number a, Number b, Environment& environment);
[[nodiscard]] Number product(const Number& a, const Number& b, Environment& environment);
[[nodiscard]] Number quotient(const Number& a, const Number& b, int digits, Environment& environment);
[[nodiscard]] Number root(const Number& a, int digits, Environment& environment);
/// a * b + c for any operands.
[[nodiscard]] Number fused(const Number& a, const Number& b, const Number& c, Environment& environment);
/// 0 equal, 1 low, 2 high.
[[nodiscard]] u8 order(const Number& a, const Number& b);

/// True when rounding adds one in the last place, from what was cut off: its first bit and whether more follows.
[[nodiscard]] bool increments(Rounding rounding, bool sign, bool odd, bool half, bool more);

/// The integer a finite number rounds to; for exponents below 127.
[[nodiscard]] u128 round_integer(const Number& a, Environment& environment);

/// A significand of `precision` bits (fewer for a subnormal result), right-aligned, and its exponent.
struct Rounded {
    u128 significand;
    int exponent;
};
/// Rounds a finite number to a format's precision and, unless underflow traps, to its smallest exponent.
[[nodiscard]] Rounded round(Number a, int precision, int exponent_bias, Environment& environment);

/// The bits of a rounded result within the format's range.
template<class F>
[[nodiscard]] Bits<F> assemble(bool sign, const Rounded& rounded)
{
    auto exponent = static_cast<Bits<F>>(rounded.exponent + bias<F> - 1);
    auto magnitude = static_cast<Bits<F>>((exponent << fraction_width<F>)+static_cast<Bits<F>>(rounded.significand));
    return magnitude | (sign ? sign_bit<F> : 0);
}

/// The result of an overflow that does not trap.
template<class F>
[[nodiscard]] Bits<F> overflowed(bool sign, Environment& environment)
{
    bool infinite = increments(environment.rounding, sign, true, true, true);
    environment.conditions &= static_cast<u8>(~Condition::incremented);
    environment.conditions |= Condition::inexact | (infinite ? Condition::incremented : 0);
    return (infinite ? infinity<F> : infinity<F> - 1) | (sign ? sign_bit<F> : 0);
}

/// The bits of a result that is not a finite nonzero number.
template<class F>
[[nodiscard]] Bits<F> pack_special(const Number& a)
{
    Bits<F> magnitude = 0;
    if (a.infinite())
        magnitude = infinity<F>;
    else if (a.nan())
        magnitude = infinity<F> | quiet_bit<F> | static_cast<Bits<F>>(a.significand.high >> (128 - fraction_width<F>));
    return magnitude | (a.sign ? sign_bit<F> : 0);
}

/// Rounds and packs a result; a trapped overflow or underflow is scaled.
template<class F>
[[nodiscard]] Bits<F> pack(const Number& a, Environment& environment)
{
    if (!a.finite())
        return pack_special<F>(a);
    Rounded rounded = round(a, F::precision, bias<F>, environment);
    if (environment.trapped(Condition::underflow))
        rounded.exponent += F::scale;
    else if (environment.trapped(Condition::overflow))
        rounded.exponent -= F::scale;
    else if (environment.conditions & Condition::overflow)
        return overflowed<F>(a.sign, environment);
    return assemble<F>(a.sign, rounded);
}

} // namespace zvisor::isa::softfloat
