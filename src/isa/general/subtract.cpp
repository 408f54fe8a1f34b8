// SUBTRACT, SUBTRACT LOGICAL, SUBTRACT LOGICAL WITH BORROW (PoP ch. 7).

#include "isa/general/sources.h"

namespace zvisor::isa {

namespace {

constexpr auto subtract_32 = [](auto& c, Gr r1, auto src) {
    auto y = get32(c, src);
    c.w(r1, c.sub_s(c.w(r1), y));
};
constexpr auto subtract_64 = [](auto& c, Gr r1, auto src) {
    auto y = get64(c, src);
    c.g(r1, c.sub_s(c.g(r1), y));
};
constexpr auto subtract_64_from_32 = [](auto& c, Gr r1, auto src) {
    auto y = get64_from32(c, src);
    c.g(r1, c.sub_s(c.g(r1), y));
};
constexpr auto subtract_32_from_16 = [](auto& c, Gr r1, auto src) {
    auto y = get32_from16(c, src);
    c.w(r1, c.sub_s(c.w(r1), y));
};
constexpr auto subtract_64_from_16 = [](auto& c, Gr r1, auto src) {
    auto y = get64_from16(c, src);
    c.g(r1, c.sub_s(c.g(r1), y));
};
constexpr auto subtract_distinct_32 = [](auto& c, Gr r1, Gr r2, Gr r3) { c.w(r1, c.sub_s(c.w(r2), c.w(r3))); };
constexpr auto subtract_distinct_64 = [](auto& c, Gr r1, Gr r2, Gr r3) { c.g(r1, c.sub_s(c.g(r2), c.g(r3))); };

constexpr auto subtract_logical_32 = [](auto& c, Gr r1, auto src) {
    auto y = get32(c, src);
    c.w(r1, c.sub_u(c.w(r1), y));
};
constexpr auto subtract_logical_64 = [](auto& c, Gr r1, auto src) {
    auto y = get64(c, src);
    c.g(r1, c.sub_u(c.g(r1), y));
};
constexpr auto subtract_logical_64_from_32 = [](auto& c, Gr r1, auto src) {
    auto y = get64_from32_unsigned(c, src);
    c.g(r1, c.sub_u(c.g(r1), y));
};
constexpr auto subtract_logical_distinct_32 = [](auto& c, Gr r1, Gr r2, Gr r3) { c.w(r1, c.sub_u(c.w(r2), c.w(r3))); };
constexpr auto subtract_logical_distinct_64 = [](auto& c, Gr r1, Gr r2, Gr r3) { c.g(r1, c.sub_u(c.g(r2), c.g(r3))); };
constexpr auto subtract_with_borrow_32 = [](auto& c, Gr r1, auto src) {
    auto y = get32(c, src);
    c.w(r1, c.sub_borrow(c.w(r1), y));
};
constexpr auto subtract_with_borrow_64 = [](auto& c, Gr r1, auto src) {
    auto y = get64(c, src);
    c.g(r1, c.sub_borrow(c.g(r1), y));
};

constexpr Row rows[] = {
    insn("SR", 0x1B, RR, base, overflow, subtract_32, "1,2 | r1=3 r2=2 -> r1=1 cc=2",
        "1,1 | r1=1122334455667788 cc=2 -> r1=1122334400000000 cc=0", "1,2 | r1=ffffffff80000000 r2=1 -> r1=ffffffff7fffffff cc=3",
        "1,2 | r1=80000000 r2=1 pm=8 -> r1=7fffffff cc=3 pgm=8"),
    insn("SGR", 0xB909, RRE, base, overflow, subtract_64, "1,2 | r1=1 r2=2 -> r1=ffffffffffffffff cc=1",
        "1,2 | r1=8000000000000000 r2=1 -> r1=7fffffffffffffff cc=3"),
    insn("SGFR", 0xB919, RRE, base, overflow, subtract_64_from_32, "1,2 | r1=1 r2=fffffffe -> r1=3 cc=2"),
    insn("S", 0x5B, RX, base, overflow, subtract_32, "1,0(5) | r1=1 r5=2000 m2000=00000002 -> r1=ffffffff cc=1"),
    insn("SY", 0xE35B, RXY, Facility::long_displacement, overflow, subtract_32, "1,-4(5) | r1=3 r5=2000 m1ffc=00000002 -> r1=1 cc=2"),
    insn("SG", 0xE309, RXY, base, overflow, subtract_64, "1,0(5) | r1=100000003 r5=2000 m2000=0000000000000002 -> r1=100000001 cc=2"),
    insn("SGF", 0xE319, RXY, base, overflow, subtract_64_from_32, "1,0(5) | r1=1 r5=2000 m2000=fffffffe -> r1=3 cc=2"),
    insn("SH", 0x4B, RX, base, overflow, subtract_32_from_16, "1,0(5) | r1=1 r5=2000 m2000=fffe -> r1=3 cc=2"),
    insn("SHY", 0xE37B, RXY, Facility::long_displacement, overflow, subtract_32_from_16, "1,-2(5) | r1=1 r5=2000 m1ffe=fffe -> r1=3 cc=2"),
    insn("SGH", 0xE339, RXY, Facility::miscellaneous_instruction_extensions_2, overflow, subtract_64_from_16,
        "1,0(5) | r1=1 r5=2000 m2000=fffe -> r1=3 cc=2"),
    insn("SRK", 0xB9F9, RRF_a, Facility::distinct_operands, overflow, subtract_distinct_32,
        "1,2,3 | r1=1122334455667788 r2=3 r3=2 -> r1=1122334400000001 cc=2"),
    insn("SGRK", 0xB9E9, RRF_a, Facility::distinct_operands, overflow, subtract_distinct_64,
        "1,2,3 | r2=100000003 r3=2 -> r1=100000001 cc=2"),

    insn("SLR", 0x1F, RR, base, problem, subtract_logical_32, "1,2 | r1=3 r2=2 -> r1=1 cc=3", "1,2 | r1=1 r2=2 -> r1=ffffffff cc=1",
        "1,1 | r1=5 -> r1=0 cc=2"),
    insn("SLGR", 0xB90B, RRE, base, problem, subtract_logical_64, "1,2 | r1=1 r2=2 -> r1=ffffffffffffffff cc=1"),
    insn("SLGFR", 0xB91B, RRE, base, problem, subtract_logical_64_from_32, "1,2 | r1=100000000 r2=11111111ffffffff -> r1=1 cc=3"),
    insn("SL", 0x5F, RX, base, problem, subtract_logical_32, "1,0(5) | r1=1 r5=2000 m2000=00000002 -> r1=ffffffff cc=1"),
    insn("SLY", 0xE35F, RXY, Facility::long_displacement, problem, subtract_logical_32,
        "1,-4(5) | r1=2 r5=2000 m1ffc=00000002 -> r1=0 cc=2"),
    insn("SLG", 0xE30B, RXY, base, problem, subtract_logical_64, "1,0(5) | r1=3 r5=2000 m2000=0000000000000002 -> r1=1 cc=3"),
    insn("SLGF", 0xE31B, RXY, base, problem, subtract_logical_64_from_32, "1,0(5) | r1=100000000 r5=2000 m2000=ffffffff -> r1=1 cc=3"),
    insn("SLFI", 0xC25, RIL_au, Facility::extended_immediate, problem, subtract_logical_32, "1,4294967295 | r1=1 -> r1=2 cc=1"),
    insn("SLGFI", 0xC24, RIL_au, Facility::extended_immediate, problem, subtract_logical_64, "1,4294967295 | r1=100000000 -> r1=1 cc=3"),
    insn(
        "SLRK", 0xB9FB, RRF_a, Facility::distinct_operands, problem, subtract_logical_distinct_32, "1,2,3 | r2=1 r3=2 -> r1=ffffffff cc=1"),
    insn("SLGRK", 0xB9EB, RRF_a, Facility::distinct_operands, problem, subtract_logical_distinct_64, "1,2,3 | r2=3 r3=2 -> r1=1 cc=3"),

    insn("SLBR", 0xB999, RRE, base, problem, subtract_with_borrow_32, "1,2 | r1=3 r2=2 cc=2 -> r1=1 cc=3",
        "1,2 | r1=3 r2=2 cc=1 -> r1=0 cc=2", "1,2 | r1=2 r2=2 cc=1 -> r1=ffffffff cc=1",
        "1,2 | r1=ffffffff r2=ffffffff cc=0 -> r1=ffffffff cc=1"),
    insn("SLBGR", 0xB989, RRE, base, problem, subtract_with_borrow_64, "1,2 | r1=0 r2=0 cc=0 -> r1=ffffffffffffffff cc=1"),
    insn("SLB", 0xE399, RXY, base, problem, subtract_with_borrow_32, "1,0(5) | r1=3 r5=2000 m2000=00000002 cc=0 -> r1=0 cc=2"),
    insn("SLBG", 0xE389, RXY, base, problem, subtract_with_borrow_64, "1,0(5) | r1=3 r5=2000 m2000=0000000000000002 cc=3 -> r1=1 cc=3"),
};

} // namespace

extern constexpr Group general_subtract { rows };

} // namespace zvisor::isa
