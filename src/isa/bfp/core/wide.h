#pragma once

#include "base/types.h"

#include <bit>

namespace zvisor::isa::softfloat {

/// Number of leading zero bits; 128 for zero.
[[nodiscard]] constexpr unsigned leading_zeros(u128 value)
{
    auto high = static_cast<u64>(value >> 64);
    auto zeros = high ? std::countl_zero(high) : 64 + std::countl_zero(static_cast<u64>(value));
    return static_cast<unsigned>(zeros);
}

/// An unsigned integer of 256 bits: the product of two significands of 128.
struct Wide {
    u128 high { 0 };
    u128 low { 0 };

    constexpr bool operator==(const Wide&) const = default;
    constexpr bool operator<(const Wide& b) const { return high != b.high ? high < b.high : low < b.low; }
    [[nodiscard]] constexpr bool zero() const { return (high | low) == 0; }
    /// Bit 255.
    [[nodiscard]] constexpr bool top() const { return high >> 127; }

    constexpr Wide operator+(const Wide& b) const
    {
        u128 sum = low + b.low;
        return { high + b.high + (sum < low), sum };
    }
    constexpr Wide operator-(const Wide& b) const { return { high - b.high - (low < b.low), low - b.low }; }
    /// `count` is below 256.
    constexpr Wide operator<<(unsigned count) const
    {
        if (count >= 128)
            return { low << (count - 128), 0 };
        return count ? Wide { high << count | low >> (128 - count), low << count } : *this;
    }
    constexpr Wide operator>>(unsigned count) const
    {
        if (count >= 128)
            return { 0, high >> (count - 128) };
        return count ? Wide { high >> count, low >> count | high << (128 - count) } : *this;
    }
};

/// Right shift by any count; bits shifted out leave a one in the rightmost bit, so the value still rounds correctly.
[[nodiscard]] constexpr Wide shift_right_sticky(const Wide& value, unsigned count)
{
    if (count >= 256)
        return { 0, !value.zero() };
    Wide shifted = value >> count;
    shifted.low |= (shifted << count) != value;
    return shifted;
}

[[nodiscard]] constexpr unsigned leading_zeros(const Wide& value)
{
    return value.high ? leading_zeros(value.high) : 128 + leading_zeros(value.low);
}

[[nodiscard]] constexpr Wide multiply(u128 a, u128 b)
{
    constexpr u128 mask = ~u64 { 0 };
    u128 low = (a & mask) * (b & mask);
    u128 middle = (a >> 64) * (b & mask) + (low >> 64);
    u128 other = (a & mask) * (b >> 64) + (middle & mask);
    return { (a >> 64) * (b >> 64) + (middle >> 64) + (other >> 64), other << 64 | (low & mask) };
}

} // namespace zvisor::isa::softfloat
