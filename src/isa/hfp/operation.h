#pragma once

#include "isa/hfp/core/number.h"
#include "isa/insn.h"

#include <optional>

// How an HFP instruction ends: the result in range, stored, and then the interruption that completes it (PoP ch. 18).

namespace zvisor::isa::hfp {

// Bits of the program mask.
inline constexpr u8 exponent_underflow_mask = 2;
inline constexpr u8 significance_mask = 1;

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
[[nodiscard]] Bits<F> get(Cpu& c, Storage from)
{
    if constexpr (std::is_same_v<F, Short>)
        return c.load32(c.ea(from));
    else
        return c.load64(c.ea(from));
}

/// The number in a register (pair) or in storage.
template<class F>
[[nodiscard]] Number number(Cpu& c, auto operand)
{
    return unpack<F>(get<F>(c, operand));
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

/// A result ready to be stored, and what is to be raised once it is.
struct Result {
    Number number;
    std::optional<ProgramCode> raised {};
};

/// Brings the characteristic into range: exponent overflow and underflow leave it 128 less or more than the correct one; an
/// underflow that is not to interrupt leaves a true zero.
[[nodiscard]] inline Result in_range(const Cpu& c, Number a)
{
    if (a.characteristic > largest_characteristic) {
        a.characteristic -= 128;
        return { a, ProgramCode::hfp_exponent_overflow };
    }
    if (a.characteristic >= 0)
        return { a };
    if (!(c.program_mask() & exponent_underflow_mask))
        return { Number {} };
    a.characteristic += 128;
    return { a, ProgramCode::hfp_exponent_underflow };
}

/// What a zero sum becomes.
[[nodiscard]] inline Result zero_sum(const Cpu& c, const Number& a)
{
    if (!(c.program_mask() & significance_mask))
        return { Number {} };
    return { { false, a.characteristic, 0 }, ProgramCode::hfp_significance };
}

inline void raise(Cpu& c, const Result& result)
{
    if (result.raised)
        c.program(*result.raised);
}

/// Stores a normalized result.
template<class F>
void finish(Cpu& c, u8 r1, const Number& normalized)
{
    Result result = in_range(c, normalized);
    put<F>(c, r1, result.number);
    raise(c, result);
}

} // namespace zvisor::isa::hfp
