// COMPARE (PoP ch. 7).

#include "isa/general/sources.h"

namespace zvisor::isa {

namespace {

constexpr auto compare_32 = [](auto& c, Gr r1, auto src) { c.compare_s(c.w(r1), get32(c, src)); };
constexpr auto compare_64 = [](auto& c, Gr r1, auto src) { c.compare_s(c.g(r1), get64(c, src)); };
constexpr auto compare_64_with_32 = [](auto& c, Gr r1, auto src) { c.compare_s(c.g(r1), get64_from32(c, src)); };
constexpr auto compare_32_with_16 = [](auto& c, Gr r1, auto src) { c.compare_s(c.w(r1), get32_from16(c, src)); };
constexpr auto compare_64_with_16 = [](auto& c, Gr r1, auto src) { c.compare_s(c.g(r1), get64_from16(c, src)); };

constexpr auto compare_storage_16 = [](auto& c, Storage s, Signed i2) { c.compare_s(get32_from16(c, s), get32(c, i2)); };
constexpr auto compare_storage_32 = [](auto& c, Storage s, Signed i2) { c.compare_s(get32(c, s), get32(c, i2)); };
constexpr auto compare_storage_64 = [](auto& c, Storage s, Signed i2) { c.compare_s(get64(c, s), get64(c, i2)); };

constexpr Row rows[] = {
    insn("CR", 0x19, RR, base, problem, compare_32, "1,2 | r1=ffffffff00000001 r2=1 cc=1 -> cc=0", "1,2 | r1=80000000 r2=1 -> cc=1",
        "1,2 | r1=1 r2=ffffffff -> cc=2"),
    insn("CGR", 0xB920, RRE, base, problem, compare_64, "1,2 | r1=8000000000000000 r2=1 -> cc=1"),
    insn("CGFR", 0xB930, RRE, base, problem, compare_64_with_32, "1,2 | r1=1 r2=ffffffff -> cc=2"),
    insn("C", 0x59, RX, base, problem, compare_32, "1,0(5) | r1=1 r5=2000 m2000=ffffffff -> cc=2"),
    insn("CY", 0xE359, RXY, Facility::long_displacement, problem, compare_32, "1,-4(5) | r1=1 r5=2000 m1ffc=00000002 -> cc=1"),
    insn("CG", 0xE320, RXY, base, problem, compare_64, "1,0(5) | r1=1 r5=2000 m2000=0000000000000001 cc=1 -> cc=0"),
    insn("CGF", 0xE330, RXY, base, problem, compare_64_with_32, "1,0(5) | r1=1 r5=2000 m2000=80000000 -> cc=2"),
    insn("CH", 0x49, RX, base, problem, compare_32_with_16, "1,0(5) | r1=1 r5=2000 m2000=8000 -> cc=2"),
    insn("CHY", 0xE379, RXY, Facility::long_displacement, problem, compare_32_with_16, "1,-2(5) | r1=1 r5=2000 m1ffe=0002 -> cc=1"),
    insn("CGH", 0xE334, RXY, Facility::general_instructions_extension, problem, compare_64_with_16,
        "1,0(5) | r1=1 r5=2000 m2000=8000 -> cc=2"),
    insn("CHI", 0xA7E, RI_a, base, problem, compare_32, "1,-1 | r1=ffffffff cc=1 -> cc=0"),
    insn("CGHI", 0xA7F, RI_a, base, problem, compare_64, "1,-1 | r1=ffffffff -> cc=2"),
    insn("CFI", 0xC2D, RIL_a, Facility::extended_immediate, problem, compare_32, "1,-2147483648 | r1=1 -> cc=2"),
    insn("CGFI", 0xC2C, RIL_a, Facility::extended_immediate, problem, compare_64, "1,2147483647 | r1=80000000 -> cc=2"),
    insn("CRL", 0xC6D, RIL_b, Facility::general_instructions_extension, problem, compare_32, "1,0x1010 | r1=1 m1010=00000002 -> cc=1",
        "1,0x1012 | -> pgm=6"),
    insn("CGRL", 0xC68, RIL_b, Facility::general_instructions_extension, problem, compare_64,
        "1,0x1010 | r1=1 m1010=8000000000000000 -> cc=2"),
    insn("CGFRL", 0xC6C, RIL_b, Facility::general_instructions_extension, problem, compare_64_with_32,
        "1,0x1010 | r1=1 m1010=80000000 -> cc=2"),
    insn("CHRL", 0xC65, RIL_b, Facility::general_instructions_extension, problem, compare_32_with_16, "1,0x1012 | r1=1 m1012=8000 -> cc=2"),
    insn(
        "CGHRL", 0xC64, RIL_b, Facility::general_instructions_extension, problem, compare_64_with_16, "1,0x1012 | r1=1 m1012=8000 -> cc=2"),
    insn("CHHSI", 0xE554, SIL, Facility::general_instructions_extension, problem, compare_storage_16,
        "0(5),-1 | r5=2000 m2000=8000 -> cc=1"),
    insn("CHSI", 0xE55C, SIL, Facility::general_instructions_extension, problem, compare_storage_32,
        "0(5),-1 | r5=2000 m2000=00000000 -> cc=2"),
    insn("CGHSI", 0xE558, SIL, Facility::general_instructions_extension, problem, compare_storage_64,
        "0(5),-1 | r5=2000 m2000=ffffffffffffffff cc=1 -> cc=0"),
};

} // namespace

extern constexpr Group general_compare { rows };

} // namespace zvisor::isa
