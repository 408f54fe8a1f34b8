// MULTIPLY AND ADD, MULTIPLY AND SUBTRACT, MULTIPLY AND ADD UNNORMALIZED, MULTIPLY UNNORMALIZED: PoP ch. 18.
#include "isa/hfp/operation.h"

namespace zvisor::isa {

namespace {

using namespace hfp;

// ---- Normalized --------------------------------------------------------------------------------------------

/// third * second + first, or - first.
template<class F, bool Subtract>
constexpr auto multiply_and_add = [](Cpu& c, Fr r1, Fr r3, auto second) {
    Number b = number<F>(c, second);
    Number addend = number<F>(c, r1);
    addend.negative ^= Subtract;
    finish<F>(c, r1, multiply_add(number<F>(c, r3), b, addend));
};

// ---- Unnormalized ------------------------------------------------------------------------------------------

void put_high(Cpu& c, u8 r1, const Number& value)
{
    c.f(r1, pack<Long>(value));
}
void put_low(Cpu& c, u8 r1, const Number& value)
{
    c.f(r1, pack_low(value));
}
/// Either register of the pair may be named.
void put_both(Cpu& c, u8 r1, const Number& value)
{
    u8 high = r1 & 0xd;
    c.f(high, pack<Long>(value));
    c.f(static_cast<u8>(high + 2), pack_low(value));
}

template<auto Put>
constexpr auto multiply_unnormalized = [](Cpu& c, auto r1, Fr r3, auto second) {
    Number b = number<Long>(c, second);
    Put(c, r1, product_unnormalized(number<Long>(c, r3), b));
};
template<auto Put>
constexpr auto multiply_and_add_unnormalized = [](Cpu& c, Fr r1, Fr r3, auto second) {
    Number b = number<Long>(c, second);
    Put(c, r1, hfp::multiply_add_unnormalized(number<Long>(c, r3), b, number<Long>(c, r1)));
};

constexpr Facility normalized = Facility::hfp_multiply_add_subtract;
constexpr Facility unnormalized = Facility::hfp_unnormalized_extensions;

constexpr Row rows[] = {
    insn("MAER", 0xB32E, RRD_FFF, normalized, problem, multiply_and_add<Short, false>,
        "1,3,2 | f1=4110000033333333 f2=4120000000000000 f3=4130000000000000 -> f1=4170000033333333",
        "1,3,2 | f1=41ffffff00000000 f2=4110000100000000 f3=c1fffffe00000000 -> f1=bceffffe00000000"),
    insn("MADR", 0xB33E, RRD_FFF, normalized, problem, multiply_and_add<Long, false>,
        "1,3,2 | f1=c160000000000000 f2=4120000000000000 f3=4130000000000000 -> f1=0000000000000000",
        "1,3,2 | f1=4110000000000000 f2=8010000000000000 f3=4110000000000000 -> f1=40ffffffffffffff"),
    insn("MAE", 0xED2E, RXF_FF, normalized, problem, multiply_and_add<Short, false>,
        "1,3,0(0,2) | f1=4110000000000000 f3=4130000000000000 r2=2000 m2000=41200000 -> f1=4170000000000000"),
    insn("MAD", 0xED3E, RXF_FF, normalized, problem, multiply_and_add<Long, false>,
        "1,3,0(0,2) | f1=0010000000000000 f3=7f10000000000000 r2=2000 m2000=7f10000000000000 -> f1=3d10000000000000 pgm=c"),
    insn("MSER", 0xB32F, RRD_FFF, normalized, problem, multiply_and_add<Short, true>,
        "1,3,2 | f1=4110000033333333 f2=4120000000000000 f3=4130000000000000 -> f1=4150000033333333"),
    insn("MSDR", 0xB33F, RRD_FFF, normalized, problem, multiply_and_add<Long, true>,
        "1,3,2 | f1=4110000000000000 f2=4100000000000000 f3=4130000000000000 -> f1=c110000000000000"),
    insn("MSE", 0xED2F, RXF_FF, normalized, problem, multiply_and_add<Short, true>,
        "1,3,0(0,2) | f1=4110000000000000 f3=4130000000000000 r2=2000 m2000=41200000 -> f1=4150000000000000"),
    insn("MSD", 0xED3F, RXF_FF, normalized, problem, multiply_and_add<Long, true>,
        "1,3,0(0,2) | f1=4160000000000000 f3=4130000000000000 r2=2000 m2000=4120000000000000 -> f1=0000000000000000"),

    insn("MYLR", 0xB339, RRD_FFF, unnormalized, problem, multiply_unnormalized<put_low>,
        "1,3,2 | f2=4e00000000000003 f3=ce00000000000005 -> f1=ce0000000000000f"),
    insn("MYHR", 0xB33D, RRD_FFF, unnormalized, problem, multiply_unnormalized<put_high>,
        "1,3,2 | f2=4110000000000000 f3=c110000000000000 -> f1=c201000000000000"),
    insn("MYR", 0xB33B, RRD_XFF, unnormalized, problem, multiply_unnormalized<put_both>,
        "1,3,2 | f2=4110000000000003 f3=c110000000000000 -> f1=c201000000000000 f3=b430000000000000", "2,1,1 | -> pgm=6"),
    insn("MYL", 0xED39, RXF_FF, unnormalized, problem, multiply_unnormalized<put_low>,
        "1,3,0(0,2) | f3=4e00000000000005 r2=2000 m2000=4e00000000000003 -> f1=4e0000000000000f"),
    insn("MYH", 0xED3D, RXF_FF, unnormalized, problem, multiply_unnormalized<put_high>,
        "1,3,0(0,2) | f3=4e00000000000005 r2=2000 m2000=4e00000000000003 -> f1=5c00000000000000"),
    insn("MY", 0xED3B, RXF_XF, unnormalized, problem, multiply_unnormalized<put_both>,
        "1,4,0(0,2) | f4=4e00000000000005 r2=2000 m2000=4e00000000000003 -> f1=5c00000000000000 f3=4e0000000000000f"),
    insn("MAYLR", 0xB338, RRD_FFF, unnormalized, problem, multiply_and_add_unnormalized<put_low>,
        "1,3,2 | f1=4e00000000000001 f2=4e00000000000003 f3=4e00000000000005 -> f1=4e00000000000010"),
    insn("MAYHR", 0xB33C, RRD_FFF, unnormalized, problem, multiply_and_add_unnormalized<put_high>,
        "1,3,2 | f1=4110000000000000 f2=4110000000000000 f3=4110000000000000 -> f1=4202000000000000"),
    insn("MAYR", 0xB33A, RRD_FFF, unnormalized, problem, multiply_and_add_unnormalized<put_both>,
        "3,4,5 | f3=4e00000000000001 f4=4e00000000000003 f5=ce00000000000005 -> f1=dc00000000000000 f3=ce0000000000000e",
        "1,4,5 | f1=4e00000000000001 f4=4e00000000000001 f5=ce00000000000001 -> f1=5c00000000000000 f3=4e00000000000000"),
    insn("MAYL", 0xED38, RXF_FF, unnormalized, problem, multiply_and_add_unnormalized<put_low>,
        "1,3,0(0,2) | f1=4e00000000000001 f3=4e00000000000005 r2=2000 m2000=4e00000000000003 -> f1=4e00000000000010"),
    insn("MAYH", 0xED3C, RXF_FF, unnormalized, problem, multiply_and_add_unnormalized<put_high>,
        "1,3,0(0,2) | f1=4110000000000000 f3=4110000000000000 r2=2000 m2000=c110000000000000 -> f1=4200000000000000"),
    insn("MAY", 0xED3A, RXF_FF, unnormalized, problem, multiply_and_add_unnormalized<put_both>,
        "1,4,0(0,2) | f1=4e00000000000001 f4=4e00000000000005 r2=2000 m2000=4e00000000000003 -> f1=5c00000000000000 f3=4e00000000000010"),
};

} // namespace

extern constexpr Group hfp_multiply_add { rows };

} // namespace zvisor::isa
