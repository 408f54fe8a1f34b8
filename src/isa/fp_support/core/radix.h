#pragma once

#include "isa/bfp/core/number.h"
#include "isa/dfp/core/arithmetic.h"
#include "isa/hfp/core/number.h"

// Conversion of floating-point numbers between radices: the exact value in the other radix, then one rounding (PoP ch. 9,
// PERFORM FLOATING-POINT OPERATION). Pure functions.

namespace zvisor::isa::radix {

using decimal_float::Environment;
using decimal_float::Rounding;
using softfloat::Condition;

/// The leftmost digits of a finite binary number in decimal; `more` when nonzero digits follow. Without more it is exact and
/// has no trailing zeros.
[[nodiscard]] decimal_float::Exact to_decimal(const softfloat::Number& a);
/// The leftmost bits of a nonzero finite decimal number, the rightmost one sticky.
[[nodiscard]] softfloat::Number to_binary(const decimal_float::Number& a);

[[nodiscard]] softfloat::Number from_hfp(const hfp::Number& a);

/// A result. With a trapped overflow or underflow it is scaled to between one and the radix, and the correct one is the
/// result times the radix to the power `scaling`.
template<class Value>
struct Converted {
    Value value;
    int scaling { 0 };
};

/// Rounds a nonzero finite number to a BFP format F.
template<class F>
[[nodiscard]] Converted<softfloat::Bits<F>> round_to_bfp(const softfloat::Number& a, Environment& environment);

/// Rounds to an HFP format of `digits` digits. Numbers too small for a normalized fraction get one with leading zeros; that
/// is an underflow. An overflow that does not trap gives the largest number.
[[nodiscard]] Converted<hfp::Number> round_to_hfp(const softfloat::Number& a, unsigned digits, Environment& environment);
/// The largest number of a format.
[[nodiscard]] hfp::Number largest_hfp(bool sign, unsigned digits);

/// Rounds to a DFP format. `toward_one`: of the exact representations the one whose quantum is nearest to one, else the one with the
/// largest quantum.
[[nodiscard]] Converted<decimal_float::Number> round_to_dfp(
    decimal_float::Exact a, const decimal_float::Parameters& to, bool toward_one, Environment& environment);

} // namespace zvisor::isa::radix
