// The high-word facility: instructions on bits 0-31 of general registers (PoP ch. 7).

#include "isa/general/sources.h"
#include "isa/general/target.h"

namespace zvisor::isa {

namespace {

constexpr auto add_high_high = [](auto& c, Gr r1, Gr r2, Gr r3) { c.h(r1, c.add_s(c.h(r2), c.h(r3))); };
constexpr auto add_high_low = [](auto& c, Gr r1, Gr r2, Gr r3) { c.h(r1, c.add_s(c.h(r2), c.w(r3))); };
constexpr auto add_logical_high_high = [](auto& c, Gr r1, Gr r2, Gr r3) { c.h(r1, c.add_u(c.h(r2), c.h(r3))); };
constexpr auto add_logical_high_low = [](auto& c, Gr r1, Gr r2, Gr r3) { c.h(r1, c.add_u(c.h(r2), c.w(r3))); };
constexpr auto subtract_high_high = [](auto& c, Gr r1, Gr r2, Gr r3) { c.h(r1, c.sub_s(c.h(r2), c.h(r3))); };
constexpr auto subtract_high_low = [](auto& c, Gr r1, Gr r2, Gr r3) { c.h(r1, c.sub_s(c.h(r2), c.w(r3))); };
constexpr auto subtract_logical_high_high = [](auto& c, Gr r1, Gr r2, Gr r3) { c.h(r1, c.sub_u(c.h(r2), c.h(r3))); };
constexpr auto subtract_logical_high_low = [](auto& c, Gr r1, Gr r2, Gr r3) { c.h(r1, c.sub_u(c.h(r2), c.w(r3))); };

constexpr auto add_immediate = [](auto& c, Gr r1, Signed i2) { c.h(r1, c.add_s(c.h(r1), get32(c, i2))); };
constexpr auto add_logical_immediate = [](auto& c, Gr r1, Signed i2) { c.h(r1, c.add_u(c.h(r1), get32(c, i2))); };
constexpr auto add_logical_immediate_no_cc = [](auto& c, Gr r1, Signed i2) { c.h(r1, c.h(r1) + get32(c, i2)); };

constexpr auto compare_high = [](auto& c, Gr r1, Gr r2) { c.compare_s(c.h(r1), c.h(r2)); };
constexpr auto compare_low = [](auto& c, Gr r1, Gr r2) { c.compare_s(c.h(r1), c.w(r2)); };
constexpr auto compare = [](auto& c, Gr r1, auto src) { c.compare_s(c.h(r1), get32(c, src)); };
constexpr auto compare_logical_high = [](auto& c, Gr r1, Gr r2) { c.compare_u(c.h(r1), c.h(r2)); };
constexpr auto compare_logical_low = [](auto& c, Gr r1, Gr r2) { c.compare_u(c.h(r1), c.w(r2)); };
constexpr auto compare_logical = [](auto& c, Gr r1, auto src) { c.compare_u(c.h(r1), get32(c, src)); };

constexpr auto branch_on_count = [](auto& c, Gr r1, Relative target) {
    auto count = c.h(r1) - 1;
    c.h(r1, count);
    branch_if_not_zero(c, count, branch_target(c, target));
};

constexpr auto load = [](auto& c, Gr r1, Storage s) { c.h(r1, get32(c, s)); };
constexpr auto load_byte = [](auto& c, Gr r1, Storage s) { c.h(r1, c.sx8(get_byte(c, s))); };
constexpr auto load_halfword = [](auto& c, Gr r1, Storage s) { c.h(r1, get32_from16(c, s)); };
constexpr auto load_logical_character = [](auto& c, Gr r1, Storage s) { c.h(r1, get_byte(c, s)); };
constexpr auto load_logical_halfword = [](auto& c, Gr r1, Storage s) { c.h(r1, get_halfword(c, s)); };
constexpr auto store = [](auto& c, Gr r1, Storage s) { c.store32(c.ea(s), c.h(r1)); };
constexpr auto store_halfword = [](auto& c, Gr r1, Storage s) { c.store16(c.ea(s), c.h(r1)); };
constexpr auto store_character = [](auto& c, Gr r1, Storage s) { c.store8(c.ea(s), c.h(r1)); };

constexpr Facility high_word = Facility::distinct_operands;

constexpr Row rows[] = {
    insn("AHHHR", 0xB9C8, RRF_a, high_word, overflow, add_high_high,
        "1,2,3 | r1=1122334455667788 r2=7fffffff00000000 r3=100000000 -> r1=8000000055667788 cc=3"),
    insn("AHHLR", 0xB9D8, RRF_a, high_word, overflow, add_high_low, "1,2,3 | r1=1122334455667788 r2=100000000 r3=2 -> r1=355667788 cc=2"),
    insn("ALHHHR", 0xB9CA, RRF_a, high_word, problem, add_logical_high_high,
        "1,2,3 | r1=55667788 r2=ffffffff00000000 r3=200000000 -> r1=155667788 cc=3"),
    insn("ALHHLR", 0xB9DA, RRF_a, high_word, problem, add_logical_high_low,
        "1,2,3 | r1=55667788 r2=ffffffff00000000 r3=2 -> r1=155667788 cc=3"),
    insn("SHHHR", 0xB9C9, RRF_a, high_word, overflow, subtract_high_high,
        "1,2,3 | r1=55667788 r2=100000000 r3=200000000 -> r1=ffffffff55667788 cc=1"),
    insn("SHHLR", 0xB9D9, RRF_a, high_word, overflow, subtract_high_low, "1,2,3 | r1=55667788 r2=300000000 r3=2 -> r1=155667788 cc=2"),
    insn("SLHHHR", 0xB9CB, RRF_a, high_word, problem, subtract_logical_high_high,
        "1,2,3 | r1=55667788 r2=100000000 r3=200000000 -> r1=ffffffff55667788 cc=1"),
    insn("SLHHLR", 0xB9DB, RRF_a, high_word, problem, subtract_logical_high_low,
        "1,2,3 | r1=55667788 r2=300000000 r3=2 -> r1=155667788 cc=3"),
    insn("AIH", 0xCC8, RIL_a, high_word, overflow, add_immediate, "1,-2 | r1=155667788 -> r1=ffffffff55667788 cc=1",
        "1,1 | r1=7fffffff00000000 pm=8 -> r1=8000000000000000 cc=3 pgm=8"),
    insn("ALSIH", 0xCCA, RIL_a, high_word, problem, add_logical_immediate, "1,-1 | r1=155667788 -> r1=55667788 cc=2"),
    insn("ALSIHN", 0xCCB, RIL_a, high_word, problem, add_logical_immediate_no_cc, "1,-1 | r1=155667788 cc=3 -> r1=55667788"),

    insn("CHHR", 0xB9CD, RRE, high_word, problem, compare_high, "1,2 | r1=8000000000000000 r2=100000000 -> cc=1"),
    insn("CHLR", 0xB9DD, RRE, high_word, problem, compare_low, "1,2 | r1=100000000 r2=ffffffff -> cc=2"),
    insn("CHF", 0xE3CD, RXY, high_word, problem, compare, "1,0(5) | r1=100000000 r5=2000 m2000=ffffffff -> cc=2"),
    insn("CIH", 0xCCD, RIL_a, high_word, problem, compare, "1,-1 | r1=ffffffff00000000 cc=1 -> cc=0"),
    insn("CLHHR", 0xB9CF, RRE, high_word, problem, compare_logical_high, "1,2 | r1=8000000000000000 r2=100000000 -> cc=2"),
    insn("CLHLR", 0xB9DF, RRE, high_word, problem, compare_logical_low, "1,2 | r1=100000000 r2=ffffffff -> cc=1"),
    insn("CLHF", 0xE3CF, RXY, high_word, problem, compare_logical, "1,0(5) | r1=100000000 r5=2000 m2000=ffffffff -> cc=1"),
    insn("CLIH", 0xCCF, RIL_au, high_word, problem, compare_logical, "1,4294967295 | r1=100000000 -> cc=1"),
    insn("BRCTH", 0xCC6, RIL_b, high_word, branch, branch_on_count, "1,0x20000 | r1=255667788 -> r1=155667788 ia=20000",
        "1,0x20000 | r1=155667788 -> r1=55667788 ia=1006"),

    insn("LFH", 0xE3CA, RXY, high_word, problem, load, "1,0(5) | r1=1122334455667788 r5=2000 m2000=80000001 -> r1=8000000155667788"),
    insn("LBH", 0xE3C0, RXY, high_word, problem, load_byte, "1,0(5) | r1=1122334455667788 r5=2000 m2000=80 -> r1=ffffff8055667788"),
    insn("LHH", 0xE3C4, RXY, high_word, problem, load_halfword, "1,0(5) | r1=1122334455667788 r5=2000 m2000=8001 -> r1=ffff800155667788"),
    insn("LLCH", 0xE3C2, RXY, high_word, problem, load_logical_character, "1,0(5) | r1=1122334455667788 r5=2000 m2000=80 -> r1=8055667788"),
    insn("LLHH", 0xE3C6, RXY, high_word, problem, load_logical_halfword,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=8001 -> r1=800155667788"),
    insn("STFH", 0xE3CB, RXY, high_word, problem, store, "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=11223344"),
    insn("STHH", 0xE3C7, RXY, high_word, problem, store_halfword, "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=33440000"),
    insn("STCH", 0xE3C3, RXY, high_word, problem, store_character, "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=44000000"),
};

} // namespace

extern constexpr Group general_high_word { rows };

} // namespace zvisor::isa
