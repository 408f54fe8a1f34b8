// ADD, ADD LOGICAL, ADD LOGICAL WITH CARRY, ADD LOGICAL WITH SIGNED IMMEDIATE (PoP ch. 7).

#include "isa/general/sources.h"

namespace zvisor::isa {

namespace {

constexpr auto add_32 = [](auto& c, Gr r1, auto src) {
    auto y = get32(c, src);
    c.w(r1, c.add_s(c.w(r1), y));
};
constexpr auto add_64 = [](auto& c, Gr r1, auto src) {
    auto y = get64(c, src);
    c.g(r1, c.add_s(c.g(r1), y));
};
constexpr auto add_64_from_32 = [](auto& c, Gr r1, auto src) {
    auto y = get64_from32(c, src);
    c.g(r1, c.add_s(c.g(r1), y));
};
constexpr auto add_32_from_16 = [](auto& c, Gr r1, auto src) {
    auto y = get32_from16(c, src);
    c.w(r1, c.add_s(c.w(r1), y));
};
constexpr auto add_64_from_16 = [](auto& c, Gr r1, auto src) {
    auto y = get64_from16(c, src);
    c.g(r1, c.add_s(c.g(r1), y));
};
constexpr auto add_distinct_32 = [](auto& c, Gr r1, Gr x, auto src) { c.w(r1, c.add_s(c.w(x), get32(c, src))); };
constexpr auto add_distinct_64 = [](auto& c, Gr r1, Gr x, auto src) { c.g(r1, c.add_s(c.g(x), get64(c, src))); };

constexpr auto add_logical_32 = [](auto& c, Gr r1, auto src) {
    auto y = get32(c, src);
    c.w(r1, c.add_u(c.w(r1), y));
};
constexpr auto add_logical_64 = [](auto& c, Gr r1, auto src) {
    auto y = get64(c, src);
    c.g(r1, c.add_u(c.g(r1), y));
};
constexpr auto add_logical_64_from_32 = [](auto& c, Gr r1, auto src) {
    auto y = get64_from32_unsigned(c, src);
    c.g(r1, c.add_u(c.g(r1), y));
};
constexpr auto add_logical_distinct_32 = [](auto& c, Gr r1, Gr x, auto src) { c.w(r1, c.add_u(c.w(x), get32(c, src))); };
constexpr auto add_logical_distinct_64 = [](auto& c, Gr r1, Gr x, auto src) { c.g(r1, c.add_u(c.g(x), get64(c, src))); };
constexpr auto add_with_carry_32 = [](auto& c, Gr r1, auto src) {
    auto y = get32(c, src);
    c.w(r1, c.add_carry(c.w(r1), y));
};
constexpr auto add_with_carry_64 = [](auto& c, Gr r1, auto src) {
    auto y = get64(c, src);
    c.g(r1, c.add_carry(c.g(r1), y));
};

constexpr Row rows[] = {
    insn("AR", 0x1A, RR, base, overflow, add_32, "1,2 | r1=1 r2=2 -> r1=3 cc=2",
        "1,2 | r1=ffffffff7fffffff r2=1 -> r1=ffffffff80000000 cc=3", "1,2 | r1=1 r2=ffffffff cc=3 -> r1=0 cc=0",
        "1,2 | r1=80000000 r2=80000000 pm=8 -> r1=0 cc=3 pgm=8"),
    insn("AGR", 0xB908, RRE, base, overflow, add_64, "1,2 | r1=1 r2=fffffffffffffffe -> r1=ffffffffffffffff cc=1",
        "1,2 | r1=7fffffffffffffff r2=1 -> r1=8000000000000000 cc=3"),
    insn("AGFR", 0xB918, RRE, base, overflow, add_64_from_32, "1,2 | r1=1 r2=fffffffe -> r1=ffffffffffffffff cc=1"),
    insn("A", 0x5A, RX, base, overflow, add_32, "1,0(5) | r1=1 r5=2000 m2000=00000002 -> r1=3 cc=2"),
    insn("AY", 0xE35A, RXY, Facility::long_displacement, overflow, add_32, "1,-4(5) | r1=1 r5=2000 m1ffc=00000002 -> r1=3 cc=2"),
    insn("AG", 0xE308, RXY, base, overflow, add_64, "1,0(5) | r1=1 r5=2000 m2000=0000000100000002 -> r1=100000003 cc=2"),
    insn("AGF", 0xE318, RXY, base, overflow, add_64_from_32, "1,0(5) | r1=1 r5=2000 m2000=fffffffe -> r1=ffffffffffffffff cc=1"),
    insn("AH", 0x4A, RX, base, overflow, add_32_from_16, "1,0(5) | r1=1 r5=2000 m2000=fffe -> r1=ffffffff cc=1"),
    insn(
        "AHY", 0xE37A, RXY, Facility::long_displacement, overflow, add_32_from_16, "1,-2(5) | r1=1 r5=2000 m1ffe=fffe -> r1=ffffffff cc=1"),
    insn("AGH", 0xE338, RXY, Facility::miscellaneous_instruction_extensions_2, overflow, add_64_from_16,
        "1,0(5) | r1=1 r5=2000 m2000=fffe -> r1=ffffffffffffffff cc=1"),
    insn("AHI", 0xA7A, RI_a, base, overflow, add_32, "1,-2 | r1=1 -> r1=ffffffff cc=1"),
    insn("AGHI", 0xA7B, RI_a, base, overflow, add_64, "1,-2 | r1=1 -> r1=ffffffffffffffff cc=1"),
    insn("AFI", 0xC29, RIL_a, Facility::extended_immediate, overflow, add_32, "1,-2147483648 | r1=1 -> r1=80000001 cc=1"),
    insn("AGFI", 0xC28, RIL_a, Facility::extended_immediate, overflow, add_64, "1,-2147483648 | r1=1 -> r1=ffffffff80000001 cc=1"),
    insn("ARK", 0xB9F8, RRF_a, Facility::distinct_operands, overflow, add_distinct_32,
        "1,2,3 | r1=1122334455667788 r2=1 r3=2 -> r1=1122334400000003 cc=2"),
    insn("AGRK", 0xB9E8, RRF_a, Facility::distinct_operands, overflow, add_distinct_64, "1,2,3 | r2=100000001 r3=2 -> r1=100000003 cc=2"),
    insn("AHIK", 0xECD8, RIE_d, Facility::distinct_operands, overflow, add_distinct_32, "1,2,-2 | r2=1 -> r1=ffffffff cc=1"),
    insn("AGHIK", 0xECD9, RIE_d, Facility::distinct_operands, overflow, add_distinct_64, "1,2,-2 | r2=1 -> r1=ffffffffffffffff cc=1"),

    insn("ALR", 0x1E, RR, base, problem, add_logical_32, "1,2 | r1=1 r2=2 -> r1=3 cc=1", "1,2 | r1=ffffffff r2=1 -> r1=0 cc=2",
        "1,2 | r1=ffffffff r2=2 -> r1=1 cc=3", "1,2 | r1=0 r2=0 cc=3 -> cc=0"),
    insn("ALGR", 0xB90A, RRE, base, problem, add_logical_64, "1,2 | r1=ffffffffffffffff r2=2 -> r1=1 cc=3"),
    insn("ALGFR", 0xB91A, RRE, base, problem, add_logical_64_from_32, "1,2 | r1=1 r2=11111111ffffffff -> r1=100000000 cc=1"),
    insn("AL", 0x5E, RX, base, problem, add_logical_32, "1,0(5) | r1=ffffffff r5=2000 m2000=00000002 -> r1=1 cc=3"),
    insn("ALY", 0xE35E, RXY, Facility::long_displacement, problem, add_logical_32, "1,-4(5) | r1=1 r5=2000 m1ffc=00000002 -> r1=3 cc=1"),
    insn("ALG", 0xE30A, RXY, base, problem, add_logical_64, "1,0(5) | r1=ffffffffffffffff r5=2000 m2000=0000000000000001 -> r1=0 cc=2"),
    insn("ALGF", 0xE31A, RXY, base, problem, add_logical_64_from_32, "1,0(5) | r1=1 r5=2000 m2000=ffffffff -> r1=100000000 cc=1"),
    insn("ALFI", 0xC2B, RIL_au, Facility::extended_immediate, problem, add_logical_32, "1,4294967295 | r1=2 -> r1=1 cc=3"),
    insn("ALGFI", 0xC2A, RIL_au, Facility::extended_immediate, problem, add_logical_64, "1,4294967295 | r1=1 -> r1=100000000 cc=1"),
    insn("ALRK", 0xB9FA, RRF_a, Facility::distinct_operands, problem, add_logical_distinct_32, "1,2,3 | r2=ffffffff r3=2 -> r1=1 cc=3"),
    insn("ALGRK", 0xB9EA, RRF_a, Facility::distinct_operands, problem, add_logical_distinct_64,
        "1,2,3 | r2=ffffffff r3=2 -> r1=100000001 cc=1"),
    insn("ALHSIK", 0xECDA, RIE_d, Facility::distinct_operands, problem, add_logical_distinct_32, "1,2,-1 | r2=2 -> r1=1 cc=3"),
    insn("ALGHSIK", 0xECDB, RIE_d, Facility::distinct_operands, problem, add_logical_distinct_64, "1,2,-1 | r2=2 -> r1=1 cc=3"),

    insn("ALCR", 0xB998, RRE, base, problem, add_with_carry_32, "1,2 | r1=1 r2=2 cc=2 -> r1=4 cc=1",
        "1,2 | r1=ffffffff r2=0 cc=3 -> r1=0 cc=2", "1,2 | r1=1 r2=2 cc=1 -> r1=3 cc=1",
        "1,2 | r1=ffffffff r2=ffffffff cc=3 -> r1=ffffffff cc=3"),
    insn("ALCGR", 0xB988, RRE, base, problem, add_with_carry_64, "1,2 | r1=ffffffffffffffff r2=1 cc=3 -> r1=1 cc=3"),
    insn("ALC", 0xE398, RXY, base, problem, add_with_carry_32, "1,0(5) | r1=1 r5=2000 m2000=00000002 cc=2 -> r1=4 cc=1"),
    insn("ALCG", 0xE388, RXY, base, problem, add_with_carry_64, "1,0(5) | r1=1 r5=2000 m2000=0000000000000002 cc=2 -> r1=4 cc=1"),
};

} // namespace

extern constexpr Group general_add { rows };

} // namespace zvisor::isa
