#pragma once

#include "isa/bfp/softfloat.h"
#include "isa/dfp/core/number.h"

// Decimal arithmetic exactly as PoP ch. 20 defines it: results with their quantum, IEEE conditions, the quantum exception and
// what a trap finds in the target. Pure functions.

namespace zvisor::isa::decimal_float {

using softfloat::Condition;

/// Effective rounding methods (PoP ch. 9, "Rounding"), in the order of the DFP rounding mode.
enum class Rounding : u8 {
    nearest_even,
    toward_zero,
    up,
    down,
    nearest_away,
    nearest_toward_zero,
    away_from_zero,
    shorter_precision,
};

/// What an operation depends on besides its operands, and what it found.
struct Environment {
    Rounding rounding { Rounding::nearest_even };
    /// Conditions whose mask bit is one. With overflow or underflow among them the result is the scaled one.
    u8 traps { 0 };
    /// Conditions of this operation. Underflow is among them only when recognized: tiny and either inexact or trapped.
    u8 conditions { 0 };
    /// A finite result has not the preferred quantum.
    bool quantum { false };

    [[nodiscard]] bool trapped(u8 condition) const { return traps & conditions & condition; }
};

/// A finite result before rounding: its coefficient may be too long, and with `more` the magnitude lies between the
/// coefficient and the next.
struct Exact {
    bool sign { false };
    Wide coefficient {};
    int exponent { 0 };
    bool more { false };
};

/// Rounds to a format; the quantum is the one nearest to the exponent of `a` unless the result is inexact. `preferred`
/// is the exponent of the preferred quantum.
[[nodiscard]] Number round(const Exact& a, const Parameters& to, int preferred, Environment& environment);

[[nodiscard]] Number add(const Number& a, const Number& b, const Parameters& to, Environment& environment);
[[nodiscard]] Number multiply(const Number& a, const Number& b, const Parameters& to, Environment& environment);
[[nodiscard]] Number divide(const Number& a, const Number& b, const Parameters& to, Environment& environment);

/// Code 0 equal, 1 first low, 2 first high, 3 unordered. `signaling`: any NaN is an invalid operation, not only a signaling one.
[[nodiscard]] u8 compare(const Number& a, const Number& b, bool signaling, Environment& environment);

/// A quiet NaN from a signaling one, with invalid operation; other data unchanged but that an infinity loses its digits.
[[nodiscard]] Number quiet(Number a, Environment& environment);

/// `value` with the exponent of `pattern` (QUANTIZE).
[[nodiscard]] Number quantize(const Number& value, const Number& pattern, const Parameters& to, Environment& environment);
/// `value` with at most `significance` digits (REROUND); 0 leaves it as it is.
[[nodiscard]] Number reround(const Number& value, int significance, const Parameters& to, Environment& environment);
/// Rounded to an integer (LOAD FP INTEGER).
[[nodiscard]] Number round_to_integer(const Number& value, Environment& environment);

/// -magnitude or +magnitude.
[[nodiscard]] Number from_integer(bool negative, u64 magnitude, const Parameters& to, Environment& environment);

/// CONVERT TO FIXED and LOGICAL: a result outside [minimum, maximum] becomes the nearer of the two, a NaN `minimum`; both are
/// invalid and inexact with condition code 3.
struct Integer {
    u64 value;
    u8 condition_code;
};
[[nodiscard]] Integer to_integer(const Number& value, i128 minimum, i128 maximum, Environment& environment);

} // namespace zvisor::isa::decimal_float
