// LOAD ON CONDITION, STORE ON CONDITION, LOAD HALFWORD IMMEDIATE ON CONDITION, SELECT (PoP ch. 7).

#include "isa/insn.h"

#include "cpu/cpu.h"

namespace zvisor::isa {

namespace {

// A storage operand is fetched whether or not the condition is met, as the book allows.
constexpr auto load_on_condition_32 = [](auto& c, Gr r1, auto src, Mask m3) {
    auto value = get32(c, src);
    c.w(r1, c.select(c.cc_in(m3), value, c.w(r1)));
};
constexpr auto load_on_condition_64 = [](auto& c, Gr r1, auto src, Mask m3) {
    auto value = get64(c, src);
    c.g(r1, c.select(c.cc_in(m3), value, c.g(r1)));
};
constexpr auto load_on_condition_high = [](auto& c, Gr r1, Storage s, Mask m3) {
    auto value = c.load32(c.ea(s));
    c.h(r1, c.select(c.cc_in(m3), value, c.h(r1)));
};
constexpr auto load_on_condition_high_register = [](auto& c, Gr r1, Gr r2, Mask m3) { c.h(r1, c.select(c.cc_in(m3), c.h(r2), c.h(r1))); };
constexpr auto load_immediate_on_condition_high
    = [](auto& c, Gr r1, Signed i2, Mask m3) { c.h(r1, c.select(c.cc_in(m3), get32(c, i2), c.h(r1))); };

constexpr auto store_on_condition_32 = [](Cpu& c, Gr r1, Storage s, Mask m3) {
    if (c.cc_in(m3))
        c.store32(c.ea(s), c.w(r1));
};
constexpr auto store_on_condition_64 = [](Cpu& c, Gr r1, Storage s, Mask m3) {
    if (c.cc_in(m3))
        c.store64(c.ea(s), c.g(r1));
};
constexpr auto store_on_condition_high = [](Cpu& c, Gr r1, Storage s, Mask m3) {
    if (c.cc_in(m3))
        c.store32(c.ea(s), c.h(r1));
};

constexpr auto select_32 = [](auto& c, Gr r1, Gr r2, Gr r3, Mask m4) { c.w(r1, c.select(c.cc_in(m4), c.w(r2), c.w(r3))); };
constexpr auto select_64 = [](auto& c, Gr r1, Gr r2, Gr r3, Mask m4) { c.g(r1, c.select(c.cc_in(m4), c.g(r2), c.g(r3))); };
constexpr auto select_high = [](auto& c, Gr r1, Gr r2, Gr r3, Mask m4) { c.h(r1, c.select(c.cc_in(m4), c.h(r2), c.h(r3))); };

constexpr Row rows[] = {
    insn("LOCR", 0xB9F2, RRF_c, Facility::distinct_operands, problem, load_on_condition_32,
        "1,2,8 | r1=1122334455667788 r2=5 -> r1=1122334400000005", "1,2,7 | r1=1 r2=5 -> r1=1"),
    insn("LOCGR", 0xB9E2, RRF_c, Facility::distinct_operands, problem, load_on_condition_64,
        "1,2,4 | r1=1 r2=100000005 cc=1 -> r1=100000005", "1,2,11 | r1=1 r2=5 cc=1 -> r1=1"),
    insn("LOC", 0xEBF2, RSY_cond, Facility::distinct_operands, problem, load_on_condition_32,
        "1,0(5),2 | r1=1 r5=2000 m2000=00000005 cc=2 -> r1=5", "1,0(5),2 | r1=1 r5=2000 m2000=00000005 cc=1 -> r1=1"),
    insn("LOCG", 0xEBE2, RSY_cond, Facility::distinct_operands, problem, load_on_condition_64,
        "1,-8(5),1 | r5=2000 m1ff8=0000000100000005 cc=3 -> r1=100000005"),
    insn("STOC", 0xEBF3, RSY_cond, Facility::distinct_operands, problem, store_on_condition_32,
        "1,0(5),8 | r1=5 r5=2000 m2000=00000000 -> m2000=00000005", "1,0(5),7 | r1=5 r5=2000 m2000=00000000 -> m2000=00000000"),
    insn("STOCG", 0xEBE3, RSY_cond, Facility::distinct_operands, problem, store_on_condition_64,
        "1,0(5),8 | r1=5 r5=2000 m2000=0000000000000000 -> m2000=0000000000000005"),
    insn("LOCHI", 0xEC42, RIE_g, Facility::load_store_on_condition_2, problem, load_on_condition_32,
        "1,-2,8 | r1=1122334455667788 -> r1=11223344fffffffe", "1,-2,7 | r1=1 -> r1=1"),
    insn("LOCGHI", 0xEC46, RIE_g, Facility::load_store_on_condition_2, problem, load_on_condition_64, "1,-2,8 | -> r1=fffffffffffffffe"),
    insn("LOCHHI", 0xEC4E, RIE_g, Facility::load_store_on_condition_2, problem, load_immediate_on_condition_high,
        "1,-2,8 | r1=1122334455667788 -> r1=fffffffe55667788"),
    insn("LOCFHR", 0xB9E0, RRF_c, Facility::load_store_on_condition_2, problem, load_on_condition_high_register,
        "1,2,8 | r1=1122334455667788 r2=500000000 -> r1=555667788"),
    insn("LOCFH", 0xEBE0, RSY_cond, Facility::load_store_on_condition_2, problem, load_on_condition_high,
        "1,0(5),8 | r1=1122334455667788 r5=2000 m2000=00000005 -> r1=555667788"),
    insn("STOCFH", 0xEBE1, RSY_cond, Facility::load_store_on_condition_2, problem, store_on_condition_high,
        "1,0(5),8 | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=11223344"),
    insn("SELR", 0xB9F0, RRF_am, Facility::miscellaneous_instruction_extensions_3, problem, select_32,
        "1,2,3,8 | r1=1122334455667788 r2=5 r3=6 -> r1=1122334400000005", "1,2,3,7 | r1=1122334455667788 r2=5 r3=6 -> r1=1122334400000006"),
    insn("SELGR", 0xB9E3, RRF_am, Facility::miscellaneous_instruction_extensions_3, problem, select_64,
        "1,2,3,8 | r2=100000005 r3=6 -> r1=100000005", "1,2,3,7 | r2=5 r3=6 -> r1=6"),
    insn("SELFHR", 0xB9C0, RRF_am, Facility::miscellaneous_instruction_extensions_3, problem, select_high,
        "1,2,3,8 | r1=1122334455667788 r2=500000000 r3=6 -> r1=555667788",
        "1,2,3,7 | r1=1122334455667788 r2=500000000 r3=600000000 -> r1=655667788"),
};

} // namespace

extern constexpr Group general_conditional { rows };

} // namespace zvisor::isa
