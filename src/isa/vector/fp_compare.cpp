// Vector floating-point comparison, minimum, maximum and data class (PoP ch. 24).

#include "isa/vector/fp.h"

namespace zvisor::isa {

namespace {

// ---- Comparison ---------------------------------------------------------------------------------------------

template<bool Signaling>
constexpr auto compare_scalar = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3, Mask m4) {
    with_format(c, m3, [&](auto format) {
        using F = decltype(format);
        using T = Bits<F>;
        require_modifier(c, m4, 0);
        FpElements elements(c);
        auto operation
            = [&](Environment& work) { return softfloat::compare<F>(element<T>(c.vr[v1], 0), element<T>(c.vr[v2], 0), Signaling, work); };
        u8 code = elements.run(0, operation);
        elements.complete();
        c.cc(code);
    });
};

/// Condition code for mask elements: 0 all of them ones, 1 some, 3 none.
template<class T>
u8 mask_code(const Vr& mask, unsigned count)
{
    unsigned ones = 0;
    for (unsigned i = 0; i < count; ++i)
        ones += element<T>(mask, i) != 0;
    return ones == count ? 0 : ones == 0 ? 3 : 1;
}

/// The outcomes of a comparison (equal 8, low 4, high 2, unordered 1) that make a mask element ones.
template<u8 Accepted>
constexpr auto compare = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5, Mask m6) {
    with_format(c, m4, [&](auto format) {
        using F = decltype(format);
        using T = Bits<F>;
        require_modifier(c, m5, c.has(Facility::vector_enhancements_1) ? FpModifier::single | FpModifier::signaling : FpModifier::single);
        require_modifier(c, m6, 1);
        bool signaling = m5 & FpModifier::signaling;
        unsigned count = participating<T>(m5);
        FpElements elements(c);
        Vr mask = first_elements<T>(count, [&](unsigned i) {
            u8 code = elements.run(i, [&](Environment& work) {
                return softfloat::compare<F>(element<T>(c.vr[v2], i), element<T>(c.vr[v3], i), signaling, work);
            });
            return mask_of<T>(Accepted >> (3 - code) & 1);
        });
        elements.complete();
        c.vr[v1] = mask;
        if (m6 & 1)
            c.cc(mask_code<T>(mask, count));
    });
};

constexpr auto test_data_class_immediate = [](Cpu& c, VrNumber v1, VrNumber v2, Unsigned i3, Mask m4, Mask m5) {
    with_format(c, m4, [&](auto format) {
        using F = decltype(format);
        using T = Bits<F>;
        require_modifier(c, m5, FpModifier::single);
        unsigned count = participating<T>(m5);
        Vr mask = first_elements<T>(count, [&](unsigned i) { return mask_of<T>(softfloat::data_class<F>(element<T>(c.vr[v2], i)) & i3); });
        c.vr[v1] = mask;
        c.cc(mask_code<T>(mask, count));
    });
};

// ---- Minimum and maximum ------------------------------------------------------------------------------------

/// M6: how NaNs and zeros are treated; 8 and more take magnitudes.
enum class Function : u8 { ieee, java, c_macro, cpp, c_library };

template<class F>
Bits<F> quieted(Bits<F> a)
{
    return a | softfloat::quiet_bit<F>;
}

/// The result when a or b is a NaN.
template<class F>
Bits<F> nan_result(Bits<F> a, Bits<F> b, Function function, Environment& work)
{
    bool nan_a = softfloat::is_nan<F>(a);
    bool nan_b = softfloat::is_nan<F>(b);
    bool signaling_a = softfloat::is_signaling<F>(a);
    bool signaling = signaling_a || softfloat::is_signaling<F>(b);
    if (signaling || function == Function::c_macro || function == Function::cpp)
        work.conditions |= Condition::invalid;
    switch (function) {
    case Function::c_macro:
        return b;
    case Function::cpp:
        return a;
    case Function::c_library:
        return nan_a && !nan_b ? b : a;
    default:
        break;
    }
    if (signaling)
        return quieted<F>(signaling_a ? a : b);
    if (function == Function::java || (nan_a && nan_b))
        return nan_a ? a : b;
    return nan_a ? b : a;
}

/// -1, 0 or 1 as the number a is below, equal to or above b.
template<class F>
int order(Bits<F> a, Bits<F> b)
{
    Environment unused;
    static constexpr int orders[] = { 0, -1, 1 };
    return orders[softfloat::compare<F>(a, b, false, unused)];
}

template<class F, bool Maximum>
Bits<F> extremum(Bits<F> a, Bits<F> b, u8 function_code, Environment& work)
{
    constexpr Bits<F> sign = softfloat::sign_bit<F>;
    auto function = static_cast<Function>(function_code & 7);
    bool magnitudes = function_code & 8;
    if (magnitudes && function != Function::ieee) {
        a &= ~sign;
        b &= ~sign;
    }
    if (softfloat::is_nan<F>(a) || softfloat::is_nan<F>(b))
        return nan_result<F>(a, b, function, work);
    int relation = magnitudes ? order<F>(a & ~sign, b & ~sign) : order<F>(a, b);
    if (magnitudes && relation == 0)
        relation = order<F>(a, b);
    if (relation != 0)
        return (relation > 0) == Maximum ? a : b;
    if (function == Function::c_macro || function == Function::cpp)
        return function == Function::c_macro ? b : a;
    bool negative_a = (a & sign) != 0;
    return negative_a == Maximum ? b : a;
}

