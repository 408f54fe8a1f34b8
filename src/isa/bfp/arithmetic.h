#pragma once

#include "isa/bfp/operation.h"

// The operations that bfp_operation and vector arithmetic carry out.

namespace zvisor::isa {

/// What follows from an operation being one that the translator knows.
template<ir::BfpOperation Recorded>
struct Arithmetic {
    static constexpr auto recorded = Recorded;
    static bool host_serves() { return !ir::is_fused(Recorded) || host::has_fused_multiply_add; }
    static bool zero_is_exact(auto first, auto... others)
    {
        constexpr auto when = ir::exact_zero(Recorded);
        if constexpr (when == ir::ExactZero::of_zero)
            return first == 0 || ((others == 0) || ...);
        else if constexpr (when == ir::ExactZero::of_first_zero)
            return first == 0;
        else
            return when == ir::ExactZero::always;
    }
};

template<class F>
struct Addition : Arithmetic<ir::BfpOperation::add> {
    using Format = F;
    static auto host(auto a, auto b) { return a + b; }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b) { return softfloat::add<F>(a, b, work); }
};

template<class F>
struct Subtraction : Arithmetic<ir::BfpOperation::subtract> {
    using Format = F;
    static auto host(auto a, auto b) { return a - b; }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b) { return softfloat::subtract<F>(a, b, work); }
};

/// The product of two numbers of format From.
template<class To, class From = To>
struct Multiplication : Arithmetic<ir::BfpOperation::multiply> {
    using Format = To;
    static auto host(auto a, auto b)
    {
        using Result = typename To::Host;
        return static_cast<Result>(a) * static_cast<Result>(b);
    }
    static Bits<To> exact(Environment& work, Bits<From> a, Bits<From> b) { return softfloat::multiply<To, From>(a, b, work); }
};
template<class F>
using Product = Multiplication<F>;

template<class F>
struct Division : Arithmetic<ir::BfpOperation::divide> {
    using Format = F;
    static auto host(auto a, auto b) { return a / b; }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b) { return softfloat::divide<F>(a, b, work); }
};

template<class F>
struct SquareRoot : Arithmetic<ir::BfpOperation::square_root> {
    using Format = F;
    static auto host(auto a) { return host::square_root(a); }
    static Bits<F> exact(Environment& work, Bits<F> a) { return softfloat::square_root<F>(a, work); }
};

template<class F>
struct MultiplyAdd : Arithmetic<ir::BfpOperation::multiply_add> {
    using Format = F;
    static auto host(auto a, auto b, auto c) { return host::fused_multiply_add(a, b, c); }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b, Bits<F> c) { return softfloat::multiply_add<F>(a, b, c, work); }
};

template<class F>
struct MultiplySubtract : Arithmetic<ir::BfpOperation::multiply_subtract> {
    using Format = F;
    static auto host(auto a, auto b, auto c) { return host::fused_multiply_add(a, b, -c); }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b, Bits<F> c) { return softfloat::multiply_subtract<F>(a, b, c, work); }
};

} // namespace zvisor::isa
