#pragma once

#include "base/types.h"

#include <vector>

namespace zvisor::isa::radix {

/// A nonnegative integer of any size with what radix conversion needs; limbs of `Base` (2^64 as 0), the least significant first.
class BigInteger {
public:
    /// Limbs of 2^64, or of 10^18 to have decimal digits at hand.
    enum class Base : u8 { binary, decimal };
    static constexpr unsigned decimal_limb_digits = 18;

    BigInteger(Base base, u128 value);

    /// Multiplies by 2^exponent or 5^exponent.
    void multiply_power_of_two(unsigned exponent);
    void multiply_power_of_five(unsigned exponent);

    [[nodiscard]] bool zero() const { return m_limbs.empty(); }
    [[nodiscard]] const std::vector<u64>& limbs() const { return m_limbs; }

    // Of binary ones only. `smaller` is not greater than this.
    void subtract(const BigInteger& smaller);
    [[nodiscard]] bool operator<(const BigInteger& other) const;
    [[nodiscard]] unsigned bit_length() const;

private:
    void multiply(u64 factor);
    void trim();

    Base m_base;
    std::vector<u64> m_limbs;
};

} // namespace zvisor::isa::radix
