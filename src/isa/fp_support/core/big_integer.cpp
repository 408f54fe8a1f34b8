#include "isa/fp_support/core/big_integer.h"

#include <algorithm>
#include <bit>

namespace zvisor::isa::radix {

namespace {

constexpr u64 decimal_limb = 1'000'000'000'000'000'000;

struct Divided {
    u64 carry;
    u64 limb;
};
[[nodiscard]] Divided split(BigInteger::Base base, u128 value)
{
    if (base == BigInteger::Base::binary)
        return { static_cast<u64>(value >> 64), static_cast<u64>(value) };
    return { static_cast<u64>(value / decimal_limb), static_cast<u64>(value % decimal_limb) };
}

} // namespace

BigInteger::BigInteger(Base base, u128 value)
    : m_base(base)
{
    if (base == Base::binary) {
        m_limbs = { static_cast<u64>(value), static_cast<u64>(value >> 64) };
    } else {
        for (; value; value /= decimal_limb)
            m_limbs.push_back(static_cast<u64>(value % decimal_limb));
    }
    trim();
}

void BigInteger::multiply(u64 factor)
{
    u64 carry = 0;
    for (u64& limb : m_limbs) {
        auto [next, low] = split(m_base, u128 { limb } * factor + carry);
        limb = low;
        carry = next;
    }
    if (carry)
        m_limbs.push_back(carry);
}

void BigInteger::multiply_power_of_two(unsigned exponent)
{
    if (m_base == Base::binary && !zero()) {
        m_limbs.insert(m_limbs.begin(), exponent / 64, 0);
        exponent %= 64;
    }
    constexpr unsigned step = 59; // the largest power below a decimal limb
    for (; exponent > step; exponent -= step)
        multiply(u64 { 1 } << step);
    multiply(u64 { 1 } << exponent);
}

void BigInteger::multiply_power_of_five(unsigned exponent)
{
    constexpr unsigned step = 25;
    constexpr u64 power = 298'023'223'876'953'125;
    for (; exponent >= step; exponent -= step)
        multiply(power);
    for (; exponent; --exponent)
        multiply(5);
}

void BigInteger::subtract(const BigInteger& smaller)
{
    bool borrow = false;
    for (std::size_t i = 0; i < m_limbs.size(); ++i) {
        u64 subtrahend = i < smaller.m_limbs.size() ? smaller.m_limbs[i] : 0;
        u64 limb = m_limbs[i];
        m_limbs[i] = limb - subtrahend - borrow;
        borrow = limb < subtrahend || (borrow && limb == subtrahend);
    }
    trim();
}

bool BigInteger::operator<(const BigInteger& other) const
{
    if (m_limbs.size() != other.m_limbs.size())
        return m_limbs.size() < other.m_limbs.size();
    return std::lexicographical_compare(m_limbs.rbegin(), m_limbs.rend(), other.m_limbs.rbegin(), other.m_limbs.rend());
}

unsigned BigInteger::bit_length() const
{
    return zero() ? 0 : static_cast<unsigned>(m_limbs.size() * 64) - static_cast<unsigned>(std::countl_zero(m_limbs.back()));
}

void BigInteger::trim()
{
    while (!m_limbs.empty() && m_limbs.back() == 0)
        m_limbs.pop_back();
}

} // namespace zvisor::isa::radix
