#pragma once

#include "base/types.h"
#include "isa/bfp/core/wide.h"

#include <array>

// The data of decimal floating point and their formats: PoP ch. 20, "DFP Data Formats" and "DFP Data Classes". Pure functions.

namespace zvisor::isa::decimal_float {

using softfloat::Wide;

/// A DFP format: decimal digits of a significand, width of the combination field's exponent continuation, bias of the
/// right-units-view exponent and the power of ten that brings a trapped overflow or underflow back into range.
struct Short {
    using Bits = u32;
    static constexpr int digits = 7;
    static constexpr int continuation_width = 6;
    static constexpr int bias = 101;
    static constexpr int scale = 144;
};
struct Long {
    using Bits = u64;
    static constexpr int digits = 16;
    static constexpr int continuation_width = 8;
    static constexpr int bias = 398;
    static constexpr int scale = 576;
    static constexpr int load_rounded_scale = 192;
};
struct Extended {
    using Bits = u128;
    static constexpr int digits = 34;
    static constexpr int continuation_width = 12;
    static constexpr int bias = 6176;
    static constexpr int scale = 9216;
    static constexpr int load_rounded_scale = 3072;
};

template<class F>
using Bits = typename F::Bits;

/// The numbers of a format that arithmetic needs.
struct Parameters {
    int digits;
    /// Right-units-view exponents.
    int smallest_exponent;
    int largest_exponent;
    int scale;
};
template<class F>
inline constexpr int largest_biased_exponent = 3 * (1 << F::continuation_width) - 1;
template<class F>
inline constexpr Parameters parameters { F::digits, -F::bias, largest_biased_exponent<F> - F::bias, F::scale };

enum class Kind : u8 { finite, infinity, quiet_nan, signaling_nan };

/// (-1)^sign * coefficient * 10^exponent; an infinity or NaN has the digits of its trailing significand as coefficient.
struct Number {
    Kind kind { Kind::finite };
    bool sign { false };
    int exponent { 0 };
    u128 coefficient { 0 };

    [[nodiscard]] bool finite() const { return kind == Kind::finite; }
    [[nodiscard]] bool infinite() const { return kind == Kind::infinity; }
    [[nodiscard]] bool nan() const { return kind >= Kind::quiet_nan; }
    [[nodiscard]] bool signaling() const { return kind == Kind::signaling_nan; }
    [[nodiscard]] bool zero() const { return finite() && coefficient == 0; }
    /// 0 zero, 1 less than zero, 2 greater than zero, 3 NaN.
    [[nodiscard]] u8 condition_code() const { return nan() ? u8 { 3 } : zero() ? u8 { 0 } : sign ? u8 { 1 } : u8 { 2 }; }
};

inline constexpr Number default_nan { Kind::quiet_nan, false, 0, 0 };

/// 10 to the power 0..38.
inline constexpr auto powers_of_ten = [] {
    std::array<u128, 39> table {};
    table[0] = 1;
    for (unsigned i = 1; i < table.size(); ++i)
        table[i] = table[i - 1] * 10;
    return table;
}();
[[nodiscard]] constexpr u128 power_of_ten(int exponent)
{
    return powers_of_ten[static_cast<unsigned>(exponent)];
}

/// Number of decimal digits without leading zeros; 0 for zero.
[[nodiscard]] int count_digits(u128 value);
[[nodiscard]] int count_digits(const Wide& value);

/// Densely packed decimal: three digits in ten bits.
[[nodiscard]] u32 declet_of(u32 value);
[[nodiscard]] u32 value_of_declet(u32 declet);

// ---- Bits of a format ----------------------------------------------------------------------------------------

template<class F>
inline constexpr int trailing_width = (F::digits - 1) / 3 * 10;

template<class F>
[[nodiscard]] u128 unpack_trailing(Bits<F> bits)
{
    u128 value = 0;
    for (int at = trailing_width<F> - 10; at >= 0; at -= 10)
        value = value * 1000 + value_of_declet(static_cast<u32>(bits >> at) & 0x3ff);
    return value;
}

template<class F>
[[nodiscard]] Bits<F> pack_trailing(u128 value)
{
    Bits<F> bits = 0;
    for (int at = 0; at < trailing_width<F>; at += 10) {
        bits |= static_cast<Bits<F>>(static_cast<Bits<F>>(declet_of(static_cast<u32>(value % 1000))) << at);
        value /= 1000;
    }
    return bits;
}

template<class F>
[[nodiscard]] Number unpack(Bits<F> bits)
{
    constexpr int width = static_cast<int>(sizeof(bits) * 8);
    bool sign = bits >> (width - 1);
    u128 trailing = unpack_trailing<F>(bits);
    auto combination = static_cast<u32>(bits >> (width - 6)) & 0x1f;
    auto continuation = static_cast<int>(bits >> trailing_width<F>) & ((1 << F::continuation_width) - 1);
    if (combination == 0x1e)
        return { Kind::infinity, sign, 0, trailing };
    if (combination == 0x1f)
        return { continuation >> (F::continuation_width - 1) ? Kind::signaling_nan : Kind::quiet_nan, sign, 0, trailing };
    bool large_digit = combination >= 0x18;
    u32 digit = large_digit ? 8 + (combination & 1) : combination & 7;
    auto leading = static_cast<int>(large_digit ? combination >> 1 & 3 : combination >> 3);
    int biased = (leading << F::continuation_width) + continuation;
    return { Kind::finite, sign, biased - F::bias, digit * power_of_ten(F::digits - 1) + trailing };
}

/// The bits of a number that fits the format; an infinity or NaN keeps the rightmost digits there is room for.
template<class F>
[[nodiscard]] Bits<F> pack(const Number& a)
{
    constexpr int width = static_cast<int>(sizeof(Bits<F>) * 8);
    constexpr u128 unit = power_of_ten(F::digits - 1);
    static constexpr u32 special[] = { 0, 0x1e << 1, 0x1f << 1, (0x1f << 1) + 1 };
    Bits<F> bits = pack_trailing<F>(a.coefficient % unit) | static_cast<Bits<F>>(a.sign) << (width - 1);
    if (!a.finite())
        return bits | static_cast<Bits<F>>(special[static_cast<unsigned>(a.kind)]) << (width - 7);
    auto digit = static_cast<u32>(a.coefficient / unit);
    auto biased = static_cast<u32>(a.exponent + F::bias);
    u32 leading = biased >> F::continuation_width;
    u32 continuation = biased & ((1U << F::continuation_width) - 1);
    u32 combination = digit >= 8 ? 0x18 | leading << 1 | (digit & 1) : leading << 3 | digit;
    return bits | static_cast<Bits<F>>(combination) << (width - 6) | static_cast<Bits<F>>(continuation) << trailing_width<F>;
}

} // namespace zvisor::isa::decimal_float
