#include "isa/hfp/core/number.h"

#include "isa/bfp/core/number.h"

#include <utility>

namespace zvisor::isa::hfp {

using softfloat::Wide;

namespace {

/// The fraction of a normalized number with the point in front of its first bit.
[[nodiscard]] u128 left_aligned(const Number& a)
{
    return a.fraction << (128 - point);
}

[[nodiscard]] Wide difference(const Wide& larger, const Wide& smaller)
{
    return larger - smaller;
}

/// Sign and magnitude of a sum.
struct WideSum {
    bool negative;
    Wide magnitude;
};
[[nodiscard]] WideSum add(bool a_negative, const Wide& a, bool b_negative, const Wide& b)
{
    if (a_negative == b_negative)
        return { a_negative, a + b };
    return a < b ? WideSum { b_negative, difference(b, a) } : WideSum { a_negative, difference(a, b) };
}

[[nodiscard]] constexpr unsigned leading_zero_digits(u128 fraction)
{
    return softfloat::leading_zeros(fraction) / 4;
}

} // namespace

Number normalize(Number a)
{
    if (a.zero())
        return {};
    if (a.fraction >> point)
        return { a.negative, a.characteristic + 1, a.fraction >> 4 };
    unsigned zeros = leading_zero_digits(a.fraction) - 1;
    return { a.negative, a.characteristic - static_cast<int>(zeros), a.fraction << (4 * zeros) };
}

Number sum(Number a, Number b, unsigned digits)
{
    if (a.characteristic < b.characteristic)
        std::swap(a, b);
    auto distance = static_cast<unsigned>(a.characteristic - b.characteristic);
    b.fraction = distance > digits ? 0 : truncate(b.fraction >> (4 * distance), digits + 1);
    if (a.negative == b.negative) {
        a.fraction += b.fraction;
    } else if (a.fraction < b.fraction) {
        a.fraction = b.fraction - a.fraction;
        a.negative = b.negative;
    } else {
        a.fraction -= b.fraction;
    }
    a.negative &= !a.zero();
    if (a.fraction >> point)
        return { a.negative, a.characteristic + 1, a.fraction >> 4 };
    return a;
}

Number product(Number a, Number b)
{
    a = normalize(a);
    b = normalize(b);
    if (a.zero() || b.zero())
        return {};
    Wide exact = softfloat::multiply(left_aligned(a), left_aligned(b));
    // A leading zero digit would cost the last digit that is kept.
    int characteristic = a.characteristic + b.characteristic - excess;
    if (!(exact.high >> 124)) {
        exact = exact << 4;
        --characteristic;
    }
    return { a.negative != b.negative, characteristic, exact.high >> (128 - point) };
}

Number quotient(Number a, Number b, unsigned digits)
{
    a = normalize(a);
    b = normalize(b);
    if (a.zero())
        return {};
    // Operands of at most 28 digits leave room for the remainder times sixteen.
    constexpr unsigned unused = point - 4 * Extended::digits;
    u128 divisor = b.fraction >> unused;
    u128 remainder = a.fraction >> unused;
    u128 fraction = 0;
    for (unsigned i = 0; i <= digits; ++i) {
        fraction = fraction << 4 | remainder / divisor;
        remainder = remainder % divisor << 4;
    }
    int characteristic = a.characteristic - b.characteristic + excess;
    return normalize({ a.negative != b.negative, characteristic, fraction << (point - 4 * digits) });
}

Number root(Number a, unsigned digits)
{
    a = normalize(a);
    if (a.zero())
        return {};
    softfloat::Environment environment;
    softfloat::Number operand = softfloat::normalize(false, 4 * (a.characteristic - excess) - 1, { left_aligned(a), 0 });
    softfloat::Number result = softfloat::root(operand, static_cast<int>(4 * digits) + 4, environment);
    int power = (result.exponent + 4) >> 2;
    auto leading_zero_bits = static_cast<unsigned>(4 * power - (result.exponent + 1));
    Number exact { false, power + excess, result.significand.high >> (128 - point + leading_zero_bits) };
    return round(exact, digits);
}

Number multiply_add(Number a, Number b, Number c)
{
    a = normalize(a);
    b = normalize(b);
    c = normalize(c);
    if (a.zero() || b.zero())
        return c;
    bool negative = a.negative != b.negative;
    int characteristic = a.characteristic + b.characteristic - excess;
    Wide exact = softfloat::multiply(left_aligned(a), left_aligned(b)) >> (128 - point);
    Wide addend { c.fraction, 0 };
    // Bits shifted out stay as one sticky bit: too far to the right to be kept, but enough to borrow from.
    int distance = c.zero() ? 0 : c.characteristic - characteristic;
    if (distance > 0)
        exact = softfloat::shift_right_sticky(exact, 4 * static_cast<unsigned>(distance));
    else
        addend = softfloat::shift_right_sticky(addend, 4 * static_cast<unsigned>(-distance));
    characteristic += distance > 0 ? distance : 0;
    auto [result_negative, magnitude] = add(negative, exact, c.negative, addend);
    // The digits of the lower half move up before they would be lost.
    if (!magnitude.high) {
        magnitude = magnitude << 128;
        characteristic -= 32;
    }
    unsigned zeros = leading_zero_digits(magnitude.high);
    if (zeros > 1) {
        magnitude = magnitude << (4 * (zeros - 1));
        characteristic -= static_cast<int>(zeros - 1);
    }
    return normalize({ result_negative, characteristic, magnitude.high });
}

Number product_unnormalized(const Number& a, const Number& b)
{
    Wide exact = softfloat::multiply(left_aligned(a), left_aligned(b));
    return { a.negative != b.negative, a.characteristic + b.characteristic - excess, exact.high >> (128 - point) };
}

Number multiply_add_unnormalized(const Number& a, const Number& b, const Number& c)
{
    Number exact = product_unnormalized(a, b);
    // The frame of 28 digits stands on `below` bits; as many digits as it has fit above it, and an addend of 14 digits moved
    // that far leaves nothing in the frame however much farther it belongs.
    constexpr unsigned below = 32;
    constexpr int farthest = Extended::digits;
    auto frame = [](const Number& n) { return Wide { 0, n.fraction >> (point - 4 * Extended::digits) } << below; };
    int distance = c.characteristic - exact.characteristic;
    Wide addend = frame(c);
    if (distance > 0)
        addend = addend << (4 * static_cast<unsigned>(distance < farthest ? distance : farthest));
    else
        addend = softfloat::shift_right_sticky(addend, 4 * static_cast<unsigned>(-distance));
    auto [negative, magnitude] = add(exact.negative, frame(exact), c.negative, addend);
    negative &= !magnitude.zero();
    constexpr u128 digits = (u128 { 1 } << (4 * Extended::digits)) - 1;
    return { negative, exact.characteristic, ((magnitude >> below).low & digits) << (point - 4 * Extended::digits) };
}

Number round(Number a, unsigned digits)
{
    a.fraction = truncate(a.fraction + (u128 { 1 } << (point - 4 * digits - 1)), digits);
    if (a.fraction >> point)
        return { a.negative, a.characteristic + 1, a.fraction >> 4 };
    return a;
}

Number integer_part(Number a)
{
    int digits = a.characteristic - excess;
    if (digits <= 0)
        return {};
    if (digits < static_cast<int>(Extended::digits))
        a.fraction = truncate(a.fraction, static_cast<unsigned>(digits));
    return normalize(a);
}

Number from_integer(bool negative, u64 magnitude)
{
    return normalize({ negative, excess + 16, u128 { magnitude } << (point - 64) });
}

} // namespace zvisor::isa::hfp