template<bool Maximum>
constexpr auto minimum_maximum = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask m4, Mask m5, Mask m6) {
    with_format(c, m4, [&](auto format) {
        using F = decltype(format);
        using T = Bits<F>;
        require_modifier(c, m5, FpModifier::single);
        if ((m6 & 7) > 4)
            c.specification();
        FpElements elements(c);
        Vr result = first_elements<T>(participating<T>(m5), [&](unsigned i) {
            return elements.run(
                i, [&](Environment& work) { return extremum<F, Maximum>(element<T>(c.vr[v2], i), element<T>(c.vr[v3], i), m6, work); });
        });
        elements.complete();
        c.vr[v1] = result;
    });
};

constexpr Facility v = Facility::vector;
constexpr Facility ve1 = Facility::vector_enhancements_1;

constexpr Row rows[] = {
    insn("WFC", 0xE7CB, VRR_a_m34, v, vector, compare_scalar<false>,
        "1,2,3,0 | v1=3ff00000000000000000000000000000 v2=40000000000000000000000000000000 -> cc=1",
        "1,2,2,0 | v1=7fc00000000000000000000000000000 -> cc=3", "1,2,3,8 | -> pgm=6"),
    insn("WFK", 0xE7CA, VRR_a_m34, v, vector, compare_scalar<true>,
        "1,2,4,0 | v1=40000000000000000000000000000000 v2=7fff8000000000000000000000000000 -> cc=3 fpc=800000",
        "1,2,3,0 | v1=7ff80000000000000000000000000000 fpc=80000000 -> fpc=80000100 pgm=1b"),
    insn("VFCE", 0xE7E8, VRR_c_m456, v, vector, compare<8>,
        "1,2,3,3,0,1 | v2=3ff00000000000007ff8000000000000 v3=3ff00000000000007ff8000000000000 -> v1=ffffffffffffffff0000000000000000 cc=1",
        "1,2,3,3,4,0 | v2=3ff00000000000007ff8000000000000 v3=3ff00000000000007ff8000000000000 cc=2 -> v1=ffffffffffffffff0000000000000000 "
        "fpc=800000",
        "1,2,3,3,0,2 | -> pgm=6"),
    insn("VFCH", 0xE7EB, VRR_c_m456, v, vector, compare<2>,
        "1,2,3,2,0,1 | v2=3f800000bf8000007f80000000000001 v3=3f000000c0000000ff80000000000000 -> v1=ffffffffffffffffffffffffffffffff cc=0",
        "1,2,3,3,8,1 | v2=3ff00000000000007ff8000000000000 v3=3ff00000000000007ff8000000000000 -> cc=3"),
    insn("VFCHE", 0xE7EA, VRR_c_m456, v, vector, compare<8 | 2>,
        "1,2,3,3,8,1 | v2=3ff00000000000007ff8000000000000 v3=3ff00000000000007ff8000000000000 -> v1=ffffffffffffffff0000000000000000 "
        "cc=0"),
    insn("VFMAX", 0xE7EF, VRR_c_m456, ve1, vector, minimum_maximum<true>,
        "1,2,3,3,0,0 | v2=80000000000000007ff8000000000000 v3=0000000000000000c000000000000000 -> v1=0000000000000000c000000000000000",
        "1,2,3,3,0,2 | v2=00000000000000007ff8000000000000 v3=8000000000000000c000000000000000 -> v1=8000000000000000c000000000000000 "
        "fpc=800000",
        "1,2,3,3,0,8 | v2=c000000000000000bff0000000000000 v3=3ff00000000000003ff0000000000000 -> v1=c0000000000000003ff0000000000000",
        "1,2,3,3,0,5 | -> pgm=6"),
    insn("VFMIN", 0xE7EE, VRR_c_m456, ve1, vector, minimum_maximum<false>,
        "1,2,3,3,0,1 | v2=00000000000000007ff0000000000001 v3=8000000000000000c000000000000000 -> v1=80000000000000007ff8000000000001 "
        "fpc=800000",
        "1,2,3,3,8,9 | v2=c000000000000000bff0000000000000 v3=bff00000000000003ff0000000000000 -> v1=3ff00000000000000000000000000000"),
    insn("VFTCI", 0xE74A, VRI_e, v, vector, test_data_class_immediate,
        "1,2,2048,3,0 | v2=00000000000000008000000000000000 -> v1=ffffffffffffffff0000000000000000 cc=1",
        "1,2,3,2,0 | v2=7f800001ff80000100000000ffc00000 cc=2 -> v1=ffffffffffffffff0000000000000000 cc=1", "1,2,0,3,8 | -> cc=3"),
};

} // namespace

extern constexpr Group vector_fp_compare { rows };

} // namespace zvisor::isa
