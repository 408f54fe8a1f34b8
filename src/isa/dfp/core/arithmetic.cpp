#include "isa/dfp/core/arithmetic.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace zvisor::isa::decimal_float {

namespace {

// ---- Cutting off digits --------------------------------------------------------------------------------------

/// Divides in place; returns the remainder.
u64 divide_by(Wide& value, u64 divisor)
{
    u64 limbs[] = { static_cast<u64>(value.high >> 64), static_cast<u64>(value.high), static_cast<u64>(value.low >> 64),
        static_cast<u64>(value.low) };
    u64 remainder = 0;
    for (u64& limb : limbs) {
        u128 part = u128 { remainder } << 64 | limb;
        limb = static_cast<u64>(part / divisor);
        remainder = static_cast<u64>(part % divisor);
    }
    value = { u128 { limbs[0] } << 64 | limbs[1], u128 { limbs[2] } << 64 | limbs[3] };
    return remainder;
}

/// What is left of a coefficient, the first digit cut off and whether more follows it.
struct Cut {
    Wide kept;
    u64 guard;
    bool more;

    [[nodiscard]] bool inexact() const { return guard || more; }
};

[[nodiscard]] Cut cut_off(Wide coefficient, int count, bool more)
{
    constexpr int digits_of_wide = 78;
    if (count > digits_of_wide)
        return { {}, 0, more || !coefficient.zero() };
    constexpr int largest_step = 19;
    for (int left = count - 1; left > 0; left -= largest_step)
        more |= divide_by(coefficient, static_cast<u64>(power_of_ten(std::min(left, largest_step)))) != 0;
    u64 guard = count > 0 ? divide_by(coefficient, 10) : 0;
    return { coefficient, guard, more };
}

/// True when rounding adds one to the digits kept.
[[nodiscard]] bool increments(Rounding rounding, bool sign, const Cut& cut)
{
    bool above_half = cut.guard > 5 || (cut.guard == 5 && cut.more);
    bool half = cut.guard == 5 && !cut.more;
    switch (rounding) {
    case Rounding::nearest_even:
        return above_half || (half && (cut.kept.low & 1));
    case Rounding::nearest_away:
        return above_half || half;
    case Rounding::nearest_toward_zero:
        return above_half;
    case Rounding::toward_zero:
        return false;
    case Rounding::up:
        return cut.inexact() && !sign;
    case Rounding::down:
        return cut.inexact() && sign;
    case Rounding::away_from_zero:
        return cut.inexact();
    case Rounding::shorter_precision:
        break;
    }
    Wide kept = cut.kept;
    return cut.inexact() && divide_by(kept, 10) % 5 == 0;
}

/// The coefficient without its last `count` digits, rounded; records inexact.
[[nodiscard]] Wide rounded(const Exact& a, int count, Environment& environment)
{
    Cut cut = cut_off(a.coefficient, count, a.more);
    if (!cut.inexact())
        return cut.kept;
    bool increment = increments(environment.rounding, a.sign, cut);
    environment.conditions |= Condition::inexact | (increment ? Condition::incremented : 0);
    return increment ? cut.kept + Wide { 0, 1 } : cut.kept;
}

// ---- Results -------------------------------------------------------------------------------------------------

[[nodiscard]] Number invalid(Environment& environment)
{
    environment.conditions = Condition::invalid;
    return default_nan;
}

/// The result when one of the operands, in order of precedence, is a NaN.
[[nodiscard]] Number propagate(std::initializer_list<Number> operands, Environment& environment)
{
    for (const Number& a : operands) {
        if (a.signaling())
            return quiet(a, environment);
    }
    return *std::find_if(operands.begin(), operands.end(), [](const Number& a) { return a.nan(); });
}

[[nodiscard]] Number infinity(bool sign)
{
    return { Kind::infinity, sign, 0, 0 };
}

/// The result of an overflow that does not trap.
[[nodiscard]] Number overflowed(bool sign, const Parameters& to, Environment& environment)
{
    // The largest number, with something cut off that is more than half a unit.
    Cut largest { { 0, 9 }, 9, true };
    bool infinite = increments(environment.rounding, sign, largest);
    environment.conditions &= static_cast<u8>(~Condition::incremented);
    environment.conditions |= Condition::inexact | (infinite ? Condition::incremented : 0);
    if (infinite)
        return infinity(sign);
    return { Kind::finite, sign, to.largest_exponent, power_of_ten(to.digits) - 1 };
}

/// A finite result whose digits fit and whose exponent is not too small: a larger exponent than the format has becomes
/// zeros on the right or an overflow.
[[nodiscard]] Number fit(Number a, const Parameters& to, Environment& environment)
{
    int excess = a.exponent - to.largest_exponent;
    if (excess <= 0)
        return a;
    if (a.coefficient == 0)
        return { Kind::finite, a.sign, to.largest_exponent, 0 };
    if (count_digits(a.coefficient) + excess <= to.digits)
        return { Kind::finite, a.sign, to.largest_exponent, a.coefficient * power_of_ten(excess) };
    environment.conditions |= Condition::overflow;
    if (!environment.trapped(Condition::overflow))
        return overflowed(a.sign, to, environment);
    a.exponent -= to.scale;
    return a;
}

[[nodiscard]] Number with_quantum(const Number& a, int preferred, Environment& environment)
{
    environment.quantum = a.finite() && a.exponent != preferred;
    return a;
}

} // namespace

