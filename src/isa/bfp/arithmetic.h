#pragma once

#include "isa/bfp/operation.h"

// The operations that bfp_operation and vector arithmetic carry out. `recorded` names one the translator knows.

namespace zvisor::isa {

template<class F>
struct Addition {
    using Format = F;
    static constexpr auto recorded = ir::BfpOperation::add;
    static auto host(auto a, auto b) { return a + b; }
    static bool zero_is_exact(auto, auto) { return true; }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b) { return softfloat::add<F>(a, b, work); }
};

template<class F>
struct Subtraction {
    using Format = F;
    static constexpr auto recorded = ir::BfpOperation::subtract;
    static auto host(auto a, auto b) { return a - b; }
    static bool zero_is_exact(auto, auto) { return true; }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b) { return softfloat::subtract<F>(a, b, work); }
};

/// The product of two numbers of format From.
template<class To, class From = To>
struct Multiplication {
    using Format = To;
    static constexpr auto recorded = ir::BfpOperation::multiply;
    static auto host(auto a, auto b)
    {
        using Result = typename To::Host;
        return static_cast<Result>(a) * static_cast<Result>(b);
    }
    static bool zero_is_exact(auto a, auto b) { return a == 0 || b == 0; }
    static Bits<To> exact(Environment& work, Bits<From> a, Bits<From> b) { return softfloat::multiply<To, From>(a, b, work); }
};
template<class F>
using Product = Multiplication<F>;

template<class F>
struct Division {
    using Format = F;
    static constexpr auto recorded = ir::BfpOperation::divide;
    static auto host(auto a, auto b) { return a / b; }
    static bool zero_is_exact(auto a, auto) { return a == 0; }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b) { return softfloat::divide<F>(a, b, work); }
};

template<class F>
struct SquareRoot {
    using Format = F;
    static constexpr auto recorded = ir::BfpOperation::square_root;
    static auto host(auto a) { return host::square_root(a); }
    static bool zero_is_exact(auto) { return true; }
    static Bits<F> exact(Environment& work, Bits<F> a) { return softfloat::square_root<F>(a, work); }
};

// Fused operations are the host's only where it has them in one instruction: host::has_fused_multiply_add.

template<class F>
struct MultiplyAdd {
    using Format = F;
    static constexpr auto recorded = ir::BfpOperation::multiply_add;
    static auto host(auto a, auto b, auto c) { return host::fused_multiply_add(a, b, c); }
    static bool zero_is_exact(auto, auto, auto) { return false; }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b, Bits<F> c) { return softfloat::multiply_add<F>(a, b, c, work); }
};

template<class F>
struct MultiplySubtract {
    using Format = F;
    static constexpr auto recorded = ir::BfpOperation::multiply_subtract;
    static auto host(auto a, auto b, auto c) { return host::fused_multiply_add(a, b, -c); }
    static bool zero_is_exact(auto, auto, auto) { return false; }
    static Bits<F> exact(Environment& work, Bits<F> a, Bits<F> b, Bits<F> c) { return softfloat::multiply_subtract<F>(a, b, c, work); }
};

} // namespace zvisor::isa
