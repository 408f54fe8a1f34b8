// ADD, SUBTRACT, MULTIPLY, DIVIDE, COMPARE, COMPARE AND SIGNAL, COMPARE BIASED EXPONENT: PoP ch. 20.
#include "isa/dfp/operation.h"

namespace zvisor::isa {

namespace {

using namespace decimal_float;

[[nodiscard]] Number negated(Number a)
{
    a.sign ^= !a.nan();
    return a;
}

/// `Operation` takes two numbers, a format's parameters and an environment.
template<class F, auto Operation, bool SetsCode>
constexpr auto arithmetic = [](Cpu& c, auto r1, auto r2, auto r3, Mask m4) {
    Number a = number<F>(c, r2);
    Number b = number<F>(c, r3);
    auto operation = [&](Environment& work) { return Operation(a, b, parameters<F>, work); };
    auto store = [&](const Number& result) {
        put<F>(c, r1, result);
        if (SetsCode)
            c.cc(result.condition_code());
    };
    carry_out(c, environment(c, extension_rounding(c, m4)), operation, store);
};

[[nodiscard]] Number difference(const Number& a, const Number& b, const Parameters& to, Environment& work)
{
    return decimal_float::add(a, negated(b), to, work);
}

template<class F>
constexpr auto add = arithmetic<F, &decimal_float::add, true>;
template<class F>
constexpr auto subtract = arithmetic<F, &difference, true>;
template<class F>
constexpr auto multiply = arithmetic<F, &decimal_float::multiply, false>;
template<class F>
constexpr auto divide = arithmetic<F, &decimal_float::divide, false>;

template<class F, bool Signaling>
constexpr auto compare = [](Cpu& c, auto r1, auto r2) {
    auto operation = [&](Environment& work) { return decimal_float::compare(number<F>(c, r1), number<F>(c, r2), Signaling, work); };
    carry_out(c, environment(c, current_rounding(c)), operation, [&](u8 code) { c.cc(code); });
};

/// Code 0 equal, 1 low, 2 high; infinities are equal among themselves and so are NaNs, anything else is 3.
[[nodiscard]] u8 compare_exponents(const Number& a, const Number& b)
{
    if ((a.nan() && b.nan()) || (a.infinite() && b.infinite()))
        return 0;
    if (!a.finite() || !b.finite())
        return 3;
    return a.exponent == b.exponent ? u8 { 0 } : a.exponent < b.exponent ? u8 { 1 } : u8 { 2 };
}
template<class F>
constexpr auto compare_biased_exponent = [](Cpu& c, auto r1, auto r2) { c.cc(compare_exponents(number<F>(c, r1), number<F>(c, r2))); };

constexpr Facility facility = Facility::decimal_floating_point;

// Long: 2238000000000001 is 1, 6234... and above have a coefficient of 16 digits. Extended: 2208000000000000 0000000000000001 is 1.
constexpr Row rows[] = {
    insn("ADTRA", 0xB3D2, RRF_am_FFF, facility, dfp, add<Long>,
        "1,2,3,0 | f2=2238000000000001 f3=2238000000000002 -> f1=2238000000000003 cc=2",
        "1,2,3,0 | f2=2234000000000010 f3=a238000000000001 -> f1=2234000000000000 cc=0",
        "1,2,3,0 | f2=7800000000000000 f3=f800000000000000 -> f1=7c00000000000000 cc=3 fpc=800000",
        "1,2,3,0 | f2=7800000000000000 f3=f800000000000000 fpc=80000000 -> fpc=80008000 pgm=7"),
    insn("AXTRA", 0xB3DA, RRF_am_XXX, facility, dfp, add<Extended>,
        "0,4,8,0 | f4=2208000000000000 f6=0000000000000001 f8=a208000000000000 f10=0000000000000002 -> "
        "f0=a208000000000000 f2=0000000000000001 cc=1"),
    insn("SDTRA", 0xB3D3, RRF_am_FFF, facility, dfp, subtract<Long>,
        "1,2,3,0 | f2=2238000000000001 f3=2238000000000002 -> f1=a238000000000001 cc=1",
        "1,2,3,0 | f2=2238000000000001 f3=7e00000000000005 -> f1=7c00000000000005 cc=3 fpc=800000"),
    insn("SXTRA", 0xB3DB, RRF_am_XXX, facility, dfp, subtract<Extended>,
        "0,4,4,0 | f4=2208000000000000 f6=0000000000000001 fpc=30 -> f0=a208000000000000 f2=0 cc=0"),
    insn("MDTRA", 0xB3D0, RRF_am_FFF, facility, dfp, multiply<Long>,
        "1,2,3,0 | f2=2234000000000002 f3=a234000000000003 -> f1=a230000000000006",
        "1,2,3,0 | f2=7800000000000000 f3=2238000000000000 -> f1=7c00000000000000 fpc=800000"),
    insn("MXTRA", 0xB3D8, RRF_am_XXX, facility, dfp, multiply<Extended>,
        "0,4,8,0 | f4=2208000000000000 f6=0000000000000002 f8=2208000000000000 f10=0000000000000003 -> "
        "f0=2208000000000000 f2=0000000000000006"),
    insn("DDTRA", 0xB3D1, RRF_am_FFF, facility, dfp, divide<Long>,
        "1,2,3,0 | f2=2238000000000001 f3=2238000000000004 -> f1=2230000000000025 fpc=40000",
        "1,2,3,0 | f2=2238000000000001 f3=2238000000000003 -> f1=2df9b36cdb36cdb3 fpc=c0000",
        "1,2,3,0 | f2=2238000000000001 f3=2238000000000003 fpc=8000000 -> f1=2df9b36cdb36cdb3 fpc=8000800 pgm=7",
        "1,2,3,0 | f2=2238000000000001 f3=a238000000000000 -> f1=f800000000000000 fpc=400000"),
    insn("DXTRA", 0xB3D9, RRF_am_XXX, facility, dfp, divide<Extended>,
        "0,4,8,0 | f4=2208000000000000 f6=0000000000000006 f8=2208000000000000 f10=0000000000000003 -> "
        "f0=2208000000000000 f2=0000000000000002"),

    insn("CDTR", 0xB3E4, RRE_FF, facility, dfp, compare<Long, false>, "1,2 | f1=2238000000000001 f2=2234000000000010 -> cc=0",
        "1,2 | f1=a238000000000001 f2=2234000000000010 -> cc=1", "1,2 | f1=7c00000000000001 f2=2234000000000010 -> cc=3",
        "1,2 | f1=7e00000000000001 f2=2234000000000010 -> cc=3 fpc=800000"),
    insn("CXTR", 0xB3EC, RRE_XX, facility, dfp, compare<Extended, false>,
        "0,4 | f0=7800000000000000 f2=0 f4=2208000000000000 f6=0000000000000001 -> cc=2"),
    insn("KDTR", 0xB3E0, RRE_FF, facility, dfp, compare<Long, true>, "1,2 | f1=7c00000000000001 f2=2234000000000010 -> cc=3 fpc=800000"),
    insn("KXTR", 0xB3E8, RRE_XX, facility, dfp, compare<Extended, true>,
        "0,4 | f0=2208000000000000 f2=0000000000000001 f4=2208000000000000 f6=0000000000000002 -> cc=1"),
    insn("CEDTR", 0xB3F4, RRE_FF, facility, dfp, compare_biased_exponent<Long>, "1,2 | f1=2238000000000009 f2=2238000000000001 -> cc=0",
        "1,2 | f1=2234000000000009 f2=2238000000000001 -> cc=1", "1,2 | f1=7800000000000000 f2=2238000000000001 -> cc=3",
        "1,2 | f1=7c00000000000000 f2=7e00000000000001 -> cc=0"),
    insn("CEXTR", 0xB3FC, RRE_XX, facility, dfp, compare_biased_exponent<Extended>,
        "0,4 | f0=220c000000000000 f2=0 f4=2208000000000000 f6=0 -> cc=2"),
};

} // namespace

extern constexpr Group dfp_arithmetic { rows };

} // namespace zvisor::isa
