// DIVIDE, DIVIDE TO INTEGER and SQUARE ROOT: PoP ch. 19.
#include "isa/bfp/arithmetic.h"

namespace zvisor::isa {

namespace {

template<class F>
constexpr auto divide = [](auto& c, auto r1, auto second) {
    auto b = get<F>(c, second);
    bfp_operation<Division<F>>(c, r1, [&c, r1](auto result) { put<F>(c, r1, result); }, get<F>(c, r1), b);
};

template<class F>
constexpr auto square_root = [](auto& c, auto r1, auto second) {
    auto a = get<F>(c, second);
    bfp_operation<SquareRoot<F>>(c, r1, [&c, r1](auto result) { put<F>(c, r1, result); }, a);
};

template<class F>
constexpr auto divide_to_integer = [](Cpu& c, Fr r1, Fr r3, Fr r2, Mask m4) {
    if (r1 == r2 || r2 == r3 || r1 == r3)
        c.specification();
    Rounding rounding = selected_rounding(c, m4);
    auto operation = [&](Environment& work) { return softfloat::divide_to_integer<F>(get<F>(c, r1), get<F>(c, r2), rounding, work); };
    auto store = [&](const softfloat::IntegerQuotient<F>& result) {
        put<F>(c, r1, result.remainder);
        put<F>(c, r3, result.quotient);
        c.cc(result.condition_code);
    };
    exactly(c, environment(c), operation, store);
};

constexpr Row rows[] = {
    insn(
        "DEBR", 0xB30D, RRE_FF, base, bfp, divide<Short>, "1,2 | f1=3f80000000000000 f2=4040000000000000 -> f1=3eaaaaab00000000 fpc=80000"),
    insn("DDBR", 0xB31D, RRE_FF, base, bfp, divide<Long>, "1,2 | f1=4018000000000000 f2=4008000000000000 -> f1=4000000000000000",
        "1,2 | f1=bff0000000000000 f2=0000000000000000 -> f1=fff0000000000000 fpc=400000",
        "1,2 | f1=bff0000000000000 f2=0000000000000000 fpc=40000000 -> fpc=40004000 pgm=7"),
    insn("DXBR", 0xB34D, RRE_XX, base, bfp, divide<Extended>,
        "1,4 | f1=3fff000000000000 f4=4000800000000000 -> f1=3ffd555555555555 f3=5555555555555555 fpc=80000"),
    insn("DEB", 0xED0D, RXE_F, base, bfp, divide<Short>, "1,0(2) | f1=40c0000000000000 r2=2000 m2000=40400000 -> f1=4000000000000000"),
    insn("DDB", 0xED1D, RXE_F, base, bfp, divide<Long>,
        "1,0(2) | f1=4018000000000000 r2=2000 m2000=4008000000000000 -> f1=4000000000000000"),

    insn("SQEBR", 0xB314, RRE_FF, base, bfp, square_root<Short>, "1,2 | f2=4110000000000000 -> f1=4040000000000000"),
    insn("SQDBR", 0xB315, RRE_FF, base, bfp, square_root<Long>, "1,2 | f2=4000000000000000 -> f1=3ff6a09e667f3bcd fpc=80000",
        "1,2 | f2=c000000000000000 -> f1=7ff8000000000000 fpc=800000", "1,2 | f2=8000000000000000 -> f1=8000000000000000"),
    insn("SQXBR", 0xB316, RRE_XX, base, bfp, square_root<Extended>, "1,4 | f4=4001000000000000 -> f1=4000000000000000 f3=0"),
    insn("SQEB", 0xED14, RXE_F, base, bfp, square_root<Short>, "1,0(2) | r2=2000 m2000=41100000 -> f1=4040000000000000"),
    insn("SQDB", 0xED15, RXE_F, base, bfp, square_root<Long>, "1,0(2) | r2=2000 m2000=4022000000000000 -> f1=4008000000000000"),

    insn("DIEBR", 0xB353, RRF_b_FFF, base, bfp, divide_to_integer<Short>,
        "1,3,2,5 | f1=4120000000000000 f2=4040000000000000 -> f1=3f80000000000000 f3=4040000000000000 cc=0",
        "1,3,2,0 | f1=4e80000200000000 f2=4040000000000000 -> f1=4200000000000000 f3=4daaaaad00000000 cc=2", "1,3,1,5 | -> pgm=6"),
    insn("DIDBR", 0xB35B, RRF_b_FFF, base, bfp, divide_to_integer<Long>,
        "1,3,2,5 | f1=4024000000000000 f2=4008000000000000 -> f1=3ff0000000000000 f3=4008000000000000 cc=0",
        "1,3,2,6 | f1=4024000000000000 f2=4008000000000000 -> f1=c000000000000000 f3=4010000000000000 cc=0",
        "1,3,2,4 | f1=4350000000000001 f2=4008000000000000 -> f1=bff0000000000000 f3=4335555555555557 cc=0"),
};

} // namespace

extern constexpr Group bfp_divide { rows };

} // namespace zvisor::isa
