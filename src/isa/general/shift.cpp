// SHIFT LEFT / RIGHT SINGLE and DOUBLE, signed and logical (PoP ch. 7).

#include "isa/general/pair.h"
#include "isa/insn.h"

#include "cpu/cpu.h"

namespace zvisor::isa {

namespace {

/// Rightmost six bits of the second-operand address.
template<class C>
[[nodiscard]] auto shift_amount(C& c, const Storage& s)
{
    return c.lo(c.ea(s).at & 63);
}

// A word is shifted as a doubleword: the amount may be up to 63.
constexpr auto left_logical_32 = [](auto& c, Gr r1, Gr r3, Storage s) { c.w(r1, c.lo(c.zx(c.w(r3)) << shift_amount(c, s))); };
constexpr auto right_logical_32 = [](auto& c, Gr r1, Gr r3, Storage s) { c.w(r1, c.lo(c.zx(c.w(r3)) >> shift_amount(c, s))); };
constexpr auto right_32 = [](auto& c, Gr r1, Gr r3, Storage s) {
    auto result = c.lo(c.sar(c.sx(c.w(r3)), shift_amount(c, s)));
    c.w(r1, result);
    c.cc_sign(result);
};
constexpr auto left_logical_64 = [](auto& c, Gr r1, Gr r3, Storage s) { c.g(r1, c.g(r3) << shift_amount(c, s)); };
constexpr auto right_logical_64 = [](auto& c, Gr r1, Gr r3, Storage s) { c.g(r1, c.g(r3) >> shift_amount(c, s)); };
constexpr auto right_64 = [](auto& c, Gr r1, Gr r3, Storage s) {
    auto result = c.sar(c.g(r3), shift_amount(c, s));
    c.g(r1, result);
    c.cc_sign(result);
};

constexpr auto left_logical_in_place = [](auto& c, Gr r1, Storage s) { left_logical_32(c, r1, r1, s); };
constexpr auto right_logical_in_place = [](auto& c, Gr r1, Storage s) { right_logical_32(c, r1, r1, s); };
constexpr auto right_in_place = [](auto& c, Gr r1, Storage s) { right_32(c, r1, r1, s); };

/// A value of 64 bits shifted left with its sign kept. Condition code 3 when a bit unlike the sign is lost.
u64 shift_left_signed(Cpu& c, u64 value, unsigned amount)
{
    auto is_negative = static_cast<i64>(value) < 0;
    u64 shifted = (value << amount & ~bit_mask<0>) | (value & bit_mask<0>);
    // The sign and the bits that pass it are alike when the arithmetic right shift leaves only copies of the sign.
    bool lost = Cpu::sar(value, 63 - amount) != (is_negative ? ~u64 { 0 } : 0);
    c.cc_sign(shifted);
    if (lost)
        c.cc(3);
    return shifted;
}

constexpr auto left_32
    = [](Cpu& c, Gr r1, Gr r3, Storage s) { c.w(r1, c.hi(shift_left_signed(c, c.zx(c.w(r3)) << 32, shift_amount(c, s)))); };
constexpr auto left_in_place = [](Cpu& c, Gr r1, Storage s) { left_32(c, r1, r1, s); };
constexpr auto left_64 = [](Cpu& c, Gr r1, Gr r3, Storage s) { c.g(r1, shift_left_signed(c, c.g(r3), shift_amount(c, s))); };
constexpr auto left_double
    = [](Cpu& c, GrPair r1, Storage s) { put_words(c, r1, shift_left_signed(c, words_of(c, r1), shift_amount(c, s))); };

constexpr auto right_double = [](auto& c, GrPair r1, Storage s) {
    auto result = c.sar(words_of(c, r1), shift_amount(c, s));
    put_words(c, r1, result);
    c.cc_sign(result);
};
constexpr auto left_double_logical = [](auto& c, GrPair r1, Storage s) { put_words(c, r1, words_of(c, r1) << shift_amount(c, s)); };
constexpr auto right_double_logical = [](auto& c, GrPair r1, Storage s) { put_words(c, r1, words_of(c, r1) >> shift_amount(c, s)); };

constexpr Row rows[] = {
    insn("SLL", 0x89, RS_1, base, problem, left_logical_in_place, "1,4 | r1=1122334455667788 -> r1=1122334456677880",
        "1,0(2) | r1=1122334455667788 r2=60 -> r1=1122334400000000", "1,31 | r1=3 -> r1=80000000"),
    insn("SRL", 0x88, RS_1, base, problem, right_logical_in_place, "1,4 | r1=11223344f5667788 -> r1=112233440f566778",
        "1,63 | r1=11223344f5667788 -> r1=1122334400000000"),
    insn("SLA", 0x8B, RS_1, base, overflow, left_in_place, "1,4 | r1=1122334401234567 -> r1=1122334412345670 cc=2",
        "1,1 | r1=c0000000 -> r1=80000000 cc=1", "1,1 | r1=40000000 -> r1=0 cc=3", "1,63 | r1=80000001 pm=8 -> r1=80000000 cc=3 pgm=8"),
    insn("SRA", 0x8A, RS_1, base, problem, right_in_place, "1,4 | r1=1122334480000000 -> r1=11223344f8000000 cc=1",
        "1,63 | r1=7fffffff cc=1 -> r1=0 cc=0", "1,0 | r1=1 -> cc=2"),
    insn("SLLK", 0xEBDF, RSY, Facility::distinct_operands, problem, left_logical_32,
        "1,3,4 | r1=1122334400000000 r3=55667788 -> r1=1122334456677880"),
    insn("SRLK", 0xEBDE, RSY, Facility::distinct_operands, problem, right_logical_32,
        "1,3,4 | r1=1122334400000000 r3=f5667788 -> r1=112233440f566778"),
    insn("SLAK", 0xEBDD, RSY, Facility::distinct_operands, overflow, left_32,
        "1,3,4 | r1=1122334400000000 r3=1234567 -> r1=1122334412345670 cc=2"),
    insn("SRAK", 0xEBDC, RSY, Facility::distinct_operands, problem, right_32,
        "1,3,4 | r1=1122334400000000 r3=80000000 -> r1=11223344f8000000 cc=1"),
    insn("SLLG", 0xEB0D, RSY, base, problem, left_logical_64, "1,3,60 | r3=1122334455667788 -> r1=8000000000000000",
        "1,3,-1(2) | r2=5 r3=1 -> r1=10"),
    insn("SRLG", 0xEB0C, RSY, base, problem, right_logical_64, "1,3,60 | r3=8122334455667788 -> r1=8"),
    insn("SLAG", 0xEB0B, RSY, base, overflow, left_64, "1,3,4 | r3=1 -> r1=10 cc=2",
        "1,3,1 | r3=8000000000000000 -> r1=8000000000000000 cc=3"),
    insn("SRAG", 0xEB0A, RSY, base, problem, right_64, "1,3,60 | r3=8122334455667788 -> r1=fffffffffffffff8 cc=1"),
    insn("SLDL", 0x8D, RS_P, base, problem, left_double_logical,
        "2,36 | r2=1122334455667788 r3=aabbccdd12345678 -> r2=1122334423456780 r3=aabbccdd00000000", "3,0 | -> pgm=6"),
    insn("SRDL", 0x8C, RS_P, base, problem, right_double_logical,
        "2,4 | r2=11223344f5667788 r3=aabbccdd12345678 -> r2=112233440f566778 r3=aabbccdd81234567"),
    insn("SLDA", 0x8F, RS_P, base, overflow, left_double, "2,4 | r2=1122334401234567 r3=89abcdef -> r2=1122334412345678 r3=9abcdef0 cc=2",
        "2,1 | r2=40000000 r3=1 -> r2=0 r3=2 cc=3"),
    insn("SRDA", 0x8E, RS_P, base, problem, right_double, "2,32 | r2=80000001 r3=5 -> r2=ffffffff r3=80000001 cc=1"),
};

} // namespace

extern constexpr Group general_shift { rows };

} // namespace zvisor::isa
