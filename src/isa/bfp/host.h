#pragma once

#include "isa/bfp/softfloat.h"

#include <bit>
#include <immintrin.h>
#include <optional>

// The host's SSE arithmetic, for results that it and the architecture agree on. Threads of the program keep MXCSR as
// the system sets it up: round to nearest, nothing trapped, subnormal numbers honoured.

namespace zvisor::isa::host {

/// A result that is neither zero, subnormal, infinite nor a NaN, and not next to being subnormal either: the architecture
/// detects tininess before rounding.
template<class F>
[[nodiscard]] constexpr bool plain(softfloat::Bits<F> bits)
{
    using Exponent = softfloat::Bits<F>;
    constexpr Exponent largest = (Exponent { 1 } << F::exponent_width) - 2;
    Exponent exponent = bits >> softfloat::fraction_width<F> & (largest + 1);
    return exponent - 2 <= largest - 2;
}

/// An operand that is an integer, not the bits of a number.
template<class T>
struct Integer {
    T value;
};

/// The host's number for the bits of a short or long operand; integers stay.
[[nodiscard]] inline float number(u32 bits)
{
    return std::bit_cast<float>(bits);
}
[[nodiscard]] inline double number(u64 bits)
{
    return std::bit_cast<double>(bits);
}
template<class T>
[[nodiscard]] Integer<T> number(Integer<T> integer)
{
    return integer;
}

/// Keeps the compiler from moving arithmetic across accesses to MXCSR.
template<class T>
void pin(T& value)
{
    asm volatile("" : "+x"(value));
}
template<class T>
void pin(Integer<T>& integer)
{
    asm volatile("" : "+r"(integer.value));
}

/// Operation::host of the operands; `inexact` tells whether it was rounded.
template<class Operation, class... Numbers>
[[nodiscard]] auto watching_inexact(bool& inexact, Numbers... operands)
{
    _mm_setcsr(_mm_getcsr() & ~unsigned { _MM_EXCEPT_MASK });
    (pin(operands), ...);
    auto result = Operation::host(operands...);
    pin(result);
    inexact = _mm_getcsr() & _MM_EXCEPT_INEXACT;
    return result;
}

[[gnu::target("fma")]] inline float fused_multiply_add(float a, float b, float c)
{
    return __builtin_fmaf(a, b, c);
}
[[gnu::target("fma")]] inline double fused_multiply_add(double a, double b, double c)
{
    return __builtin_fma(a, b, c);
}

/// Whether the host multiplies and adds with one rounding in one instruction.
extern const bool has_fused_multiply_add;

inline float square_root(float a)
{
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a)));
}
inline double square_root(double a)
{
    __m128d operand = _mm_set_sd(a);
    return _mm_cvtsd_f64(_mm_sqrt_sd(operand, operand));
}

namespace detail {

template<int Method>
[[nodiscard]] float round(float a)
{
    __m128 operand = _mm_set_ss(a);
    return _mm_cvtss_f32(_mm_round_ss(operand, operand, Method | _MM_FROUND_NO_EXC));
}
template<int Method>
[[nodiscard]] double round(double a)
{
    __m128d operand = _mm_set_sd(a);
    return _mm_cvtsd_f64(_mm_round_sd(operand, operand, Method | _MM_FROUND_NO_EXC));
}

} // namespace detail

/// The integer a number rounds to, for the methods the host has; nothing for infinities and NaNs.
template<class T>
[[nodiscard]] std::optional<T> round(T a, softfloat::Rounding rounding)
{
    if (!(a - a == 0)) [[unlikely]]
        return {};
    switch (rounding) {
    case softfloat::Rounding::nearest_even:
        return detail::round<_MM_FROUND_TO_NEAREST_INT>(a);
    case softfloat::Rounding::toward_zero:
        return detail::round<_MM_FROUND_TO_ZERO>(a);
    case softfloat::Rounding::up:
        return detail::round<_MM_FROUND_TO_POS_INF>(a);
    case softfloat::Rounding::down:
        return detail::round<_MM_FROUND_TO_NEG_INF>(a);
    default:
        return {};
    }
}

} // namespace zvisor::isa::host
