// LOAD in its widths, with sign or zero extension and byte-reversed (PoP ch. 7).

#include "isa/general/sources.h"

namespace zvisor::isa {

namespace {

constexpr u64 thirty_one_bits = 0x7fffffff;

constexpr auto load_32 = [](auto& c, Gr r1, auto src) { c.w(r1, get32(c, src)); };
constexpr auto load_64 = [](auto& c, Gr r1, auto src) { c.g(r1, get64(c, src)); };
constexpr auto load_64_from_32 = [](auto& c, Gr r1, auto src) { c.g(r1, get64_from32(c, src)); };
constexpr auto load_32_from_16 = [](auto& c, Gr r1, auto src) { c.w(r1, get32_from16(c, src)); };
constexpr auto load_64_from_16 = [](auto& c, Gr r1, auto src) { c.g(r1, get64_from16(c, src)); };
constexpr auto load_32_from_8 = [](auto& c, Gr r1, auto src) { c.w(r1, c.sx8(get_byte(c, src))); };
constexpr auto load_64_from_8 = [](auto& c, Gr r1, auto src) { c.g(r1, c.sx(c.sx8(get_byte(c, src)))); };

constexpr auto load_logical_64_from_32 = [](auto& c, Gr r1, auto src) { c.g(r1, get64_from32_unsigned(c, src)); };
constexpr auto load_logical_32_from_16 = [](auto& c, Gr r1, auto src) { c.w(r1, c.zx16(get_halfword(c, src))); };
constexpr auto load_logical_64_from_16 = [](auto& c, Gr r1, auto src) { c.g(r1, c.zx(c.zx16(get_halfword(c, src)))); };
constexpr auto load_logical_32_from_8 = [](auto& c, Gr r1, auto src) { c.w(r1, get_byte(c, src)); };
constexpr auto load_logical_64_from_8 = [](auto& c, Gr r1, auto src) { c.g(r1, c.zx(get_byte(c, src))); };
constexpr auto load_logical_thirty_one_bits = [](auto& c, Gr r1, auto src) { c.g(r1, get64_from32_unsigned(c, src) & thirty_one_bits); };

constexpr auto load_zero_rightmost_32 = [](auto& c, Gr r1, auto src) { c.w(r1, get32(c, src) & 0xffffff00U); };
constexpr auto load_zero_rightmost_64 = [](auto& c, Gr r1, auto src) { c.g(r1, get64(c, src) & ~u64 { 0xff }); };
constexpr auto load_logical_zero_rightmost = [](auto& c, Gr r1, auto src) { c.g(r1, get64_from32_unsigned(c, src) & 0xffffff00U); };

constexpr Row rows[] = {
    insn("LR", 0x18, RR, base, problem, load_32, "1,2 | r1=1122334455667788 r2=99aabbccddeeff00 -> r1=11223344ddeeff00"),
    insn("LGR", 0xB904, RRE, base, problem, load_64, "1,2 | r1=1 r2=99aabbccddeeff00 -> r1=99aabbccddeeff00"),
    insn("LGFR", 0xB914, RRE, base, problem, load_64_from_32, "1,2 | r1=1 r2=99aabbcc80000000 -> r1=ffffffff80000000"),
    insn("L", 0x58, RX, base, problem, load_32, "1,4(2,5) | r1=1122334455667788 r2=10 r5=2000 m2014=80000001 -> r1=1122334480000001"),
    insn("LY", 0xE358, RXY, Facility::long_displacement, problem, load_32,
        "1,-4(5) | r1=1122334455667788 r5=2000 m1ffc=80000001 -> r1=1122334480000001"),
    insn("LG", 0xE304, RXY, base, problem, load_64, "1,4095(2,5) | r2=1 r5=2000 m3000=0123456789abcdef -> r1=123456789abcdef",
        "1,0(5) | r5=2ffd m2ffd=0123456789abcdef -> r1=123456789abcdef"),
    insn("LGF", 0xE314, RXY, base, problem, load_64_from_32, "1,0(5) | r5=2000 m2000=fffffffe -> r1=fffffffffffffffe"),
    insn("LRL", 0xC4D, RIL_b, Facility::general_instructions_extension, problem, load_32,
        "1,0x1010 | r1=ffffffffffffffff m1010=00000005 -> r1=ffffffff00000005", "1,0x1012 | -> pgm=6"),
    insn("LGRL", 0xC48, RIL_b, Facility::general_instructions_extension, problem, load_64,
        "1,0x1010 | m1010=0123456789abcdef -> r1=123456789abcdef", "1,0x1014 | -> pgm=6"),
    insn("LGFRL", 0xC4C, RIL_b, Facility::general_instructions_extension, problem, load_64_from_32,
        "1,0x1010 | m1010=fffffffe -> r1=fffffffffffffffe"),
    insn("LGFI", 0xC01, RIL_a, Facility::extended_immediate, problem, load_64_from_32, "1,-2 | r1=1 -> r1=fffffffffffffffe"),
    insn("LHI", 0xA78, RI_a, base, problem, load_32, "1,-2 | r1=1 -> r1=fffffffe"),
    insn("LGHI", 0xA79, RI_a, base, problem, load_64, "1,-2 | r1=1 -> r1=fffffffffffffffe"),

    insn("LB", 0xE376, RXY, Facility::long_displacement, problem, load_32_from_8,
        "1,1(5) | r1=1122334455667788 r5=2000 m2000=0080 -> r1=11223344ffffff80"),
    insn("LBR", 0xB926, RRE, Facility::extended_immediate, problem, load_32_from_8,
        "1,2 | r1=1122334455667788 r2=7f80 -> r1=11223344ffffff80"),
    insn("LGB", 0xE377, RXY, Facility::long_displacement, problem, load_64_from_8, "1,1(5) | r5=2000 m2000=0080 -> r1=ffffffffffffff80"),
    insn("LGBR", 0xB906, RRE, Facility::extended_immediate, problem, load_64_from_8, "1,2 | r2=7f80 -> r1=ffffffffffffff80"),
    insn("LH", 0x48, RX, base, problem, load_32_from_16, "1,1(5) | r1=1122334455667788 r5=2000 m2000=008001 -> r1=11223344ffff8001"),
    insn("LHY", 0xE378, RXY, Facility::long_displacement, problem, load_32_from_16,
        "1,-1(5) | r1=1122334455667788 r5=2000 m1fff=8001 -> r1=11223344ffff8001"),
    insn("LHR", 0xB927, RRE, Facility::extended_immediate, problem, load_32_from_16,
        "1,2 | r1=1122334455667788 r2=7fff8001 -> r1=11223344ffff8001"),
    insn("LHRL", 0xC45, RIL_b, Facility::general_instructions_extension, problem, load_32_from_16,
        "1,0x1012 | r1=1122334455667788 m1012=8001 -> r1=11223344ffff8001"),
    insn("LGH", 0xE315, RXY, base, problem, load_64_from_16, "1,0(5) | r5=2000 m2000=8001 -> r1=ffffffffffff8001"),
    insn("LGHR", 0xB907, RRE, Facility::extended_immediate, problem, load_64_from_16, "1,2 | r2=7fff8001 -> r1=ffffffffffff8001"),
    insn("LGHRL", 0xC44, RIL_b, Facility::general_instructions_extension, problem, load_64_from_16,
        "1,0x1012 | m1012=8001 -> r1=ffffffffffff8001"),

    insn("LLC", 0xE394, RXY, Facility::extended_immediate, problem, load_logical_32_from_8,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=80 -> r1=1122334400000080"),
    insn("LLCR", 0xB994, RRE, Facility::extended_immediate, problem, load_logical_32_from_8,
        "1,2 | r1=1122334455667788 r2=ff80 -> r1=1122334400000080"),
    insn("LLGC", 0xE390, RXY, base, problem, load_logical_64_from_8, "1,0(5) | r1=1122334455667788 r5=2000 m2000=80 -> r1=80"),
    insn("LLGCR", 0xB984, RRE, Facility::extended_immediate, problem, load_logical_64_from_8, "1,2 | r1=1122334455667788 r2=ff80 -> r1=80"),
    insn("LLH", 0xE395, RXY, Facility::extended_immediate, problem, load_logical_32_from_16,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=8001 -> r1=1122334400008001"),
    insn("LLHR", 0xB995, RRE, Facility::extended_immediate, problem, load_logical_32_from_16,
        "1,2 | r1=1122334455667788 r2=ffff8001 -> r1=1122334400008001"),
    insn("LLHRL", 0xC42, RIL_b, Facility::general_instructions_extension, problem, load_logical_32_from_16,
        "1,0x1012 | r1=1122334455667788 m1012=8001 -> r1=1122334400008001"),
    insn("LLGH", 0xE391, RXY, base, problem, load_logical_64_from_16, "1,0(5) | r1=1122334455667788 r5=2000 m2000=8001 -> r1=8001"),
    insn("LLGHR", 0xB985, RRE, Facility::extended_immediate, problem, load_logical_64_from_16,
        "1,2 | r1=1122334455667788 r2=ffff8001 -> r1=8001"),
    insn("LLGHRL", 0xC46, RIL_b, Facility::general_instructions_extension, problem, load_logical_64_from_16,
        "1,0x1012 | r1=1122334455667788 m1012=8001 -> r1=8001"),
    insn("LLGF", 0xE316, RXY, base, problem, load_logical_64_from_32, "1,0(5) | r1=1122334455667788 r5=2000 m2000=80000001 -> r1=80000001"),
    insn("LLGFR", 0xB916, RRE, base, problem, load_logical_64_from_32, "1,2 | r2=1122334485667788 -> r1=85667788"),
    insn("LLGFRL", 0xC4E, RIL_b, Facility::general_instructions_extension, problem, load_logical_64_from_32,
        "1,0x1010 | r1=1122334455667788 m1010=80000001 -> r1=80000001"),
    insn("LLGT", 0xE317, RXY, base, problem, load_logical_thirty_one_bits, "1,0(5) | r1=1122334455667788 r5=2000 m2000=80000001 -> r1=1"),
    insn("LLGTR", 0xB917, RRE, base, problem, load_logical_thirty_one_bits, "1,2 | r2=1122334485667788 -> r1=5667788"),

    insn("LZRF", 0xE33B, RXY, Facility::load_store_on_condition_2, problem, load_zero_rightmost_32,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=80000001 -> r1=1122334480000000"),
    insn("LZRG", 0xE32A, RXY, Facility::load_store_on_condition_2, problem, load_zero_rightmost_64,
        "1,0(5) | r5=2000 m2000=1122334455667788 -> r1=1122334455667700"),
    insn("LLZRGF", 0xE33A, RXY, Facility::load_store_on_condition_2, problem, load_logical_zero_rightmost,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=80000001 -> r1=80000000"),
};

} // namespace

extern constexpr Group general_load { rows };

} // namespace zvisor::isa
