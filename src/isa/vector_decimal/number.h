#pragma once

#include "isa/vector/elements.h"

#include <algorithm>
#include <optional>

// Packed decimal numbers in vector registers: 31 digits and a sign (PoP ch. 25).

namespace zvisor::isa {

inline constexpr unsigned packed_digits = 31;

/// Digits of an intermediate result, the rightmost first; wide enough for every product, quotient and shift.
using Digits = std::array<u8, 96>;

/// A decimal number as instructions compute it.
struct DecimalNumber {
    Digits digits {};
    bool negative { false };

    [[nodiscard]] bool zero() const { return significant() == 0; }
    /// Number of digits without leading zeros.
    [[nodiscard]] unsigned significant() const;
    /// The same digits moved to the left (positive) or right; digits moved out on the right are lost.
    [[nodiscard]] DecimalNumber shifted(int count) const;
    [[nodiscard]] u128 magnitude() const;
};

[[nodiscard]] DecimalNumber decimal_number(u128 magnitude, bool negative);

/// Digit `index` of a register, counted from the right (0-30), and the sign code.
[[nodiscard]] inline u8 packed_digit(const Vr& v, unsigned index)
{
    return static_cast<u8>(as_quadword(v) >> (4 * index + 4)) & 15;
}
[[nodiscard]] inline u8 packed_sign(const Vr& v)
{
    return static_cast<u8>(v.lo) & 15;
}
[[nodiscard]] constexpr bool is_minus(u8 sign)
{
    return sign == 0xb || sign == 0xd;
}
[[nodiscard]] bool has_valid_digits(const Vr& v);

/// The number in a register; raises the data exception for an invalid digit, or for an invalid sign unless it is forced
/// to be positive.
[[nodiscard]] DecimalNumber load_decimal(Cpu& c, VrNumber v, bool force_positive);

/// Where a result goes: how many digits, which sign code and what happens when it does not fit.
struct DecimalResult {
    unsigned digits { packed_digits };
    /// The sign code is 1111.
    bool force_positive { false };
    bool set_condition_code { false };
    /// Instruction-overflow mask: no decimal-overflow interruption.
    bool suppress_overflow { false };
};

/// The immediate with the instruction-overflow mask (bit 0) and a count (bits 3-7); bits 1-2 must be zeros.
struct CountedImmediate {
    bool suppress_overflow { false };
    unsigned count { 0 };

    CountedImmediate(Cpu& c, u32 immediate);
    /// As a digit count it is not zero.
    [[nodiscard]] unsigned digits(Cpu& c) const;
};

/// Places the number in a register and then acts on an overflow; a zero is positive. The condition code, when wanted:
/// 0 zero, 1 negative, 2 positive, 3 overflow.
void store_decimal(Cpu& c, VrNumber v1, const DecimalNumber& number, const DecimalResult& result);

/// Bit 1 of the program mask.
void decimal_overflow(Cpu& c, bool suppressed);

} // namespace zvisor::isa
