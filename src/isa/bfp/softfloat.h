#pragma once

#include "base/types.h"

// Binary floating point exactly as PoP ch. 9 and 19 define it: results, IEEE conditions, NaN propagation and what a trap
// finds in the target. Pure functions of bit patterns; the vector chapter's elements have the same formats.

namespace zvisor::isa::softfloat {

/// A BFP data format. `scale` is the power of two that brings a trapped overflow or underflow back into range;
/// `load_rounded_scale` the same for LOAD ROUNDED, whose trapped result keeps the source's format.
struct Short {
    using Bits = u32;
    using Host = float;
    static constexpr int precision = 24;
    static constexpr int exponent_width = 8;
    static constexpr int scale = 192;
};
struct Long {
    using Bits = u64;
    using Host = double;
    static constexpr int precision = 53;
    static constexpr int exponent_width = 11;
    static constexpr int scale = 1536;
    static constexpr int load_rounded_scale = 512;
};
struct Extended {
    using Bits = u128;
    static constexpr int precision = 113;
    static constexpr int exponent_width = 15;
    static constexpr int scale = 24576;
    static constexpr int load_rounded_scale = 8192;
};

template<class F>
using Bits = typename F::Bits;

template<class F>
inline constexpr int width = static_cast<int>(sizeof(Bits<F>) * 8);
template<class F>
inline constexpr int fraction_width = F::precision - 1;
template<class F>
inline constexpr Bits<F> sign_bit = Bits<F> { 1 } << (width<F> - 1);
template<class F>
inline constexpr Bits<F> fraction_mask = (Bits<F> { 1 } << fraction_width<F>)-1;
template<class F>
inline constexpr Bits<F> infinity = ((Bits<F> { 1 } << F::exponent_width) - 1) << fraction_width<F>;
template<class F>
inline constexpr Bits<F> quiet_bit = Bits<F> { 1 } << (fraction_width<F> - 1);
template<class F>
inline constexpr Bits<F> default_nan = infinity<F> | quiet_bit<F>;

template<class F>
[[nodiscard]] constexpr bool is_nan(Bits<F> a)
{
    return (a & ~sign_bit<F>) > infinity<F>;
}
template<class F>
[[nodiscard]] constexpr bool is_signaling(Bits<F> a)
{
    return is_nan<F>(a) && !(a & quiet_bit<F>);
}
template<class F>
[[nodiscard]] constexpr bool is_zero(Bits<F> a)
{
    return (a & ~sign_bit<F>) == 0;
}
/// The condition code of a result: 0 zero, 1 less than zero, 2 greater than zero, 3 NaN.
template<class F>
[[nodiscard]] constexpr u8 condition_code(Bits<F> a)
{
    if (is_nan<F>(a))
        return 3;
    if (is_zero<F>(a))
        return 0;
    return a & sign_bit<F> ? 1 : 2;
}

/// Effective rounding methods (PoP ch. 9, "Rounding").
enum class Rounding : u8 { nearest_even, toward_zero, up, down, nearest_away, shorter_precision };

/// IEEE conditions by their place in the FPC register's mask and flag bytes and in the data-exception code.
struct Condition {
    static constexpr u8 invalid = 0x80;
    static constexpr u8 division_by_zero = 0x40;
    static constexpr u8 overflow = 0x20;
    static constexpr u8 underflow = 0x10;
    static constexpr u8 inexact = 0x08;
    /// The result is greater in magnitude than the precise one; only beside `inexact`.
    static constexpr u8 incremented = 0x04;
};

/// What an operation depends on besides its operands, and what it found.
struct Environment {
    Rounding rounding { Rounding::nearest_even };
    /// Conditions whose mask bit is one. With overflow or underflow among them the result is the scaled one.
    u8 traps { 0 };
    /// Conditions of this operation. Underflow is among them only when recognized: tiny and either inexact or trapped.
    u8 conditions { 0 };

    [[nodiscard]] bool trapped(u8 condition) const { return traps & conditions & condition; }
};

// Operations of format F = Short, Long or Extended. Where an operand is a NaN, the first signaling one, else the first
// quiet one, is the result.

template<class F>
[[nodiscard]] Bits<F> add(Bits<F> a, Bits<F> b, Environment& environment);
template<class F>
[[nodiscard]] Bits<F> subtract(Bits<F> a, Bits<F> b, Environment& environment);
/// The product in a format `To` at least as long as that of the operands.
template<class To, class F = To>
[[nodiscard]] Bits<To> multiply(Bits<F> a, Bits<F> b, Environment& environment);
template<class F>
[[nodiscard]] Bits<F> divide(Bits<F> a, Bits<F> b, Environment& environment);
template<class F>
[[nodiscard]] Bits<F> square_root(Bits<F> a, Environment& environment);
/// a * b + c, or a * b - c, with one rounding.
template<class F>
[[nodiscard]] Bits<F> multiply_add(Bits<F> a, Bits<F> b, Bits<F> c, Environment& environment);
template<class F>
[[nodiscard]] Bits<F> multiply_subtract(Bits<F> a, Bits<F> b, Bits<F> c, Environment& environment);

/// Code 0 equal, 1 first low, 2 first high, 3 unordered. `signaling`: any NaN is an invalid operation, not only a signaling one.
template<class F>
[[nodiscard]] u8 compare(Bits<F> a, Bits<F> b, bool signaling, Environment& environment);

/// LOAD LENGTHENED.
template<class To, class From>
[[nodiscard]] Bits<To> lengthen(Bits<From> a, Environment& environment);

/// LOAD ROUNDED: `value`, or with a trapped overflow or underflow `scaled`, rounded to the precision of `To`.
template<class To, class From>
struct Shortened {
    Bits<To> value { 0 };
    Bits<From> scaled { 0 };
    bool is_scaled { false };
};
template<class To, class From>
[[nodiscard]] Shortened<To, From> shorten(Bits<From> a, Environment& environment);

/// LOAD FP INTEGER.
template<class F>
[[nodiscard]] Bits<F> round_to_integer(Bits<F> a, Environment& environment);

/// CONVERT FROM FIXED and LOGICAL: the integer -magnitude or +magnitude.
template<class F>
[[nodiscard]] Bits<F> from_integer(bool negative, u64 magnitude, Environment& environment);

/// CONVERT TO FIXED and LOGICAL: a result outside [minimum, maximum] becomes the nearer of the two, a NaN `nan`; both are
/// invalid and inexact with condition code 3.
struct IntegerRange {
    i128 minimum;
    i128 maximum;
    i128 nan;
};
struct Integer {
    u64 value;
    u8 condition_code;
};
template<class F>
[[nodiscard]] Integer to_integer(Bits<F> a, const IntegerRange& range, Environment& environment);

/// DIVIDE TO INTEGER of short or long operands; `quotient_rounding` makes the final quotient, the environment's rounds the remainder.
template<class F>
struct IntegerQuotient {
    Bits<F> remainder;
    Bits<F> quotient;
    u8 condition_code;
};
template<class F>
[[nodiscard]] IntegerQuotient<F> divide_to_integer(Bits<F> a, Bits<F> b, Rounding quotient_rounding, Environment& environment);

/// TEST DATA CLASS: the bit of the second-operand address that stands for the class and sign of `a`.
template<class F>
[[nodiscard]] u32 data_class(Bits<F> a);

} // namespace zvisor::isa::softfloat
