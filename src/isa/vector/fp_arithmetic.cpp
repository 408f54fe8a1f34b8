// Vector floating-point arithmetic (PoP ch. 24).

#include "isa/bfp/arithmetic.h"
#include "isa/vector/fp.h"

namespace zvisor::isa {

namespace {

// ---- Operations beyond bfp/arithmetic.h --------------------------------------------------------------------

template<class F>
Bits<F> negated_unless_nan(Bits<F> a)
{
    return softfloat::is_nan<F>(a) ? a : a ^ softfloat::sign_bit<F>;
}
template<template<class> class Operation, class F>
struct Negative {
    using Format = F;
    static bool host_serves() { return Operation<F>::host_serves(); }
    static bool zero_is_exact(auto... operands) { return Operation<F>::zero_is_exact(operands...); }
    static Bits<F> exact(Environment& work, auto... operands) { return negated_unless_nan<F>(Operation<F>::exact(work, operands...)); }
    static auto host(auto... operands) { return -Operation<F>::host(operands...); }
};
template<class F>
using NegativeMultiplyAdd = Negative<MultiplyAdd, F>;
template<class F>
using NegativeMultiplySubtract = Negative<MultiplySubtract, F>;

/// One element on the host where it serves, else exactly.
template<class Operation, class... Operands>
Bits<typename Operation::Format> carry_out(Cpu& c, FpElements& elements, unsigned index, Operands... operands)
{
    if constexpr (!std::is_same_v<typename Operation::Format, Extended>) {
        if (Operation::host_serves()) {
            if (auto bits = on_host<Operation>(c, operands...))
                return *bits;
        }
    }
    return elements.run(index, [&](Environment& work) { return Operation::exact(work, operands...); });
}
template<class Operation, class... Registers>
void each_element(Cpu& c, VrNumber v1, u8 modifier, Registers... registers)
{
    using T = Bits<typename Operation::Format>;
    require_modifier(c, modifier, FpModifier::single);
    FpElements elements(c);
    auto one = [&](unsigned i) { return carry_out<Operation>(c, elements, i, element<T>(c.vr[registers], i)...); };
    Vr result = first_elements<T>(participating<T>(modifier), one);
    elements.complete();
    c.vr[v1] = result;
}

/// The recorded form of what the leftmost element alone takes part in.
template<class Operation, class... Registers>
void each_element(ir::Builder& c, VrNumber v1, u8 modifier, Registers... registers)
{
    constexpr bool recorded = std::is_same_v<typename Operation::Format, Long> && requires { Operation::recorded; };
    if constexpr (recorded) {
        if (modifier == FpModifier::single && Operation::host_serves()) {
            c.f(v1, c.bfp(Operation::recorded, v1, c.f(registers)...));
            return c.clear_right_half(v1);
        }
    }
    c.leave_to_handler();
}

template<template<class> class Operation>
constexpr auto unary = [](auto& c, VrNumber v1, VrNumber v2, Mask m3, Mask m4) {
    with_format(c, m3, [&](auto format) { each_element<Operation<decltype(format)>>(c, v1, m4, v2); });
};
template<template<class> class Operation>
constexpr auto binary = [](auto& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5) {
    with_format(c, m4, [&](auto format) { each_element<Operation<decltype(format)>>(c, v1, m5, v2, v3); });
};
template<template<class> class Operation>
constexpr auto fused = [](auto& c, VrNumber v1, VrNumber v2, VrNumber v3, VrNumber v4, Mask m5, Mask m6) {
    with_format(c, m6, [&](auto format) { each_element<Operation<decltype(format)>>(c, v1, m5, v2, v3, v4); });
};

/// M5: 0 complement, 1 negative, 2 positive. NaNs are treated alike and nothing is signaled.
constexpr auto perform_sign_operation = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3, Mask m4, Mask m5) {
    with_format(c, m3, [&](auto format) {
        using F = decltype(format);
        constexpr Bits<F> sign = softfloat::sign_bit<F>;
        require_modifier(c, m4, FpModifier::single);
        if (m5 > 2)
            c.specification();
        c.vr[v1] = first_elements<Bits<F>>(participating<Bits<F>>(m4), [&](unsigned i) -> Bits<F> {
            auto a = element<Bits<F>>(c.vr[v2], i);
            return m5 == 0 ? a ^ sign : m5 == 1 ? a | sign : a & ~sign;
        });
    });
};

constexpr Facility v = Facility::vector;
constexpr Facility ve1 = Facility::vector_enhancements_1;

constexpr Row rows[] = {
    insn("VFA", 0xE7E3, VRR_c_m45, v, vector, binary<Addition>,
        "1,2,3,3,0 | v2=3ff00000000000004000000000000000 v3=3ff00000000000003c00000000000000 -> v1=40000000000000004000000000000000 "
        "fpc=80000",
        "1,2,3,2,8 | v2=3f800000000000000000000000000000 v3=3f800000000000000000000000000000 v1=ffffffffffffffffffffffffffffffff -> "
        "v1=40000000000000000000000000000000",
        "1,2,3,3,0 | v2=3ff00000000000007ff0000000000000 v3=3ff0000000000000fff0000000000000 fpc=80000000 -> fpc=80001100 pgm=1b",
        "1,2,3,1,0 | -> pgm=6"),
    insn("VFS", 0xE7E2, VRR_c_m45, v, vector, binary<Subtraction>,
        "1,2,3,4,0 | v2=3fff0000000000000000000000000001 v3=3fff0000000000000000000000000000 -> v1=3f8f0000000000000000000000000000"),
    insn("VFM", 0xE7E7, VRR_c_m45, v, vector, binary<Product>,
        "1,2,3,2,0 | v2=40000000404000007f80000100000000 v3=40000000404000003f8000007f800000 -> v1=40800000411000007fc000017fc00000 "
        "fpc=800000"),
    insn("VFD", 0xE7E5, VRR_c_m45, v, vector, binary<Division>,
        "1,2,3,3,0 | v2=4018000000000000bff0000000000000 v3=40080000000000000000000000000000 -> v1=4000000000000000fff0000000000000 "
        "fpc=400000",
        "1,2,3,3,8 | v2=4018000000000000bff0000000000000 v3=40080000000000000000000000000000 -> v1=40000000000000000000000000000000",
        "1,2,3,3,1 | -> pgm=6"),
    insn("VFSQ", 0xE7CE, VRR_a_m34, v, vector, unary<SquareRoot>,
        "1,2,3,0 | v2=4022000000000000c010000000000000 -> v1=40080000000000007ff8000000000000 fpc=800000"),
    insn("VFMA", 0xE78F, VRR_e_m56, v, vector, fused<MultiplyAdd>,
        "1,2,3,4,0,3 | v2=40000000000000004008000000000000 v3=40000000000000004008000000000000 v4=3ff00000000000003ff0000000000000 -> "
        "v1=40140000000000004024000000000000"),
    insn("VFMS", 0xE78E, VRR_e_m56, v, vector, fused<MultiplySubtract>,
        "1,2,3,4,8,3 | v2=40000000000000004008000000000000 v3=40000000000000004008000000000000 v4=3ff00000000000003ff0000000000000 -> "
        "v1=40080000000000000000000000000000"),
    insn("VFNMA", 0xE79F, VRR_e_m56, ve1, vector, fused<NegativeMultiplyAdd>,
        "1,2,3,4,0,3 | v2=40000000000000007ff8000000000000 v3=40000000000000004008000000000000 v4=3ff00000000000003ff0000000000000 -> "
        "v1=c0140000000000007ff8000000000000"),
    insn("VFNMS", 0xE79E, VRR_e_m56, ve1, vector, fused<NegativeMultiplySubtract>,
        "1,2,3,4,0,3 | v2=40000000000000004008000000000000 v3=40000000000000004008000000000000 v4=3ff00000000000003ff0000000000000 -> "
        "v1=c008000000000000c020000000000000"),
    insn("VFPSO", 0xE7CC, VRR_a_m345, v, vector, perform_sign_operation,
        "1,2,3,0,0 | v2=3ff0000000000000fff0000000000001 -> v1=bff00000000000007ff0000000000001",
        "1,2,2,8,1 | v2=3ff0000000000000fff0000000000001 -> v1=bff00000000000000000000000000000",
        "1,2,4,0,2 | v2=ff7ffff0000000000000000000000001 -> v1=7f7ffff0000000000000000000000001", "1,2,3,0,3 | -> pgm=6"),
};

} // namespace

extern constexpr Group vector_fp_arithmetic { rows };

} // namespace zvisor::isa
