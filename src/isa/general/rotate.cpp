// ROTATE LEFT SINGLE LOGICAL and ROTATE THEN INSERT / AND / OR / EXCLUSIVE OR SELECTED BITS (PoP ch. 7).

#include "isa/insn.h"

namespace zvisor::isa {

namespace {

constexpr auto rotate_32 = [](auto& c, Gr r1, Gr r3, Storage s) { c.w(r1, c.rol(c.w(r3), c.lo(c.ea(s).at & 31))); };
constexpr auto rotate_64 = [](auto& c, Gr r1, Gr r3, Storage s) { c.g(r1, c.rol(c.g(r3), c.lo(c.ea(s).at & 63))); };

/// Bits `from` to `to` of a doubleword, going on at bit 0 after bit 63 when `from` is the greater.
[[nodiscard]] constexpr u64 selection(unsigned from, unsigned to)
{
    u64 after_from = ~u64 { 0 } >> from;
    u64 up_to = ~u64 { 0 } << (63 - to);
    return from <= to ? after_from & up_to : after_from | up_to;
}
static_assert(selection(60, 61) == 0xc && selection(63, 0) == 0x8000000000000001);

// I3, I4 and I5 keep their positions in their rightmost six bits; bit 0 of I4 asks for zeros elsewhere, of I3 for a test only.
constexpr u32 position = 63;
constexpr u32 flag = 0x80;

constexpr auto insert_selected = [](auto& c, Gr r1, Gr r2, Unsigned i3, Unsigned i4, Unsigned i5) {
    u64 selected = selection(i3 & position, i4 & position);
    auto bits = c.rol(c.g(r2), i5 & position) & selected;
    if (i4 & flag)
        c.g(r1, bits);
    else
        c.g(r1, bits | (c.g(r1) & ~selected));
};
constexpr auto insert_selected_cc = [](auto& c, Gr r1, Gr r2, Unsigned i3, Unsigned i4, Unsigned i5) {
    insert_selected(c, r1, r2, i3, i4, i5);
    c.cc_sign(c.g(r1));
};

/// Only bits 0-31 or 32-63 of the first operand take part; positions are numbered within them.
template<unsigned First>
constexpr auto insert_selected_half = [](auto& c, Gr r1, Gr r2, Unsigned i3, Unsigned i4, Unsigned i5) {
    constexpr u64 half = First == 0 ? 0xffffffff00000000 : 0xffffffff;
    u64 selected = selection(First + (i3 & 31), First + (i4 & 31)) & half;
    auto bits = c.rol(c.g(r2), i5 & position) & selected;
    u64 kept = i4 & flag ? ~half : ~selected;
    c.g(r1, bits | (c.g(r1) & kept));
};

constexpr auto and_selected = [](auto& c, Gr r1, Gr r2, Unsigned i3, Unsigned i4, Unsigned i5) {
    u64 selected = selection(i3 & position, i4 & position);
    auto result = c.g(r1) & (c.rol(c.g(r2), i5 & position) | ~selected);
    if (!(i3 & flag))
        c.g(r1, result);
    c.cc_zero(result & selected);
};
constexpr auto or_selected = [](auto& c, Gr r1, Gr r2, Unsigned i3, Unsigned i4, Unsigned i5) {
    u64 selected = selection(i3 & position, i4 & position);
    auto result = c.g(r1) | (c.rol(c.g(r2), i5 & position) & selected);
    if (!(i3 & flag))
        c.g(r1, result);
    c.cc_zero(result & selected);
};
constexpr auto exclusive_or_selected = [](auto& c, Gr r1, Gr r2, Unsigned i3, Unsigned i4, Unsigned i5) {
    u64 selected = selection(i3 & position, i4 & position);
    auto result = c.g(r1) ^ (c.rol(c.g(r2), i5 & position) & selected);
    if (!(i3 & flag))
        c.g(r1, result);
    c.cc_zero(result & selected);
};

constexpr Row rows[] = {
    insn("RLL", 0xEB1D, RSY, base, problem, rotate_32, "1,3,4 | r1=1122334400000000 r3=a5667788 -> r1=112233445667788a",
        "1,3,32 | r3=5 -> r1=5"),
    insn("RLLG", 0xEB1C, RSY, base, problem, rotate_64, "1,3,60 | r3=1122334455667788 -> r1=8112233445566778"),

    insn("RISBG", 0xEC55, RIE_f, Facility::general_instructions_extension, problem, insert_selected_cc,
        "1,2,48,63,0 | r1=1122334455667788 r2=aabbccddeeff0011 -> r1=1122334455660011 cc=2",
        "1,2,56,187,4 | r1=1122334455667788 r2=12 -> r1=20 cc=2", "1,2,60,3,0 | r1=0 r2=ffffffffffffffff -> r1=f00000000000000f cc=1",
        "1,2,0,191,0 | r1=5 r2=0 cc=1 -> r1=0 cc=0"),
    insn("RISBGN", 0xEC59, RIE_f, Facility::execution_hint, problem, insert_selected,
        "1,2,48,63,16 | r1=1122334455667788 r2=aabbccddeeff0011 cc=3 -> r1=112233445566aabb", "1,2,0,188,3 | r1=5 r2=ff -> r1=7f8"),
    insn("RISBHG", 0xEC5D, RIE_f, Facility::distinct_operands, problem, insert_selected_half<0>,
        "1,2,16,31,32 | r1=1122334455667788 r2=aabbccddeeff0011 -> r1=1122001155667788",
        "1,2,16,159,32 | r1=1122334455667788 r2=aabbccddeeff0011 -> r1=0000001155667788"),
    insn("RISBLG", 0xEC51, RIE_f, Facility::distinct_operands, problem, insert_selected_half<32>,
        "1,2,16,31,32 | r1=1122334455667788 r2=aabbccddeeff0011 -> r1=112233445566ccdd",
        "1,2,28,131,0 | r1=1122334455667788 r2=ffffffff -> r1=11223344f000000f"),
    insn("RNSBG", 0xEC54, RIE_f, Facility::general_instructions_extension, problem, and_selected,
        "1,2,56,63,0 | r1=1122334455667788 r2=f -> r1=1122334455667708 cc=1", "1,2,184,63,0 | r1=1122334455667788 r2=77 cc=1 -> cc=0"),
    insn("ROSBG", 0xEC56, RIE_f, Facility::general_instructions_extension, problem, or_selected,
        "1,2,56,63,4 | r1=1122334455667700 r2=f -> r1=11223344556677f0 cc=1", "1,2,56,63,8 | r1=ff00 r2=f cc=1 -> cc=0"),
    insn("RXSBG", 0xEC57, RIE_f, Facility::general_instructions_extension, problem, exclusive_or_selected,
        "1,2,56,63,0 | r1=11223344556677ff r2=ffff -> r1=1122334455667700 cc=0", "1,2,128,63,0 | r1=1 r2=3 -> cc=1"),
};

} // namespace

extern constexpr Group general_rotate { rows };

} // namespace zvisor::isa
