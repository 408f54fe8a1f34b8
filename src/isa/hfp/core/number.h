#pragma once

#include "base/types.h"

// Hexadecimal floating point as PoP ch. 18 defines it. Pure functions; range checks and interruptions are in isa/hfp/operation.h.

namespace zvisor::isa::hfp {

/// An HFP data format, by the hexadecimal digits of its fraction.
struct Short {
    using Bits = u32;
    static constexpr unsigned digits = 6;
};
struct Long {
    using Bits = u64;
    static constexpr unsigned digits = 14;
};
struct Extended {
    using Bits = u128;
    static constexpr unsigned digits = 28;
};

template<class F>
using Bits = typename F::Bits;

inline constexpr int excess = 64;
inline constexpr int largest_characteristic = 127;

/// Where the radix point of a fraction is: one digit for carries precedes it, 31 digits follow it.
inline constexpr unsigned point = 124;

/// An operand or a result: (fraction / 2^124) * 16^(characteristic - 64). The characteristic of an intermediate result may be
/// out of range. A default one is a true zero.
struct Number {
    bool negative { false };
    int characteristic { 0 };
    u128 fraction { 0 };

    [[nodiscard]] bool zero() const { return fraction == 0; }
    /// 0 zero, 1 less than zero, 2 greater than zero.
    [[nodiscard]] u8 condition_code() const { return zero() ? u8 { 0 } : negative ? u8 { 1 } : u8 { 2 }; }
};

/// The first `digits` digits behind the point and any carry in front of it.
[[nodiscard]] constexpr u128 truncate(u128 fraction, unsigned digits)
{
    return fraction >> (point - 4 * digits) << (point - 4 * digits);
}

template<class F>
[[nodiscard]] Number unpack(Bits<F> bits)
{
    constexpr unsigned width = sizeof(bits) * 8;
    bool negative = bits >> (width - 1);
    auto characteristic = static_cast<int>(bits >> (width - 8) & 0x7f);
    u128 fraction = bits & ((Bits<F> { 1 } << (width - 8)) - 1);
    return { negative, characteristic, fraction << (point - 4 * F::digits) };
}
/// The low-order part has a sign and a characteristic of its own, which are ignored.
template<>
[[nodiscard]] inline Number unpack<Extended>(u128 bits)
{
    constexpr u128 low_fraction = (u64 { 1 } << 56) - 1;
    Number number = unpack<Long>(static_cast<u64>(bits >> 64));
    number.fraction |= (bits & low_fraction) << (point - 112);
    return number;
}

/// The bits of a number with its characteristic modulo 128, the fraction truncated.
template<class F>
[[nodiscard]] Bits<F> pack(const Number& a)
{
    constexpr unsigned width = sizeof(Bits<F>) * 8;
    auto fraction = static_cast<Bits<F>>(a.fraction >> (point - 4 * F::digits));
    auto head = static_cast<Bits<F>>((a.characteristic & 0x7f) | (a.negative ? 0x80 : 0));
    return static_cast<Bits<F>>(head << (width - 8) | fraction);
}
/// The low-order part of an extended number: the same sign, a characteristic less by 14, the last 14 digits.
[[nodiscard]] inline u64 pack_low(const Number& a)
{
    u128 fraction = a.fraction << (4 * Long::digits) & ((u128 { 1 } << point) - 1);
    return pack<Long>({ a.negative, a.characteristic - 14, fraction });
}
template<>
[[nodiscard]] inline u128 pack<Extended>(const Number& a)
{
    u64 high = pack<Long>(a);
    bool true_zero = a.zero() && a.characteristic == 0;
    return u128 { high } << 64 | (true_zero ? high : pack_low(a));
}

/// Without leading zero digits and with any carry moved behind the point; a zero becomes a true zero.
[[nodiscard]] Number normalize(Number a);

/// The sum before normalization, with one guard digit behind `digits`; a zero is positive.
[[nodiscard]] Number sum(Number a, Number b, unsigned digits);
/// The normalized product; a true zero when an operand is zero.
[[nodiscard]] Number product(Number a, Number b);
/// The normalized quotient to at least `digits` digits; `b` is not zero.
[[nodiscard]] Number quotient(Number a, Number b, unsigned digits);
/// The root of a number that is not negative, rounded to `digits` digits.
[[nodiscard]] Number root(Number a, unsigned digits);
/// a * b + c, exact before it is normalized and cut off.
[[nodiscard]] Number multiply_add(Number a, Number b, Number c);

/// a * b of long numbers with nothing normalized.
[[nodiscard]] Number product_unnormalized(const Number& a, const Number& b);
/// a * b + c of long numbers in the frame of the product, whose digits outside of it are cut off on both sides.
[[nodiscard]] Number multiply_add_unnormalized(const Number& a, const Number& b, const Number& c);

/// Rounded to `digits` digits by adding one half; not normalized.
[[nodiscard]] Number round(Number a, unsigned digits);
/// Rounded toward zero to an integer and normalized.
[[nodiscard]] Number integer_part(Number a);

/// -magnitude or +magnitude.
[[nodiscard]] Number from_integer(bool negative, u64 magnitude);

} // namespace zvisor::isa::hfp
