// MULTIPLY, MULTIPLY AND ADD, MULTIPLY AND SUBTRACT: PoP ch. 19.
#include "isa/bfp/arithmetic.h"

namespace zvisor::isa {

namespace {

template<class To, class From = To>
constexpr auto multiply = [](auto& c, auto r1, auto second) {
    auto b = get<From>(c, second);
    auto store = [&c, r1](auto result) { put<To>(c, r1, result); };
    bfp_operation<Multiplication<To, From>>(c, r1, store, get<From>(c, r1), b);
};

/// Of several NaNs the second operand's comes first, then the third's.
template<class Operation>
constexpr auto fused = [](auto& c, Fr r1, Fr r3, auto second) {
    using F = typename Operation::Format;
    auto b = get<F>(c, second);
    auto store = [&c, r1](auto result) { put<F>(c, r1, result); };
    bfp_operation<Operation>(c, r1, store, b, get<F>(c, r3), get<F>(c, r1));
};
template<class F>
constexpr auto multiply_add = fused<MultiplyAdd<F>>;
template<class F>
constexpr auto multiply_subtract = fused<MultiplySubtract<F>>;

constexpr Row rows[] = {
    insn("MEEBR", 0xB317, RRE_FF, base, bfp, multiply<Short>, "1,2 | f1=4000000000000000 f2=4040000000000000 -> f1=40c0000000000000",
        "1,2 | f1=7f00000000000000 f2=7f00000000000000 -> f1=7f80000000000000 fpc=280000",
        "1,2 | f1=7f00000000000000 f2=7f00000000000000 fpc=8000001 -> f1=7f7fffff00000000 fpc=8200801 pgm=7"),
    insn("MDBR", 0xB31C, RRE_FF, base, bfp, multiply<Long>, "1,2 | f1=4000000000000000 f2=c008000000000000 -> f1=c018000000000000",
        "1,2 | f1=0010000000000000 f2=3fd0000000000000 -> f1=0004000000000000",
        "1,2 | f1=0000000000000001 f2=3fd0000000000000 -> f1=0000000000000000 fpc=180000"),
    insn(
        "MXBR", 0xB34C, RRE_XX, base, bfp, multiply<Extended>, "1,4 | f1=4000000000000000 f4=4000800000000000 -> f1=4001800000000000 f3=0"),
    insn("MDEBR", 0xB30C, RRE_FF, base, bfp, multiply<Long, Short>, "1,2 | f1=3f80000100000000 f2=3f80000100000000 -> f1=3ff0000040000040"),
    insn("MXDBR", 0xB307, RRE_XF, base, bfp, multiply<Extended, Long>,
        "1,2 | f1=3ff0000000000001 f2=3ff0000000000001 -> f1=3fff000000000000 f3=2000000000000100"),
    insn("MEEB", 0xED17, RXE_F, base, bfp, multiply<Short>, "1,0(2) | f1=4000000000000000 r2=2000 m2000=40400000 -> f1=40c0000000000000"),
    insn("MDB", 0xED1C, RXE_F, base, bfp, multiply<Long>,
        "1,0(2) | f1=4000000000000000 r2=2000 m2000=4008000000000000 -> f1=4018000000000000"),
    insn("MDEB", 0xED0C, RXE_F, base, bfp, multiply<Long, Short>,
        "1,0(2) | f1=7f80000000000000 r2=2000 m2000=00000000 -> f1=7ff8000000000000 fpc=800000"),
    insn("MXDB", 0xED07, RXE_X, base, bfp, multiply<Extended, Long>,
        "1,0(2) | f1=4000000000000000 r2=2000 m2000=4008000000000000 -> f1=4001800000000000 f3=0"),

    insn("MAEBR", 0xB30E, RRD_FFF, base, bfp, multiply_add<Short>,
        "1,2,3 | f1=3f80000000000000 f2=4000000000000000 f3=4040000000000000 -> f1=40e0000000000000",
        "1,2,3 | f1=7fc0000100000000 f2=7fc0000200000000 f3=7fc0000300000000 -> f1=7fc0000300000000"),
    insn("MADBR", 0xB31E, RRD_FFF, base, bfp, multiply_add<Long>,
        "1,2,3 | f1=bff0000000000000 f2=3ff0000000000001 f3=3ff0000000000001 -> f1=3cc0000000000000 fpc=80000",
        "1,2,3 | f1=7ff8000000000001 f2=7ff0000000000000 f3=0000000000000000 -> f1=7ff8000000000000 fpc=800000"),
    insn("MAEB", 0xED0E, RXF_FF, base, bfp, multiply_add<Short>,
        "1,2,0(3) | f1=3f80000000000000 f2=4000000000000000 r3=2000 m2000=40400000 -> f1=40e0000000000000"),
    insn("MADB", 0xED1E, RXF_FF, base, bfp, multiply_add<Long>,
        "1,2,0(3) | f1=3ff0000000000000 f2=4000000000000000 r3=2000 m2000=4008000000000000 -> f1=401c000000000000"),
    insn("MSEBR", 0xB30F, RRD_FFF, base, bfp, multiply_subtract<Short>,
        "1,2,3 | f1=3f80000000000000 f2=4000000000000000 f3=4040000000000000 -> f1=40a0000000000000"),
    insn("MSDBR", 0xB31F, RRD_FFF, base, bfp, multiply_subtract<Long>,
        "1,2,3 | f1=3ff0000000000000 f2=4000000000000000 f3=4008000000000000 -> f1=4014000000000000"),
    insn("MSEB", 0xED0F, RXF_FF, base, bfp, multiply_subtract<Short>,
        "1,2,0(3) | f1=3f80000000000000 f2=4000000000000000 r3=2000 m2000=40400000 -> f1=40a0000000000000"),
    insn("MSDB", 0xED1F, RXF_FF, base, bfp, multiply_subtract<Long>,
        "1,2,0(3) | f1=3ff0000000000000 f2=4000000000000000 r3=2000 m2000=4008000000000000 -> f1=4014000000000000"),
};

} // namespace

extern constexpr Group bfp_multiply { rows };

} // namespace zvisor::isa
