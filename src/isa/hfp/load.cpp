// LOAD AND TEST, LOAD COMPLEMENT, NEGATIVE and POSITIVE, LOAD LENGTHENED, LOAD ROUNDED, LOAD FP INTEGER, HALVE: PoP ch. 18.
#include "isa/hfp/operation.h"

namespace zvisor::isa {

namespace {

using namespace hfp;

// ---- Same format -------------------------------------------------------------------------------------------

/// The sign becomes (sign & keep) ^ flip. Nothing is normalized, but an extended zero becomes a true zero with that sign.
template<class F, bool Keep, bool Flip>
constexpr auto with_sign = [](Cpu& c, auto r1, auto r2) {
    Number value = number<F>(c, r2);
    value.negative = (value.negative && Keep) != Flip;
    if (std::is_same_v<F, Extended> && value.zero())
        value.characteristic = 0;
    put<F>(c, r1, value);
    c.cc(value.condition_code());
};
template<class F>
constexpr auto load_and_test = with_sign<F, true, false>;
template<class F>
constexpr auto load_complement = with_sign<F, true, true>;
template<class F>
constexpr auto load_negative = with_sign<F, false, true>;
template<class F>
constexpr auto load_positive = with_sign<F, false, false>;

template<class F>
constexpr auto halve = [](Cpu& c, Fr r1, Fr r2) {
    Number value = number<F>(c, r2);
    value.fraction >>= 1;
    finish<F>(c, r1, normalize(value));
};

template<class F>
constexpr auto load_integer = [](Cpu& c, auto r1, auto r2) { put<F>(c, r1, integer_part(number<F>(c, r2))); };

// ---- Another format ----------------------------------------------------------------------------------------

template<class To, class From>
constexpr auto load_lengthened = [](Cpu& c, auto r1, auto second) {
    Number value = number<From>(c, second);
    if (std::is_same_v<To, Extended> && value.zero())
        value.characteristic = 0;
    put<To>(c, r1, value);
};

template<class To, class From>
constexpr auto load_rounded = [](Cpu& c, Fr r1, auto r2) { finish<To>(c, r1, round(number<From>(c, r2), To::digits)); };

constexpr Row rows[] = {
    insn("LTER", 0x32, RR_FF, base, problem, load_and_test<Short>,
        "1,2 | f1=1111111122222222 f2=c100000000000000 -> f1=c100000022222222 cc=0",
        "1,2 | f2=c100000100000000 -> f1=c100000100000000 cc=1"),
    insn("LTDR", 0x22, RR_FF, base, problem, load_and_test<Long>, "1,2 | f2=4100000000000001 -> f1=4100000000000001 cc=2"),
    insn("LTXR", 0xB362, RRE_XX, base, problem, load_and_test<Extended>,
        "1,4 | f4=c100000000000000 f6=0000000000000001 -> f1=c100000000000000 f3=b300000000000001 cc=1",
        "1,4 | f4=c100000000000000 f6=4200000000000000 -> f1=8000000000000000 f3=8000000000000000 cc=0"),
    insn("LCER", 0x33, RR_FF, base, problem, load_complement<Short>, "1,2 | f2=4110000000000000 -> f1=c110000000000000 cc=1"),
    insn("LCDR", 0x23, RR_FF, base, problem, load_complement<Long>, "1,2 | f2=c110000000000000 -> f1=4110000000000000 cc=2"),
    insn("LCXR", 0xB363, RRE_XX, base, problem, load_complement<Extended>,
        "1,4 | f4=0110000000000000 f6=0 -> f1=8110000000000000 f3=f300000000000000 cc=1"),
    insn("LNER", 0x31, RR_FF, base, problem, load_negative<Short>, "1,2 | f2=0000000000000000 -> f1=8000000000000000 cc=0"),
    insn("LNDR", 0x21, RR_FF, base, problem, load_negative<Long>, "1,2 | f2=4110000000000000 -> f1=c110000000000000 cc=1"),
    insn("LNXR", 0xB361, RRE_XX, base, problem, load_negative<Extended>,
        "1,4 | f4=c110000000000000 f6=0 -> f1=c110000000000000 f3=b300000000000000 cc=1"),
    insn("LPER", 0x30, RR_FF, base, problem, load_positive<Short>, "1,2 | f2=c110000000000000 -> f1=4110000000000000 cc=2"),
    insn("LPDR", 0x20, RR_FF, base, problem, load_positive<Long>, "1,2 | f2=c110000000000000 -> f1=4110000000000000 cc=2"),
    insn("LPXR", 0xB360, RRE_XX, base, problem, load_positive<Extended>,
        "1,4 | f4=c110000000000000 f6=0 -> f1=4110000000000000 f3=3300000000000000 cc=2"),

    insn("HER", 0x34, RR_FF, base, problem, halve<Short>, "1,2 | f2=4130000000000000 -> f1=4118000000000000",
        "1,2 | f2=4110000000000000 -> f1=4080000000000000", "1,2 | f2=c200000100000000 -> f1=bc80000000000000"),
    insn("HDR", 0x24, RR_FF, base, problem, halve<Long>, "1,2 | f2=8010000000000000 -> f1=0000000000000000",
        "1,2 | f2=8010000000000000 pm=2 -> f1=ff80000000000000 pgm=d", "1,2 | f2=c500000000000000 -> f1=0000000000000000"),

    insn("FIER", 0xB377, RRE_FF, base, problem, load_integer<Short>, "1,2 | f2=c129000000000000 -> f1=c120000000000000",
        "1,2 | f2=c0ff000000000000 -> f1=0000000000000000"),
    insn("FIDR", 0xB37F, RRE_FF, base, problem, load_integer<Long>, "1,2 | f2=4600000123456789 -> f1=4110000000000000"),
    insn("FIXR", 0xB367, RRE_XX, base, problem, load_integer<Extended>,
        "1,4 | f4=4f10000000000000 f6=4112345678901234 -> f1=4f10000000000000 f3=4110000000000000"),

    insn("LDER", 0xB324, RRE_FF, base, problem, load_lengthened<Long, Short>, "1,2 | f2=c100000133333333 -> f1=c100000100000000"),
    insn("LXDR", 0xB325, RRE_XF, base, problem, load_lengthened<Extended, Long>,
        "1,2 | f2=8110000000000000 -> f1=8110000000000000 f3=f300000000000000",
        "1,2 | f2=c100000000000000 -> f1=8000000000000000 f3=8000000000000000"),
    insn("LXER", 0xB326, RRE_XF, base, problem, load_lengthened<Extended, Short>,
        "1,2 | f2=4110000033333333 -> f1=4110000000000000 f3=3300000000000000"),
    insn("LDE", 0xED24, RXE_F, base, problem, load_lengthened<Long, Short>, "1,0(0,2) | r2=2000 m2000=41200000 -> f1=4120000000000000"),
    insn("LXD", 0xED25, RXE_X, base, problem, load_lengthened<Extended, Long>,
        "1,0(0,2) | r2=2000 m2000=4120000000000000 -> f1=4120000000000000 f3=3300000000000000"),
    insn("LXE", 0xED26, RXE_X, base, problem, load_lengthened<Extended, Short>,
        "1,0(0,2) | r2=2000 m2000=41200000 -> f1=4120000000000000 f3=3300000000000000"),

    insn("LEDR", 0x35, RR_FF, base, problem, load_rounded<Short, Long>,
        "1,2 | f1=1111111122222222 f2=4112345680000000 -> f1=4112345722222222", "1,2 | f2=41ffffff80000000 -> f1=4210000000000000",
        "1,2 | f2=ffffffff80000000 -> f1=8010000000000000 pgm=c", "1,2 | f2=410000007fffffff -> f1=4100000000000000"),
    insn("LDXR", 0x25, RR_FX, base, problem, load_rounded<Long, Extended>,
        "1,4 | f4=4100000000000001 f6=3380000000000000 -> f1=4100000000000002"),
    insn("LEXR", 0xB366, RRE_FX, base, problem, load_rounded<Short, Extended>, "1,4 | f4=c123456780000000 f6=0 -> f1=c123456800000000"),
};

} // namespace

extern constexpr Group hfp_load { rows };

} // namespace zvisor::isa
