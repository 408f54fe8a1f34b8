#pragma once

#include "isa/general/storage_operand.h"

// Packed decimal operands (PoP ch. 8): at most 31 digits, which a 128-bit integer holds with room for a sum.

namespace zvisor::isa::decimal {

/// 10 to the power 0..38.
inline constexpr auto powers = [] {
    std::array<u128, 39> table {};
    table[0] = 1;
    for (unsigned i = 1; i < table.size(); ++i)
        table[i] = table[i - 1] * 10;
    return table;
}();

struct Number {
    u128 magnitude { 0 };
    bool negative { false };

    /// Signed value, for sums and comparisons.
    [[nodiscard]] i128 value() const { return negative ? -static_cast<i128>(magnitude) : static_cast<i128>(magnitude); }
    [[nodiscard]] static Number of(i128 value) { return { static_cast<u128>(value < 0 ? -value : value), value < 0 }; }
    [[nodiscard]] u8 condition_code() const { return magnitude == 0 ? 0 : negative ? 1 : 2; }
};

/// Digits that fit in an operand of `length` bytes.
[[nodiscard]] constexpr unsigned digits_of(u64 length)
{
    return static_cast<unsigned>(length * 2 - 1);
}

[[nodiscard]] constexpr bool is_sign(unsigned code)
{
    return code > 9;
}
[[nodiscard]] constexpr bool is_minus(unsigned code)
{
    return code == 0xb || code == 0xd;
}

/// The number in an operand; raises the data exception for an invalid digit or sign.
[[nodiscard]] inline Number read(Cpu& c, const StorageOperand& operand)
{
    u128 magnitude = 0;
    u64 last = operand.length() - 1;
    for (u64 i = 0; i < last; ++i) {
        unsigned byte = operand[i];
        if (byte >> 4 > 9 || (byte & 0xf) > 9)
            c.data_exception(DataCode::decimal_operand);
        magnitude = magnitude * 100 + (byte >> 4) * 10 + (byte & 0xf);
    }
    unsigned byte = operand[last];
    if (byte >> 4 > 9 || !is_sign(byte & 0xf))
        c.data_exception(DataCode::decimal_operand);
    return { magnitude * 10 + (byte >> 4), is_minus(byte & 0xf) };
}

/// Stores the rightmost digits with the preferred sign (1100 plus, 1101 minus) into bytes [first, end) of the operand.
inline void write(const StorageOperand& operand, u64 first, u64 end, const Number& number)
{
    u128 left = number.magnitude;
    auto next_digit = [&left] {
        auto digit = static_cast<unsigned>(left % 10);
        left /= 10;
        return digit;
    };
    unsigned right = number.negative ? 0xd : 0xc;
    for (u64 i = end; i-- > first;) {
        operand[i] = static_cast<u8>(next_digit() << 4 | right);
        right = next_digit();
    }
}

} // namespace zvisor::isa::decimal
