#pragma once

#include "base/types.h"

namespace zvisor {

/// Bits `From`..`To` of a doubleword, numbered as the Principles of Operation does: bit 0 is the leftmost of 64.
template<unsigned From, unsigned To = From>
[[nodiscard]] constexpr u64 bits(u64 value)
{
    static_assert(From <= To && To < 64);
    return (value >> (63 - To)) & (~u64 { 0 } >> (63 - (To - From)));
}

/// A doubleword with bits `From`..`To` set (leftmost is 0).
template<unsigned From, unsigned To = From>
inline constexpr u64 bit_mask = (~u64 { 0 } >> (63 - (To - From))) << (63 - To);

/// `value` with bits `From`..`To` replaced by the low bits of `field`.
template<unsigned From, unsigned To = From>
[[nodiscard]] constexpr u64 with_bits(u64 value, u64 field)
{
    return (value & ~bit_mask<From, To>) | ((field << (63 - To)) & bit_mask<From, To>);
}

} // namespace zvisor
