// MULTIPLY, DIVIDE, SQUARE ROOT: PoP ch. 18.
#include "isa/hfp/operation.h"

namespace zvisor::isa {

namespace {

using namespace hfp;

template<class To, class From>
constexpr auto multiply = [](Cpu& c, auto r1, auto second) {
    Number b = number<From>(c, second);
    finish<To>(c, r1, product(number<From>(c, r1), b));
};

template<class F>
constexpr auto divide = [](Cpu& c, auto r1, auto second) {
    Number b = number<F>(c, second);
    if (b.zero())
        c.program(ProgramCode::hfp_divide);
    finish<F>(c, r1, quotient(number<F>(c, r1), b, F::digits));
};

template<class F>
constexpr auto square_root = [](Cpu& c, auto r1, auto second) {
    Number a = number<F>(c, second);
    if (a.negative && !a.zero())
        c.program(ProgramCode::hfp_square_root);
    put<F>(c, r1, root(a, F::digits));
};

constexpr Row rows[] = {
    insn("MDER", 0x3C, RR_FF, base, problem, multiply<Long, Short>, "1,2 | f1=41fffffff0000000 f2=c1ffffff00000000 -> f1=c2fffffe00000100",
        "1,2 | f1=4100000000000000 f2=c1ffffff00000000 -> f1=0000000000000000"),
    insn("MEER", 0xB337, RRE_FF, base, problem, multiply<Short, Short>,
        "1,2 | f1=41ffffff33333333 f2=c1ffffff00000000 -> f1=c2fffffe33333333",
        "1,2 | f1=7110000000000000 f2=7110000000000000 -> f1=2110000000000000 pgm=c"),
    insn("MDR", 0x2C, RR_FF, base, problem, multiply<Long, Long>, "1,2 | f1=4600000123456789 f2=4200200000000000 -> f1=402468acf1200000"),
    insn("MXDR", 0x27, RR_XF, base, problem, multiply<Extended, Long>,
        "1,2 | f1=4110000000000001 f2=4110000000000001 -> f1=4110000000000002 f3=3300000000000010"),
    insn("MXR", 0x26, RR_XX, base, problem, multiply<Extended, Extended>,
        "1,4 | f1=4120000000000000 f3=0000000000000001 f4=4130000000000000 f6=0 -> f1=4160000000000000 f3=3300000000000003",
        "1,4 | f1=0110000000000000 f3=0 f4=0110000000000000 f6=0 -> f1=0 f3=0",
        "1,4 | f1=0110000000000000 f3=0 f4=0110000000000000 f6=0 pm=2 -> f1=4110000000000000 f3=3300000000000000 pgm=d"),
    insn("MDE", 0x7C, RX_F, base, problem, multiply<Long, Short>,
        "1,0(0,2) | f1=4120000000000000 r2=2000 m2000=41300000 -> f1=4160000000000000"),
    insn("MEE", 0xED37, RXE_F, base, problem, multiply<Short, Short>,
        "1,0(0,2) | f1=4120000033333333 r2=2000 m2000=41300000 -> f1=4160000033333333"),
    insn("MD", 0x6C, RX_F, base, problem, multiply<Long, Long>,
        "1,0(0,2) | f1=4120000000000000 r2=2000 m2000=4130000000000000 -> f1=4160000000000000"),
    insn("MXD", 0x67, RX_X, base, problem, multiply<Extended, Long>,
        "1,0(0,2) | f1=4120000000000000 r2=2000 m2000=c130000000000000 -> f1=c160000000000000 f3=b300000000000000"),

    insn("DER", 0x3D, RR_FF, base, problem, divide<Short>, "1,2 | f1=4110000033333333 f2=4130000000000000 -> f1=4055555533333333",
        "1,2 | f1=4110000000000000 f2=4100000000000000 -> pgm=f",
        "1,2 | f1=7f10000000000000 f2=0110000000000000 -> f1=3f10000000000000 pgm=c"),
    insn("DDR", 0x2D, RR_FF, base, problem, divide<Long>, "1,2 | f1=4160000000000000 f2=c130000000000000 -> f1=c120000000000000",
        "1,2 | f1=0110000000000000 f2=7f10000000000000 -> f1=0000000000000000"),
    insn("DXR", 0xB22D, RRE_XX, base, problem, divide<Extended>,
        "1,4 | f1=4110000000000000 f3=0 f4=4130000000000000 f6=0 -> f1=4055555555555555 f3=3255555555555555"),
    insn("DE", 0x7D, RX_F, base, problem, divide<Short>, "1,0(0,2) | f1=4160000000000000 r2=2000 m2000=41300000 -> f1=4120000000000000"),
    insn("DD", 0x6D, RX_F, base, problem, divide<Long>, "1,0(0,2) | f1=4160000000000000 r2=2000 m2000=4100000000000000 -> pgm=f"),

    insn("SQER", 0xB245, RRE_FF, base, problem, square_root<Short>, "1,2 | f1=0000000033333333 f2=4120000000000000 -> f1=4116a09e33333333",
        "1,2 | f2=c120000000000000 -> pgm=1d", "1,2 | f2=c100000000000000 -> f1=0000000000000000"),
    insn("SQDR", 0xB244, RRE_FF, base, problem, square_root<Long>, "1,2 | f2=4219000000000000 -> f1=4150000000000000",
        "1,2 | f2=4120000000000000 -> f1=4116a09e667f3bcd"),
    insn("SQXR", 0xB336, RRE_XX, base, problem, square_root<Extended>,
        "1,4 | f4=4120000000000000 f6=0 -> f1=4116a09e667f3bcc f3=33908b2fb1366ea9"),
    insn("SQE", 0xED34, RXE_F, base, problem, square_root<Short>, "1,0(0,2) | r2=2000 m2000=41400000 -> f1=4120000000000000"),
    insn("SQD", 0xED35, RXE_F, base, problem, square_root<Long>, "1,0(0,2) | r2=2000 m2000=0010000000000000 -> f1=2040000000000000"),
};

} // namespace

extern constexpr Group hfp_multiply { rows };

} // namespace zvisor::isa