Number quiet(Number a, Environment& environment)
{
    if (a.infinite())
        a.coefficient = 0;
    if (a.signaling()) {
        environment.conditions = Condition::invalid;
        a.kind = Kind::quiet_nan;
    }
    return a;
}

Number round(const Exact& a, const Parameters& to, int preferred, Environment& environment)
{
    int digits = count_digits(a.coefficient);
    int too_long = std::max(digits - to.digits, 0);
    int too_small = std::max(to.smallest_exponent - a.exponent, 0);
    bool tiny = digits && a.exponent + digits < to.smallest_exponent + to.digits;
    bool scaled = tiny && (environment.traps & Condition::underflow);
    int cut = scaled ? too_long : std::max(too_long, too_small);
    Number result { Kind::finite, a.sign, a.exponent + cut, rounded(a, cut, environment).low };
    if (result.coefficient == power_of_ten(to.digits)) {
        result.coefficient /= 10;
        ++result.exponent;
    }
    if (tiny && (scaled || (environment.conditions & Condition::inexact)))
        environment.conditions |= Condition::underflow;
    if (scaled)
        result.exponent += to.scale;
    return with_quantum(fit(result, to, environment), preferred, environment);
}

// ---- Addition, multiplication, division ----------------------------------------------------------------------

namespace {

/// The sum of finite numbers. Where the exponents are too far apart for an exact one, enough digits of the larger operand
/// are there to round, and the smaller is cut off.
[[nodiscard]] Exact sum(Number a, Number b, Rounding rounding)
{
    if (a.exponent < b.exponent)
        std::swap(a, b);
    if (a.coefficient == 0)
        a.exponent = b.exponent;
    constexpr int farthest = 38;
    int distance = a.exponent - b.exponent;
    int raised = std::min(distance, farthest);
    Wide larger = softfloat::multiply(a.coefficient, power_of_ten(raised));
    Cut smaller = cut_off({ 0, b.coefficient }, distance - raised, false);
    bool more = smaller.inexact();
    int exponent = a.exponent - raised;
    if (a.sign == b.sign)
        return { a.sign, larger + smaller.kept, exponent, more };
    // The exact difference is less than that of what was kept when something was cut off.
    Wide subtrahend = smaller.kept + Wide { 0, more };
    if (larger < subtrahend)
        return { b.sign, subtrahend - larger, exponent, false };
    Wide difference = larger - subtrahend;
    bool zero = difference.zero() && !more;
    return { zero ? rounding == Rounding::down : a.sign, difference, exponent, more };
}

/// The quotient of finite numbers to more digits than `digits`, or exact with as few more as that takes.
[[nodiscard]] Exact quotient(const Number& a, const Number& b, int digits)
{
    u128 limit = power_of_ten(digits);
    u128 value = a.coefficient / b.coefficient;
    u128 remainder = a.coefficient % b.coefficient;
    int exponent = a.exponent - b.exponent;
    while (remainder && value < limit) {
        remainder *= 10;
        value = value * 10 + remainder / b.coefficient;
        remainder %= b.coefficient;
        --exponent;
    }
    return { a.sign != b.sign, { 0, value }, exponent, remainder != 0 };
}

} // namespace

Number add(const Number& a, const Number& b, const Parameters& to, Environment& environment)
{
    if (a.nan() || b.nan())
        return propagate({ a, b }, environment);
    if (a.infinite() && b.infinite() && a.sign != b.sign)
        return invalid(environment);
    if (a.infinite() || b.infinite())
        return infinity(a.infinite() ? a.sign : b.sign);
    return round(sum(a, b, environment.rounding), to, std::min(a.exponent, b.exponent), environment);
}

Number multiply(const Number& a, const Number& b, const Parameters& to, Environment& environment)
{
    if (a.nan() || b.nan())
        return propagate({ a, b }, environment);
    bool sign = a.sign != b.sign;
    if (a.infinite() || b.infinite())
        return a.zero() || b.zero() ? invalid(environment) : infinity(sign);
    int exponent = a.exponent + b.exponent;
    return round({ sign, softfloat::multiply(a.coefficient, b.coefficient), exponent, false }, to, exponent, environment);
}

