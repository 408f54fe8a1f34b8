#pragma once

#include "base/types.h"

#include <type_traits>

namespace zvisor {

/// What instruction semantics compute with values alone, no CPU needed; part of the vocabulary that the IR builder has too.
struct Arithmetic {
    // Widening and narrowing.
    [[nodiscard]] static u64 zx(u32 value) { return value; }
    [[nodiscard]] static u64 sx(u32 value) { return static_cast<u64>(i64 { static_cast<i32>(value) }); }
    [[nodiscard]] static u32 sx8(u32 value) { return static_cast<u32>(i32 { static_cast<i8>(value) }); }
    [[nodiscard]] static u32 sx16(u32 value) { return static_cast<u32>(i32 { static_cast<i16>(value) }); }
    [[nodiscard]] static u32 zx8(u32 value) { return value & 0xff; }
    [[nodiscard]] static u32 zx16(u32 value) { return value & 0xffff; }
    [[nodiscard]] static u32 lo(u64 value) { return static_cast<u32>(value); }
    [[nodiscard]] static u32 hi(u64 value) { return static_cast<u32>(value >> 32); }

    // Arithmetic right shift and rotation; counts are below the width.
    [[nodiscard]] static u32 sar(u32 value, unsigned count) { return static_cast<u32>(static_cast<i32>(value) >> count); }
    [[nodiscard]] static u64 sar(u64 value, unsigned count) { return static_cast<u64>(static_cast<i64>(value) >> count); }
    [[nodiscard]] static u32 rol(u32 value, unsigned count) { return count ? value << count | value >> (32 - count) : value; }
    [[nodiscard]] static u64 rol(u64 value, unsigned count) { return count ? value << count | value >> (64 - count) : value; }

    // Left half of the product of doublewords; quotient of a quadword that is known to fit, of doublewords that have one.
    [[nodiscard]] static u64 high_product_u(u64 x, u64 y) { return static_cast<u64>(u128 { x } * y >> 64); }
    [[nodiscard]] static u64 high_product_s(u64 x, u64 y)
    {
        return static_cast<u64>(i128 { static_cast<i64>(x) } * static_cast<i64>(y) >> 64);
    }
    [[nodiscard]] static u64 quotient_u(u64 high, u64 low, u64 divisor) { return static_cast<u64>((u128 { high } << 64 | low) / divisor); }
    [[nodiscard]] static u64 quotient_s(u64 dividend, u64 divisor)
    {
        return static_cast<u64>(static_cast<i64>(dividend) / static_cast<i64>(divisor));
    }

    // Comparisons give a truth value for `select`, `when` and `branch_if`.
    template<class T>
    [[nodiscard]] static bool lt_s(T x, T y)
    {
        return static_cast<std::make_signed_t<T>>(x) < static_cast<std::make_signed_t<T>>(y);
    }
    template<class T>
    [[nodiscard]] static bool lt_u(T x, T y)
    {
        return x < y;
    }
    template<class T>
    [[nodiscard]] static T select(bool condition, T yes, T no)
    {
        return condition ? yes : no;
    }
};

} // namespace zvisor
