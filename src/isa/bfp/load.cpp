// LOAD AND TEST, LOAD COMPLEMENT, NEGATIVE and POSITIVE, LOAD LENGTHENED, LOAD ROUNDED, LOAD FP INTEGER: PoP ch. 19.
#include "isa/bfp/operation.h"

namespace zvisor::isa {

namespace {

// ---- Same format -------------------------------------------------------------------------------------------

template<class F>
void test_number(Cpu& c, u8 r1, u8 r2)
{
    Bits<F> value = get<F>(c, r2);
    Environment work = environment(c);
    if (softfloat::is_signaling<F>(value)) {
        work.conditions = Condition::invalid;
        suppress_if_trapped(c, work);
        value |= softfloat::quiet_bit<F>;
    }
    put<F>(c, r1, value);
    c.cc(softfloat::condition_code<F>(value));
    complete(c, work);
}
template<class F>
void test_number(ir::Builder& c, u8 r1, u8 r2)
{
    if constexpr (!is_recorded_in<ir::Builder, F>) {
        c.leave_to_handler();
    } else {
        auto value = c.bfp(ir::BfpOperation::test, r1, get<F>(c, r2));
        put<F>(c, r1, value);
        set_code<F>(c, value);
    }
}

template<class F>
constexpr auto load_and_test = [](auto& c, auto r1, auto r2) { test_number<F>(c, r1, r2); };

/// LOAD COMPLEMENT, NEGATIVE, POSITIVE: the sign becomes (sign & keep) ^ flip; NaNs are numbers to them.
template<class F, bool Keep, bool Flip>
constexpr auto with_sign = [](auto& c, auto r1, auto r2) {
    if constexpr (!is_recorded_in<std::remove_reference_t<decltype(c)>, F>) {
        c.leave_to_handler();
    } else {
        auto value = get<F>(c, r2);
        value = value & (Keep ? ~Bits<F> { 0 } : ~softfloat::sign_bit<F>);
        value = value ^ (Flip ? softfloat::sign_bit<F> : 0);
        put<F>(c, r1, value);
        set_code<F>(c, value);
    }
};
template<class F>
constexpr auto load_complement = with_sign<F, true, true>;
template<class F>
constexpr auto load_negative = with_sign<F, false, true>;
template<class F>
constexpr auto load_positive = with_sign<F, false, false>;

// ---- Another format ----------------------------------------------------------------------------------------

template<class To, class From>
void lengthen(Cpu& c, u8 r1, auto second)
{
    Bits<From> value = get<From>(c, second);
    if constexpr (std::is_same_v<To, Long>) {
        if (!softfloat::is_nan<From>(value)) [[likely]]
            return put<To>(c, r1, std::bit_cast<Bits<To>>(double { host::number(value) }));
    }
    auto operation = [&](Environment& work) { return softfloat::lengthen<To, From>(value, work); };
    exactly(c, environment(c), operation, [&](Bits<To> result) { put<To>(c, r1, result); });
}
template<class To, class From>
void lengthen(ir::Builder& c, u8 r1, auto second)
{
    if constexpr (is_recorded_in<ir::Builder, To>)
        put<To>(c, r1, c.convert_bfp<u64>(ir::BfpOperation::lengthen, r1, get<From>(c, second)));
    else
        c.leave_to_handler();
}

template<class To, class From>
constexpr auto load_lengthened = [](auto& c, auto r1, auto second) { lengthen<To, From>(c, r1, second); };

struct LongToShort {
    using Format = Short;
    static float host(double a) { return static_cast<float>(a); }
    static bool zero_is_exact(double a) { return a == 0; }
};

template<class To, class From>
void shorten(Cpu& c, u8 r1, Mask m3, u8 r2, Mask m4)
{
    Bits<From> value = get<From>(c, r2);
    if constexpr (std::is_same_v<From, Long>) {
        if (m3 == 0 && m4 == 0) [[likely]] {
            if (auto bits = on_host<LongToShort>(c, value)) [[likely]]
                return put<To>(c, r1, *bits);
        }
    }
    Modifiers modified = extension_modifiers(c, m3, m4);
    auto operation = [&](Environment& work) { return softfloat::shorten<To, From>(value, work); };
    auto store = [&](const softfloat::Shortened<To, From>& result) {
        if (result.is_scaled)
            put<From>(c, r1, result.scaled);
        else
            put<To>(c, r1, result.value);
    };
    exactly(c, environment(c, modified.rounding), operation, store, modified.suppress_inexact);
}
template<class To, class From>
void shorten(ir::Builder& c, u8 r1, Mask m3, u8 r2, Mask m4)
{
    if constexpr (is_recorded_in<ir::Builder, From>) {
        if (m3 == 0 && m4 == 0)
            return put<To>(c, r1, c.convert_bfp<u32>(ir::BfpOperation::shorten, r1, get<From>(c, r2)));
    }
    c.leave_to_handler();
}

template<class To, class From>
constexpr auto load_rounded = [](auto& c, auto r1, Mask m3, auto r2, Mask m4) { shorten<To, From>(c, r1, m3, r2, m4); };

// ---- To an integer -----------------------------------------------------------------------------------------

/// The integer on the host, when the method is one of its and nothing but inexact can happen.
template<class F>
bool round_on_host(Cpu& c, u8 r1, Bits<F> value, const Modifiers& modified)
{
    auto a = host::number(value);
    auto integer = host::round(a, modified.rounding);
    if (!integer || (*integer != a && !modified.suppress_inexact && (c.fpc & Fpc::masks)))
        return false;
    if (*integer != a && !modified.suppress_inexact)
        c.fpc |= Fpc::inexact_flag;
    put<F>(c, r1, std::bit_cast<Bits<F>>(*integer));
    return true;
}

template<class F>
void round_number(Cpu& c, u8 r1, Mask m3, u8 r2, Mask m4)
{
    Modifiers modified = modifiers(c, m3, m4);
    Bits<F> value = get<F>(c, r2);
    if constexpr (!std::is_same_v<F, Extended>) {
        if (round_on_host<F>(c, r1, value, modified)) [[likely]]
            return;
    }
    auto operation = [&](Environment& work) { return softfloat::round_to_integer<F>(value, work); };
    exactly(c, environment(c, modified.rounding), operation, [&](Bits<F> result) { put<F>(c, r1, result); }, modified.suppress_inexact);
}
/// The methods 4 to 7; with none given, the one that the host's results need.
template<class F>
void round_number(ir::Builder& c, u8 r1, Mask m3, u8 r2, Mask)
{
    using enum ir::BfpOperation;
    static constexpr ir::BfpOperation methods[] { round_to_nearest, round_toward_zero, round_up, round_down };
    if constexpr (is_recorded_in<ir::Builder, F>) {
        if (m3 == 0 || (m3 >= 4 && m3 <= 7))
            return put<F>(c, r1, c.bfp(methods[m3 & 3], r1, get<F>(c, r2)));
    }
    c.leave_to_handler();
}

template<class F>
constexpr auto load_integer = [](auto& c, auto r1, Mask m3, auto r2, Mask m4) { round_number<F>(c, r1, m3, r2, m4); };

constexpr Row rows[] = {
    insn("LTEBR", 0xB302, RRE_FF, base, bfp, load_and_test<Short>,
        "1,2 | f1=1111111122222222 f2=8000000000000000 -> f1=8000000022222222 cc=0",
        "1,2 | f2=ff80000100000000 -> f1=ffc0000100000000 cc=3 fpc=800000"),
    insn("LTDBR", 0xB312, RRE_FF, base, bfp, load_and_test<Long>, "1,2 | f2=bff0000000000000 -> f1=bff0000000000000 cc=1",
        "1,2 | f2=7ff0000000000001 fpc=80000000 -> fpc=80008000 pgm=7"),
    insn("LTXBR", 0xB342, RRE_XX, base, bfp, load_and_test<Extended>, "1,4 | f4=0 f6=1 -> f1=0 f3=1 cc=2"),
    insn("LCEBR", 0xB303, RRE_FF, base, bfp, load_complement<Short>, "1,2 | f2=3f80000000000000 -> f1=bf80000000000000 cc=1"),
    insn("LCDBR", 0xB313, RRE_FF, base, bfp, load_complement<Long>, "1,2 | f2=7ff0000000000001 -> f1=fff0000000000001 cc=3"),
    insn("LCXBR", 0xB343, RRE_XX, base, bfp, load_complement<Extended>, "1,4 | f4=bfff000000000000 f6=2 -> f1=3fff000000000000 f3=2 cc=2"),
    insn("LNEBR", 0xB301, RRE_FF, base, bfp, load_negative<Short>, "1,2 | f2=3f80000000000000 -> f1=bf80000000000000 cc=1"),
    insn("LNDBR", 0xB311, RRE_FF, base, bfp, load_negative<Long>, "1,2 | f2=0000000000000000 -> f1=8000000000000000 cc=0"),
    insn("LNXBR", 0xB341, RRE_XX, base, bfp, load_negative<Extended>, "1,4 | f4=bfff000000000000 f6=2 -> f1=bfff000000000000 f3=2 cc=1"),
    insn("LPEBR", 0xB300, RRE_FF, base, bfp, load_positive<Short>, "1,2 | f2=bf80000000000000 -> f1=3f80000000000000 cc=2"),
    insn("LPDBR", 0xB310, RRE_FF, base, bfp, load_positive<Long>, "1,2 | f2=8000000000000000 -> f1=0000000000000000 cc=0"),
    insn("LPXBR", 0xB340, RRE_XX, base, bfp, load_positive<Extended>, "1,4 | f4=ffff800000000000 f6=0 -> f1=7fff800000000000 f3=0 cc=3"),

    insn("LDEBR", 0xB304, RRE_FF, base, bfp, load_lengthened<Long, Short>, "1,2 | f2=3fc0000000000000 -> f1=3ff8000000000000",
        "1,2 | f2=7f80000100000000 -> f1=7ff8000020000000 fpc=800000"),
    insn("LXDBR", 0xB305, RRE_XF, base, bfp, load_lengthened<Extended, Long>, "1,2 | f2=0000000000000001 -> f1=3bcd000000000000 f3=0"),
    insn("LXEBR", 0xB306, RRE_XF, base, bfp, load_lengthened<Extended, Short>, "1,2 | f2=3fc0000000000000 -> f1=3fff800000000000 f3=0"),
    insn("LDEB", 0xED04, RXE_F, base, bfp, load_lengthened<Long, Short>, "1,0(2) | r2=2000 m2000=00000001 -> f1=36a0000000000000"),
    insn("LXDB", 0xED05, RXE_X, base, bfp, load_lengthened<Extended, Long>,
        "1,0(2) | r2=2000 m2000=3ff8000000000000 -> f1=3fff800000000000 f3=0"),
    insn("LXEB", 0xED06, RXE_X, base, bfp, load_lengthened<Extended, Short>, "1,0(2) | r2=2000 m2000=3fc00000 -> f1=3fff800000000000 f3=0"),

    insn("LEDBRA", 0xB344, RRF_em_FF, base, bfp, load_rounded<Short, Long>,
        "1,0,2,0 | f2=3ff0000010000000 -> f1=3f80000000000000 fpc=80000", "1,6,2,4 | f2=3ff0000010000000 -> f1=3f80000100000000",
        "1,3,2,0 | f2=7fe0000000000000 fpc=20000000 -> f1=5fe0000000000000 fpc=20002000 pgm=7", "1,2,2,0 | -> pgm=6"),
    insn("LDXBRA", 0xB345, RRF_em_XX, base, bfp, load_rounded<Long, Extended>,
        "1,0,4,0 | f4=3fff000000000000 f6=1 -> f1=3ff0000000000000 fpc=80000"),
    insn("LEXBRA", 0xB346, RRF_em_XX, base, bfp, load_rounded<Short, Extended>,
        "1,0,4,0 | f4=4400000000000000 f6=0 -> f1=7f80000000000000 fpc=280000"),
    insn("FIEBRA", 0xB357, RRF_em_FF, base, bfp, load_integer<Short>, "1,0,2,0 | f2=4020000000000000 -> f1=4000000000000000 fpc=80000",
        "1,1,2,4 | f2=4020000000000000 -> f1=4040000000000000"),
    insn("FIDBRA", 0xB35F, RRF_em_FF, base, bfp, load_integer<Long>, "1,7,2,0 | f2=bff8000000000000 -> f1=c000000000000000 fpc=80000",
        "1,5,2,0 | f2=bfe0000000000000 -> f1=8000000000000000 fpc=80000", "1,5,2,0 | f2=7ff0000000000000 -> f1=7ff0000000000000",
        "1,6,2,0 | f2=3fe0000000000000 fpc=8000000 -> f1=3ff0000000000000 fpc=8000c00 pgm=7"),
    insn("FIXBRA", 0xB347, RRF_em_XX, base, bfp, load_integer<Extended>,
        "1,5,4,0 | f4=3fff800000000000 f6=1 -> f1=3fff000000000000 f3=0 fpc=80000"),
};

} // namespace

extern constexpr Group bfp_load { rows };

} // namespace zvisor::isa