Number divide(const Number& a, const Number& b, const Parameters& to, Environment& environment)
{
    if (a.nan() || b.nan())
        return propagate({ a, b }, environment);
    bool sign = a.sign != b.sign;
    if ((a.infinite() && b.infinite()) || (a.zero() && b.zero()))
        return invalid(environment);
    if (a.infinite())
        return infinity(sign);
    if (b.infinite())
        return with_quantum({ Kind::finite, sign, to.smallest_exponent, 0 }, to.smallest_exponent, environment);
    if (b.zero()) {
        environment.conditions = Condition::division_by_zero;
        return infinity(sign);
    }
    return round(quotient(a, b, to.digits), to, a.exponent - b.exponent, environment);
}

u8 compare(const Number& a, const Number& b, bool signaling, Environment& environment)
{
    if (a.nan() || b.nan()) {
        if (signaling || a.signaling() || b.signaling())
            environment.conditions = Condition::invalid;
        return 3;
    }
    // An infinity counts as more than any finite number.
    int a_order = a.infinite() ? (a.sign ? -1 : 1) : 0;
    int b_order = b.infinite() ? (b.sign ? -1 : 1) : 0;
    if (a_order || b_order)
        return a_order == b_order ? u8 { 0 } : a_order < b_order ? u8 { 1 } : u8 { 2 };
    Number negated = b;
    negated.sign = !b.sign;
    Exact difference = sum(a, negated, Rounding::nearest_even);
    if (difference.coefficient.zero() && !difference.more)
        return 0;
    return difference.sign ? 1 : 2;
}

// ---- Quanta and integers -------------------------------------------------------------------------------------

Number quantize(const Number& value, const Number& pattern, const Parameters& to, Environment& environment)
{
    if (value.nan() || pattern.nan())
        return propagate({ pattern, value }, environment);
    if (value.infinite() && pattern.infinite())
        return infinity(value.sign);
    if (value.infinite() || pattern.infinite())
        return invalid(environment);
    int raised = value.exponent - pattern.exponent;
    if (raised <= 0) {
        Wide coefficient = rounded({ value.sign, { 0, value.coefficient }, 0, false }, -raised, environment);
        return { Kind::finite, value.sign, pattern.exponent, coefficient.low };
    }
    if (value.zero())
        return { Kind::finite, value.sign, pattern.exponent, 0 };
    if (count_digits(value.coefficient) + raised > to.digits)
        return invalid(environment);
    return { Kind::finite, value.sign, pattern.exponent, value.coefficient * power_of_ten(raised) };
}

Number reround(const Number& value, int significance, const Parameters& to, Environment& environment)
{
    if (!value.finite())
        return quiet(value, environment);
    int cut = count_digits(value.coefficient) - significance;
    if (significance == 0 || cut <= 0)
        return value;
    u128 coefficient = rounded({ value.sign, { 0, value.coefficient }, 0, false }, cut, environment).low;
    int exponent = value.exponent + cut;
    if (coefficient == power_of_ten(significance)) {
        coefficient /= 10;
        ++exponent;
    }
    if (exponent > to.largest_exponent)
        return invalid(environment);
    return { Kind::finite, value.sign, exponent, coefficient };
}

Number round_to_integer(const Number& value, Environment& environment)
{
    if (!value.finite() || value.exponent >= 0)
        return quiet(value, environment);
    Wide coefficient = rounded({ value.sign, { 0, value.coefficient }, 0, false }, -value.exponent, environment);
    return { Kind::finite, value.sign, 0, coefficient.low };
}

Number from_integer(bool negative, u64 magnitude, const Parameters& to, Environment& environment)
{
    return round({ negative, { 0, magnitude }, 0, false }, to, 0, environment);
}

namespace {

[[nodiscard]] Integer out_of_range(i128 value, Environment& environment)
{
    environment.conditions = Condition::invalid | Condition::inexact;
    return { static_cast<u64>(value), 3 };
}

} // namespace

Integer to_integer(const Number& value, i128 minimum, i128 maximum, Environment& environment)
{
    if (value.nan())
        return out_of_range(minimum, environment);
    i128 limit = value.sign ? minimum : maximum;
    // More than 2^64 has at least 20 digits.
    constexpr int most_digits = 20;
    if (value.infinite() || (value.coefficient && count_digits(value.coefficient) + value.exponent > most_digits))
        return out_of_range(limit, environment);
    u128 magnitude = 0;
    if (value.exponent < 0)
        magnitude = rounded({ value.sign, { 0, value.coefficient }, 0, false }, -value.exponent, environment).low;
    else if (value.coefficient)
        magnitude = value.coefficient * power_of_ten(value.exponent);
    auto integer = static_cast<i128>(value.sign ? 0 - magnitude : magnitude);
    if (integer < minimum || integer > maximum)
        return out_of_range(limit, environment);
    return { static_cast<u64>(integer), value.condition_code() };
}

} // namespace zvisor::isa::decimal_float
