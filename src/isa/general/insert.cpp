// INSERT CHARACTER, INSERT CHARACTERS UNDER MASK, INSERT PROGRAM MASK (PoP ch. 7).

#include "isa/general/under_mask.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

constexpr auto insert_character = [](auto& c, Gr r1, Storage s) {
    auto byte = c.load8(c.ea(s));
    c.w(r1, (c.w(r1) & 0xffffff00U) | byte);
};

/// `word` with the bytes the mask selects replaced by the leftmost bytes of `bytes`.
auto spread(auto word, auto bytes, Mask m3)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < 4; ++i) {
        if (m3 & (8U >> i)) {
            u32 place = 0xff000000U >> (8 * i);
            word = (word & ~place) | ((bytes << (8 * taken) >> (8 * i)) & place);
            ++taken;
        }
    }
    return word;
}

constexpr auto insert_under_mask = [](auto& c, Gr r1, Mask m3, Storage s) {
    auto bytes = load_under_mask(c, m3, c.ea(s));
    c.w(r1, spread(c.w(r1), bytes, m3));
    c.cc_sign(bytes);
};
constexpr auto insert_under_mask_high = [](auto& c, Gr r1, Mask m3, Storage s) {
    auto bytes = load_under_mask(c, m3, c.ea(s));
    c.h(r1, spread(c.h(r1), bytes, m3));
    c.cc_sign(bytes);
};

/// Condition code and program mask as bits 2-7 of a byte.
[[nodiscard]] u32 code_and_mask(const Cpu& c)
{
    return static_cast<u32>(c.cc() << 4 | c.program_mask());
}
[[nodiscard]] ir::W code_and_mask(ir::Builder& c)
{
    auto code = c.code();
    return code << 4 | c.program_mask();
}

constexpr auto insert_program_mask = [](auto& c, Gr r1) {
    auto byte = code_and_mask(c);
    c.w(r1, (c.w(r1) & 0x00ffffffU) | byte << 24);
};

constexpr Row rows[] = {
    insn("IC", 0x43, RX, base, problem, insert_character, "1,1(5) | r1=1122334455667788 r5=2000 m2000=01ff -> r1=11223344556677ff"),
    insn("ICY", 0xE373, RXY, Facility::long_displacement, problem, insert_character,
        "1,-1(5) | r1=1122334455667788 r5=2000 m1fff=ff -> r1=11223344556677ff"),
    insn("ICM", 0xBF, RS_m, base, problem, insert_under_mask,
        "1,15,0(5) | r1=1122334455667788 r5=2000 m2000=80000000 -> r1=1122334480000000 cc=1",
        "1,5,0(5) | r1=1122334455667788 r5=2000 m2000=0102 -> r1=1122334455017702 cc=2",
        "1,7,0(5) | r1=ff r5=2000 m2000=000000 cc=3 -> r1=0 cc=0", "1,0,0(5) | r1=ff r5=2000 cc=3 -> cc=0"),
    insn("ICMY", 0xEB81, RSY_m, Facility::long_displacement, problem, insert_under_mask,
        "1,8,-1(5) | r1=1122334455667788 r5=2000 m1fff=7f -> r1=112233447f667788 cc=2"),
    insn("ICMH", 0xEB80, RSY_m, base, problem, insert_under_mask_high,
        "1,3,0(5) | r1=1122334455667788 r5=2000 m2000=8001 -> r1=1122800155667788 cc=1"),
    insn("IPM", 0xB222, RRE_1, base, problem, insert_program_mask, "1 | r1=ffffffffffffffff cc=2 pm=5 -> r1=ffffffff25ffffff"),
};

} // namespace

extern constexpr Group general_insert { rows };

} // namespace zvisor::isa
