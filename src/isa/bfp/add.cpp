// ADD and SUBTRACT: PoP ch. 19.
#include "isa/bfp/arithmetic.h"

namespace zvisor::isa {

namespace {

template<class Operation>
constexpr auto with_code = [](auto& c, auto r1, auto second) {
    using F = typename Operation::Format;
    auto b = get<F>(c, second);
    auto store = [&c, r1](auto result) {
        put<F>(c, r1, result);
        set_code<F>(c, result);
    };
    bfp_operation<Operation>(c, r1, store, get<F>(c, r1), b);
};

constexpr Row rows[] = {
    insn("AEBR", 0xB30A, RRE_FF, base, bfp, with_code<Addition<Short>>,
        "1,2 | f1=3f80000011111111 f2=4000000022222222 -> f1=4040000011111111 cc=2",
        "1,2 | f1=7f80000000000000 f2=ff80000000000000 -> f1=7fc0000000000000 cc=3 fpc=800000",
        "1,2 | f1=7f7fffff00000000 f2=7f7fffff00000000 fpc=20000000 -> f1=1fffffff00000000 cc=2 fpc=20002000 pgm=7"),
    insn("ADBR", 0xB31A, RRE_FF, base, bfp, with_code<Addition<Long>>,
        "1,2 | f1=3ff0000000000000 f2=c000000000000000 -> f1=bff0000000000000 cc=1",
        "1,2 | f1=3ff0000000000000 f2=3c00000000000000 -> cc=2 fpc=80000",
        "1,2 | f1=3ff0000000000000 f2=bff0000000000000 fpc=3 -> f1=8000000000000000 cc=0",
        "1,2 | f1=3ff0000000000000 f2=3c00000000000000 fpc=8000002 -> f1=3ff0000000000001 cc=2 fpc=8000c02 pgm=7"),
    insn("AXBR", 0xB34A, RRE_XX, base, bfp, with_code<Addition<Extended>>,
        "1,4 | f1=3fff000000000000 f4=3f8f000000000000 f6=0000000000000000 -> f1=3fff000000000000 f3=0000000000000001 cc=2"),
    insn("AEB", 0xED0A, RXE_F, base, bfp, with_code<Addition<Short>>,
        "1,0(2) | f1=3f80000000000000 r2=2000 m2000=40000000 -> f1=4040000000000000 cc=2"),
    insn("ADB", 0xED1A, RXE_F, base, bfp, with_code<Addition<Long>>,
        "1,0(2) | f1=3ff0000000000000 r2=2000 m2000=7ff0000000000001 fpc=80000000 -> fpc=80008000 pgm=7"),
    insn("SEBR", 0xB30B, RRE_FF, base, bfp, with_code<Subtraction<Short>>,
        "1,2 | f1=3f80000000000000 f2=4000000000000000 -> f1=bf80000000000000 cc=1"),
    insn("SDBR", 0xB31B, RRE_FF, base, bfp, with_code<Subtraction<Long>>,
        "1,2 | f1=3ff0000000000000 f2=3ff0000000000000 -> f1=0000000000000000 cc=0"),
    insn("SXBR", 0xB34B, RRE_XX, base, bfp, with_code<Subtraction<Extended>>,
        "1,4 | f1=3fff000000000000 f3=1 f4=3fff000000000000 -> f1=3f8f000000000000 f3=0 cc=2"),
    insn("SEB", 0xED0B, RXE_F, base, bfp, with_code<Subtraction<Short>>,
        "1,0(2) | f1=3f80000000000000 r2=2000 m2000=3f000000 -> f1=3f00000000000000 cc=2"),
    insn("SDB", 0xED1B, RXE_F, base, bfp, with_code<Subtraction<Long>>,
        "1,0(2) | f1=0010000000000001 r2=2000 m2000=0010000000000000 -> f1=0000000000000001 cc=2",
        "1,0(2) | f1=0010000000000001 r2=2000 m2000=0010000000000000 fpc=10000000 -> f1=5cd0000000000000 cc=2 fpc=10001000 pgm=7"),
};

} // namespace

extern constexpr Group bfp_add { rows };

} // namespace zvisor::isa
