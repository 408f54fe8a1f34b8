// STORE in its widths, STORE CHARACTERS UNDER MASK and MOVE of an immediate (PoP ch. 7).

#include "isa/general/relative.h"

namespace zvisor::isa {

namespace {

constexpr auto store_64 = [](auto& c, Gr r1, Storage s) { c.store64(c.ea(s), c.g(r1)); };
constexpr auto store_32 = [](auto& c, Gr r1, Storage s) { c.store32(c.ea(s), c.w(r1)); };
constexpr auto store_16 = [](auto& c, Gr r1, Storage s) { c.store16(c.ea(s), c.w(r1)); };
constexpr auto store_8 = [](auto& c, Gr r1, Storage s) { c.store8(c.ea(s), c.w(r1)); };

constexpr auto store_relative_64 = [](auto& c, Gr r1, Relative at) { store_relative<u64>(c, at, c.g(r1)); };
constexpr auto store_relative_32 = [](auto& c, Gr r1, Relative at) { store_relative<u32>(c, at, c.w(r1)); };
constexpr auto store_relative_16 = [](auto& c, Gr r1, Relative at) { store_relative<u16>(c, at, c.w(r1)); };

constexpr auto move_immediate_8 = [](auto& c, Storage s, Unsigned i2) { c.store8(c.ea(s), i2.value); };
constexpr auto move_immediate_16 = [](auto& c, Storage s, Signed i2) { c.store16(c.ea(s), get32(c, i2)); };
constexpr auto move_immediate_32 = [](auto& c, Storage s, Signed i2) { c.store32(c.ea(s), get32(c, i2)); };
constexpr auto move_immediate_64 = [](auto& c, Storage s, Signed i2) { c.store64(c.ea(s), get64(c, i2)); };

/// The bytes of `word` that the mask selects, one after the other.
void store_under_mask(Cpu& c, u32 word, Mask m3, const Storage& s)
{
    u8 bytes[4];
    unsigned count = 0;
    for (unsigned i = 0; i < 4; ++i) {
        if (m3 & (8U >> i))
            bytes[count++] = static_cast<u8>(word >> (24 - 8 * i));
    }
    c.store_bytes(c.ea(s), bytes, count);
}

constexpr auto store_characters_under_mask = [](Cpu& c, Gr r1, Mask m3, Storage s) { store_under_mask(c, c.w(r1), m3, s); };
constexpr auto store_characters_under_mask_high = [](Cpu& c, Gr r1, Mask m3, Storage s) { store_under_mask(c, c.h(r1), m3, s); };

constexpr Row rows[] = {
    insn("ST", 0x50, RX, base, problem, store_32, "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=55667788",
        "1,0(5) | r1=1122334455667788 r5=2ffd m2ffd=0000000000 -> m2ffd=5566778800"),
    insn("STY", 0xE350, RXY, Facility::long_displacement, problem, store_32,
        "1,-4(5) | r1=1122334455667788 r5=2000 m1ffc=00000000 -> m1ffc=55667788"),
    insn("STG", 0xE324, RXY, base, problem, store_64,
        "1,8(2,5) | r1=1122334455667788 r2=8 r5=2000 m2010=0000000000000000 -> m2010=1122334455667788"),
    insn("STH", 0x40, RX, base, problem, store_16, "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=77880000"),
    insn("STHY", 0xE370, RXY, Facility::long_displacement, problem, store_16,
        "1,-2(5) | r1=1122334455667788 r5=2000 m1ffe=00000000 -> m1ffe=77880000"),
    insn("STC", 0x42, RX, base, problem, store_8, "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=88000000"),
    insn("STCY", 0xE372, RXY, Facility::long_displacement, problem, store_8,
        "1,-1(5) | r1=1122334455667788 r5=2000 m1fff=0000 -> m1fff=8800"),
    insn("STRL", 0xC4F, RIL_b, Facility::general_instructions_extension, problem, store_relative_32,
        "1,0x1010 | r1=1122334455667788 m1010=00000000 -> m1010=55667788", "1,0x1012 | -> pgm=6"),
    insn("STGRL", 0xC4B, RIL_b, Facility::general_instructions_extension, problem, store_relative_64,
        "1,0x1010 | r1=1122334455667788 m1010=0000000000000000 -> m1010=1122334455667788", "1,0x1014 | -> pgm=6"),
    insn("STHRL", 0xC47, RIL_b, Facility::general_instructions_extension, problem, store_relative_16,
        "1,0x1012 | r1=1122334455667788 m1012=00000000 -> m1012=77880000"),

    insn("STCM", 0xBE, RS_m, base, problem, store_characters_under_mask,
        "1,5,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=66880000",
        "1,0,0(5) | r1=1122334455667788 r5=2000 m2000=00 -> m2000=00"),
    insn("STCMY", 0xEB2D, RSY_m, Facility::long_displacement, problem, store_characters_under_mask,
        "1,7,-1(5) | r1=1122334455667788 r5=2000 m1fff=00000000 -> m1fff=66778800"),
    insn("STCMH", 0xEB2C, RSY_m, base, problem, store_characters_under_mask_high,
        "1,8,0(5) | r1=1122334455667788 r5=2000 m2000=00000000 -> m2000=11000000"),

    insn("MVI", 0x92, SI, base, problem, move_immediate_8, "0(5),193 | r5=2000 m2000=0000 -> m2000=c100"),
    insn("MVIY", 0xEB52, SIY, Facility::long_displacement, problem, move_immediate_8, "-1(5),193 | r5=2000 m1fff=0000 -> m1fff=c100"),
    insn("MVHHI", 0xE544, SIL, Facility::general_instructions_extension, problem, move_immediate_16,
        "0(5),-2 | r5=2000 m2000=00000000 -> m2000=fffe0000"),
    insn("MVHI", 0xE54C, SIL, Facility::general_instructions_extension, problem, move_immediate_32,
        "0(5),-2 | r5=2000 m2000=00000000 -> m2000=fffffffe"),
    insn("MVGHI", 0xE548, SIL, Facility::general_instructions_extension, problem, move_immediate_64,
        "0(5),-2 | r5=2000 m2000=0000000000000000 -> m2000=fffffffffffffffe"),
};

} // namespace

extern constexpr Group general_store { rows };

} // namespace zvisor::isa
