// LOAD AND TEST, LOAD LENGTHENED, LOAD ROUNDED, LOAD FP INTEGER: PoP ch. 20.
#include "isa/dfp/operation.h"

namespace zvisor::isa {

namespace {

using namespace decimal_float;

/// Bit 0 of the M4 field of LOAD LENGTHENED and LOAD ROUNDED: a signaling NaN stays one and an infinity keeps its digits.
constexpr u8 keeps_special = 8;

template<class F>
constexpr auto load_and_test = [](Cpu& c, auto r1, auto r2) {
    auto operation = [&](Environment& work) { return quiet(number<F>(c, r2), work); };
    auto store = [&](const Number& result) {
        put<F>(c, r1, result);
        c.cc(result.condition_code());
    };
    carry_out(c, environment(c, current_rounding(c)), operation, store);
};

template<class To, class From>
constexpr auto load_lengthened = [](Cpu& c, auto r1, Fr r2, Mask m4) {
    Number value = number<From>(c, r2);
    auto operation = [&](Environment& work) { return m4 & keeps_special ? value : quiet(value, work); };
    carry_out(c, environment(c, current_rounding(c)), operation, [&](const Number& result) { put<To>(c, r1, result); });
};

/// A finite number rounded to the shorter format; one that traps is scaled for the longer.
template<class To, class From>
[[nodiscard]] Number rounded(const Number& value, Environment& work)
{
    Parameters shorter = parameters<To>;
    shorter.scale = From::load_rounded_scale;
    return decimal_float::round({ value.sign, { 0, value.coefficient }, value.exponent, false }, shorter, value.exponent, work);
}

template<class To, class From>
constexpr auto load_rounded = [](Cpu& c, auto r1, Mask m3, auto r2, Mask m4) {
    Number value = number<From>(c, r2);
    bool scaled = false;
    auto operation = [&](Environment& work) {
        if (!value.finite())
            return m4 & keeps_special ? value : quiet(value, work);
        Number result = rounded<To, From>(value, work);
        scaled = work.trapped(Condition::overflow | Condition::underflow);
        return result;
    };
    auto store = [&](const Number& result) {
        if (scaled)
            put<From>(c, r1, result);
        else
            put<To>(c, r1, result);
    };
    carry_out(c, environment(c, selected_rounding(c, m3)), operation, store, suppresses_inexact(c, m4));
};

template<class F>
constexpr auto load_integer = [](Cpu& c, auto r1, Mask m3, auto r2, Mask m4) {
    auto operation = [&](Environment& work) { return round_to_integer(number<F>(c, r2), work); };
    auto store = [&](const Number& result) { put<F>(c, r1, result); };
    carry_out(c, environment(c, selected_rounding(c, m3)), operation, store, m4 & inexact_exception_control);
};

constexpr Facility facility = Facility::decimal_floating_point;

constexpr Row rows[] = {
    insn("LTDTR", 0xB3D6, RRE_FF, facility, dfp, load_and_test<Long>, "1,2 | f2=a238000000000001 -> f1=a238000000000001 cc=1",
        "1,2 | f2=fe00000000000001 -> f1=fc00000000000001 cc=3 fpc=800000", "1,2 | f2=223800000000036e -> f1=223800000000006e cc=2"),
    insn("LTXTR", 0xB3DE, RRE_XX, facility, dfp, load_and_test<Extended>,
        "1,4 | f4=7800000000000000 f6=0000000000000001 -> f1=7800000000000000 f3=0 cc=2"),

    insn("LDETR", 0xB3D4, RRF_d_FF, facility, dfp, load_lengthened<Long, Short>, "1,2,0 | f2=22500001ffffffff -> f1=2238000000000001",
        "1,2,0 | f2=fe00000100000000 -> f1=fc00000000000001 fpc=800000", "1,2,8 | f2=fe00000100000000 -> f1=fe00000000000001",
        "1,2,8 | f2=7800000100000000 -> f1=7800000000000001"),
    insn("LXDTR", 0xB3DC, RRF_d_XF, facility, dfp, load_lengthened<Extended, Long>,
        "1,2,0 | f2=22340000000c0004 -> f1=2207c00000000000 f3=00000000000c0004",
        "1,2,0 | f2=7800000000000001 -> f1=7800000000000000 f3=0"),

    insn("LEDTR", 0xB3D5, RRF_em_FF, facility, dfp, load_rounded<Short, Long>,
        "1,0,2,0 | f1=ffffffffffffffff f2=22340000000c0004 -> f1=224c0004ffffffff",
        "1,0,2,0 | f2=2238000001271775 -> f1=2664d2e800000000 fpc=c0000", "1,6,2,4 | f2=2238000001271775 -> f1=2664d2e800000000 fpc=40000",
        "1,0,2,0 | f2=4158000000000001 fpc=20000000 -> f1=2258000000000001 fpc=20002000 pgm=7"),
    insn("LDXTR", 0xB3DD, RRF_em_XX, facility, dfp, load_rounded<Long, Extended>,
        "1,0,4,0 | f4=2206800000000000 f6=0000800000000028 -> f1=2220800000000028",
        "1,0,4,8 | f4=7e00000000000000 f6=0000800000000028 -> f1=7e00800000000028"),

    insn("FIDTR", 0xB3D7, RRF_em_FF, facility, dfp, load_integer<Long>, "1,0,2,0 | f2=2234000000000025 -> f1=2238000000000002 fpc=80000",
        "1,12,2,4 | f2=2234000000000025 -> f1=2238000000000003", "1,0,2,0 | f2=223c000000000025 -> f1=223c000000000025",
        "1,6,2,0 | f2=2234000000000025 fpc=8000000 -> f1=2238000000000003 fpc=8000c00 pgm=7"),
    insn("FIXTR", 0xB3DF, RRF_em_XX, facility, dfp, load_integer<Extended>,
        "1,15,4,0 | f4=2207c00000000000 f6=0000000000000051 -> f1=2208000000000000 f3=0000000000000006 fpc=80000"),
};

} // namespace

extern constexpr Group dfp_load { rows };

} // namespace zvisor::isa
