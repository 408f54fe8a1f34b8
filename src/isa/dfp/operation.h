#pragma once

#include "isa/dfp/core/arithmetic.h"
#include "isa/dfp/formats.h"
#include "isa/insn.h"

// How a DFP instruction gets its operands and rounding method, and acts on what arithmetic found (PoP ch. 9 and 20).

namespace zvisor::isa::decimal_float {

// ---- Operands ------------------------------------------------------------------------------------------------

template<class F>
[[nodiscard]] Bits<F> get(Cpu& c, u8 r)
{
    if constexpr (std::is_same_v<F, Short>)
        return c.fs(r);
    else if constexpr (std::is_same_v<F, Long>)
        return c.f(r);
    else
        return u128 { c.f(r) } << 64 | c.f(static_cast<u8>(r + 2));
}

template<class F>
[[nodiscard]] Number number(Cpu& c, u8 r)
{
    return unpack<F>(get<F>(c, r));
}

template<class F>
void put(Cpu& c, u8 r, const Number& value)
{
    Bits<F> bits = pack<F>(value);
    if constexpr (std::is_same_v<F, Short>) {
        c.fs(r, bits);
    } else if constexpr (std::is_same_v<F, Long>) {
        c.f(r, bits);
    } else {
        c.f(r, static_cast<u64>(bits >> 64));
        c.f(static_cast<u8>(r + 2), static_cast<u64>(bits));
    }
}

/// The data class and sign with another coefficient, a special one keeping as many digits as its format has.
[[nodiscard]] inline Number with_coefficient(Number a, u128 coefficient)
{
    a.coefficient = coefficient;
    return a;
}

// ---- Rounding and modifiers ----------------------------------------------------------------------------------

/// The method of the DFP rounding mode in the FPC register.
[[nodiscard]] Rounding current_rounding(const Cpu& c);
/// The method a modifier field selects; the codes 1-7 came with the floating-point-extension facility.
[[nodiscard]] Rounding selected_rounding(const Cpu& c, u8 modifier);
/// The same for a field that is ignored without that facility.
[[nodiscard]] Rounding extension_rounding(const Cpu& c, u8 modifier);
/// The IEEE-inexact-exception control in an M4 field that is ignored without that facility.
[[nodiscard]] bool suppresses_inexact(const Cpu& c, u8 m4);

/// Bit 1 of an M4 field.
inline constexpr u8 inexact_exception_control = 4;

[[nodiscard]] Environment environment(const Cpu& c, Rounding rounding);

// ---- Carrying out --------------------------------------------------------------------------------------------

/// Acts on conditions that suppress the operation when they trap; to be called before results are stored.
void suppress_if_trapped(Cpu& c, const Environment& found);
/// Sets flags and raises what completes the operation; to be called when results are stored.
void complete(Cpu& c, const Environment& found, bool suppress_inexact);

/// Runs `operation` on an environment, then `store` with its result, with the exceptions at their places.
template<class Operation, class Store>
void carry_out(Cpu& c, Environment work, Operation operation, Store store, bool suppress_inexact = false)
{
    auto result = operation(work);
    suppress_if_trapped(c, work);
    store(result);
    complete(c, work, suppress_inexact);
}

} // namespace zvisor::isa::decimal_float
