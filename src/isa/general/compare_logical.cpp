// COMPARE LOGICAL of registers, storage of fixed length and immediates (PoP ch. 7).

#include "isa/general/sources.h"
#include "isa/general/under_mask.h"

namespace zvisor::isa {

namespace {

constexpr auto compare_32 = [](auto& c, Gr r1, auto src) { c.compare_u(c.w(r1), get32(c, src)); };
constexpr auto compare_64 = [](auto& c, Gr r1, auto src) { c.compare_u(c.g(r1), get64(c, src)); };
constexpr auto compare_64_with_32 = [](auto& c, Gr r1, auto src) { c.compare_u(c.g(r1), get64_from32_unsigned(c, src)); };
constexpr auto compare_32_with_16 = [](auto& c, Gr r1, auto src) { c.compare_u(c.w(r1), get_halfword(c, src)); };
constexpr auto compare_64_with_16 = [](auto& c, Gr r1, auto src) { c.compare_u(c.g(r1), c.zx(get_halfword(c, src))); };

constexpr auto compare_storage_8 = [](auto& c, Storage s, Unsigned i2) { c.compare_u(get_byte(c, s), get32(c, i2)); };
constexpr auto compare_storage_16 = [](auto& c, Storage s, Unsigned i2) { c.compare_u(get_halfword(c, s), get32(c, i2)); };
constexpr auto compare_storage_32 = [](auto& c, Storage s, Unsigned i2) { c.compare_u(get32(c, s), get32(c, i2)); };
constexpr auto compare_storage_64 = [](auto& c, Storage s, Unsigned i2) { c.compare_u(get64(c, s), get64(c, i2)); };

/// The bytes of `word` that the mask selects, left-aligned.
auto selected_bytes(auto word, Mask m3)
{
    auto bytes = word & 0U;
    unsigned count = 0;
    for (unsigned i = 0; i < 4; ++i) {
        if (m3 & (8U >> i))
            bytes = bytes | (word << (8 * i) & 0xff000000U) >> (8 * count++);
    }
    return bytes;
}

constexpr auto compare_under_mask = [](auto& c, Gr r1, Mask m3, Storage s) {
    auto bytes = load_under_mask(c, m3, c.ea(s));
    c.compare_u(selected_bytes(c.w(r1), m3), bytes);
};
constexpr auto compare_under_mask_high = [](auto& c, Gr r1, Mask m3, Storage s) {
    auto bytes = load_under_mask(c, m3, c.ea(s));
    c.compare_u(selected_bytes(c.h(r1), m3), bytes);
};

constexpr Row rows[] = {
    insn("CLR", 0x15, RR, base, problem, compare_32, "1,2 | r1=ffffffff00000001 r2=1 cc=1 -> cc=0", "1,2 | r1=80000000 r2=1 -> cc=2",
        "1,2 | r1=1 r2=ffffffff -> cc=1"),
    insn("CLGR", 0xB921, RRE, base, problem, compare_64, "1,2 | r1=8000000000000000 r2=1 -> cc=2"),
    insn("CLGFR", 0xB931, RRE, base, problem, compare_64_with_32, "1,2 | r1=1 r2=11111111ffffffff -> cc=1"),
    insn("CL", 0x55, RX, base, problem, compare_32, "1,0(5) | r1=1 r5=2000 m2000=ffffffff -> cc=1"),
    insn("CLY", 0xE355, RXY, Facility::long_displacement, problem, compare_32, "1,-4(5) | r1=3 r5=2000 m1ffc=00000002 -> cc=2"),
    insn("CLG", 0xE321, RXY, base, problem, compare_64, "1,0(5) | r1=1 r5=2000 m2000=0000000000000001 cc=1 -> cc=0"),
    insn("CLGF", 0xE331, RXY, base, problem, compare_64_with_32, "1,0(5) | r1=ffffffffffffffff r5=2000 m2000=ffffffff -> cc=2"),
    insn("CLFI", 0xC2F, RIL_au, Facility::extended_immediate, problem, compare_32, "1,4294967295 | r1=1 -> cc=1"),
    insn("CLGFI", 0xC2E, RIL_au, Facility::extended_immediate, problem, compare_64, "1,4294967295 | r1=100000000 -> cc=2"),
    insn("CLRL", 0xC6F, RIL_b, Facility::general_instructions_extension, problem, compare_32, "1,0x1010 | r1=1 m1010=ffffffff -> cc=1",
        "1,0x1012 | -> pgm=6"),
    insn("CLGRL", 0xC6A, RIL_b, Facility::general_instructions_extension, problem, compare_64,
        "1,0x1010 | r1=1 m1010=8000000000000000 -> cc=1"),
    insn("CLGFRL", 0xC6E, RIL_b, Facility::general_instructions_extension, problem, compare_64_with_32,
        "1,0x1010 | r1=ffffffff m1010=ffffffff cc=1 -> cc=0"),
    insn("CLHRL", 0xC67, RIL_b, Facility::general_instructions_extension, problem, compare_32_with_16,
        "1,0x1012 | r1=8000 m1012=8000 cc=1 -> cc=0"),
    insn("CLGHRL", 0xC66, RIL_b, Facility::general_instructions_extension, problem, compare_64_with_16,
        "1,0x1012 | r1=ffffffffffff8000 m1012=8000 -> cc=2"),
    insn("CLI", 0x95, SI, base, problem, compare_storage_8, "0(5),128 | r5=2000 m2000=80 cc=1 -> cc=0",
        "0(5),128 | r5=2000 m2000=7f -> cc=1", "0(5),128 | r5=2000 m2000=ff -> cc=2"),
    insn("CLIY", 0xEB55, SIY, Facility::long_displacement, problem, compare_storage_8, "-1(5),128 | r5=2000 m1fff=7f -> cc=1"),
    insn("CLHHSI", 0xE555, SIL_u, Facility::general_instructions_extension, problem, compare_storage_16,
        "0(5),65535 | r5=2000 m2000=8000 -> cc=1"),
    insn("CLFHSI", 0xE55D, SIL_u, Facility::general_instructions_extension, problem, compare_storage_32,
        "0(5),65535 | r5=2000 m2000=00010000 -> cc=2"),
    insn("CLGHSI", 0xE559, SIL_u, Facility::general_instructions_extension, problem, compare_storage_64,
        "0(5),65535 | r5=2000 m2000=000000000000ffff cc=1 -> cc=0"),
    insn("CLM", 0xBD, RS_m, base, problem, compare_under_mask, "1,5,0(5) | r1=1122334455667788 r5=2000 m2000=6688 cc=1 -> cc=0",
        "1,15,0(5) | r1=1122334455667788 r5=2000 m2000=55667789 -> cc=1", "1,6,0(5) | r1=1122334455667788 r5=2000 m2000=6676 -> cc=2",
        "1,0,0(5) | r1=1 r5=2000 cc=1 -> cc=0"),
    insn("CLMY", 0xEB21, RSY_m, Facility::long_displacement, problem, compare_under_mask,
        "1,3,-1(5) | r1=1122334455667788 r5=2000 m1fff=7787 -> cc=2"),
    insn("CLMH", 0xEB20, RSY_m, base, problem, compare_under_mask_high, "1,9,0(5) | r1=1122334455667788 r5=2000 m2000=1145 -> cc=1"),
};

} // namespace

extern constexpr Group general_compare_logical { rows };

} // namespace zvisor::isa
