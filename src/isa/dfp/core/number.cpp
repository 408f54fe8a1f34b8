#include "isa/dfp/core/number.h"

namespace zvisor::isa::decimal_float {

namespace {

// A declet: three bits of each digit and one that says whether a digit is 8 or 9; those keep only their last bit and leave
// room to say which digits they are.

[[nodiscard]] constexpr u32 encode(u32 value)
{
    u32 a = value / 100, b = value / 10 % 10, c = value % 10;
    u32 large = (a >> 3) << 2 | (b >> 3) << 1 | c >> 3;
    u32 a1 = a & 1, b1 = b & 1, c1 = c & 1;
    u32 units = a1 << 7 | b1 << 4 | c1;
    switch (large) {
    case 0:
        return a << 7 | b << 4 | c;
    case 1:
        return a << 7 | b << 4 | 8 | c1;
    case 2:
        return a << 7 | (c & 6) << 4 | 10 | b1 << 4 | c1;
    case 4:
        return (c & 6) << 7 | b << 4 | 12 | a1 << 7 | c1;
    case 3:
        return a << 7 | 2 << 5 | 14 | b1 << 4 | c1;
    case 5:
        return (b & 6) << 7 | 1 << 5 | 14 | units;
    case 6:
        return (c & 6) << 7 | 14 | units;
    default:
        return 3 << 5 | 14 | units;
    }
}

/// Decoding by the bits themselves: there are 24 declets that no encoding gives.
[[nodiscard]] constexpr u32 decode(u32 declet)
{
    u32 high = declet >> 7 & 7, middle = declet >> 4 & 7, low = declet & 7;
    u32 a1 = high & 1, b1 = middle & 1, c1 = low & 1;
    u32 a = high, b = middle, c = low;
    if (declet & 8) {
        switch (low >> 1) {
        case 0:
            c = 8 + c1;
            break;
        case 1:
            b = 8 + b1;
            c = (middle & 6) | c1;
            break;
        case 2:
            a = 8 + a1;
            c = (high & 6) | c1;
            break;
        default:
            u32 selector = middle >> 1;
            a = selector == 2 ? high : 8 + a1;
            b = selector == 1 ? (high & 6) | b1 : 8 + b1;
            c = selector == 0 ? (high & 6) | c1 : 8 + c1;
        }
    }
    return a * 100 + b * 10 + c;
}

constexpr auto declets = [] {
    std::array<u16, 1000> table {};
    for (u32 value = 0; value < table.size(); ++value)
        table[value] = static_cast<u16>(encode(value));
    return table;
}();

constexpr auto values = [] {
    std::array<u16, 1024> table {};
    for (u32 declet = 0; declet < table.size(); ++declet)
        table[declet] = static_cast<u16>(decode(declet));
    return table;
}();

/// 10 to the power 0..77.
constexpr auto wide_powers = [] {
    std::array<Wide, 78> table {};
    table[0] = { 0, 1 };
    for (unsigned i = 1; i < table.size(); ++i)
        table[i] = (table[i - 1] << 3) + (table[i - 1] << 1);
    return table;
}();

/// An estimate of the decimal logarithm that is right or one too small.
[[nodiscard]] constexpr unsigned estimate(unsigned bits)
{
    return bits ? (bits - 1) * 1233 >> 12 : 0;
}

} // namespace

u32 declet_of(u32 value)
{
    return declets[value];
}

u32 value_of_declet(u32 declet)
{
    return values[declet];
}

int count_digits(const Wide& value)
{
    unsigned digits = estimate(256 - softfloat::leading_zeros(value));
    while (digits < wide_powers.size() && !(value < wide_powers[digits]))
        ++digits;
    return static_cast<int>(digits);
}

int count_digits(u128 value)
{
    return count_digits(Wide { 0, value });
}

} // namespace zvisor::isa::decimal_float
