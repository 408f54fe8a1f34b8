// MULTIPLY, MULTIPLY LOGICAL, MULTIPLY HALFWORD, MULTIPLY SINGLE (PoP ch. 7).

#include "isa/general/formats.h"
#include "isa/general/pair.h"
#include "isa/general/sources.h"

namespace zvisor::isa {

namespace {

constexpr auto multiply_32 = [](auto& c, GrPair r1, auto src) {
    auto y = get64_from32(c, src);
    put_words(c, r1, c.sx(c.w(second_of(r1))) * y);
};
constexpr auto multiply_logical_32 = [](auto& c, GrPair r1, auto src) {
    auto y = get64_from32_unsigned(c, src);
    put_words(c, r1, c.zx(c.w(second_of(r1))) * y);
};

constexpr auto multiply_64 = [](auto& c, GrPair r1, Storage s) {
    auto y = get64(c, s);
    auto x = c.g(second_of(r1));
    c.g(r1, c.high_product_s(x, y));
    c.g(second_of(r1), x * y);
};
constexpr auto multiply_64_of_registers = [](auto& c, GrPair r1, Gr r2, Gr r3) {
    auto x = c.g(r2);
    auto y = c.g(r3);
    c.g(r1, c.high_product_s(x, y));
    c.g(second_of(r1), x * y);
};
constexpr auto multiply_logical_64 = [](auto& c, GrPair r1, auto src) {
    auto y = get64(c, src);
    auto x = c.g(second_of(r1));
    c.g(r1, c.high_product_u(x, y));
    c.g(second_of(r1), x * y);
};

constexpr auto multiply_single_32 = [](auto& c, Gr r1, auto src) {
    auto y = get32(c, src);
    c.w(r1, c.w(r1) * y);
};
constexpr auto multiply_single_64 = [](auto& c, Gr r1, auto src) {
    auto y = get64(c, src);
    c.g(r1, c.g(r1) * y);
};
constexpr auto multiply_single_64_by_32 = [](auto& c, Gr r1, auto src) {
    auto y = get64_from32(c, src);
    c.g(r1, c.g(r1) * y);
};
constexpr auto multiply_halfword_32 = [](auto& c, Gr r1, auto src) {
    auto y = get32_from16(c, src);
    c.w(r1, c.w(r1) * y);
};
constexpr auto multiply_halfword_64 = [](auto& c, Gr r1, auto src) {
    auto y = get64_from16(c, src);
    c.g(r1, c.g(r1) * y);
};

// The forms that set the condition code.
template<class T>
T multiply_with_overflow(Cpu& c, T x, T y)
{
    using SignedT = std::make_signed_t<T>;
    SignedT product;
    bool overflowed = __builtin_mul_overflow(static_cast<SignedT>(x), static_cast<SignedT>(y), &product);
    auto result = static_cast<T>(product);
    c.cc_sign(result);
    if (overflowed)
        c.cc(3);
    return result;
}
constexpr auto multiply_single_overflow_32 = [](Cpu& c, Gr r1, Storage s) { c.w(r1, multiply_with_overflow(c, c.w(r1), get32(c, s))); };
constexpr auto multiply_single_overflow_64 = [](Cpu& c, Gr r1, Storage s) { c.g(r1, multiply_with_overflow(c, c.g(r1), get64(c, s))); };
constexpr auto multiply_single_registers_32 = [](Cpu& c, Gr r1, Gr r2, Gr r3) { c.w(r1, multiply_with_overflow(c, c.w(r2), c.w(r3))); };
constexpr auto multiply_single_registers_64 = [](Cpu& c, Gr r1, Gr r2, Gr r3) { c.g(r1, multiply_with_overflow(c, c.g(r2), c.g(r3))); };

constexpr Row rows[] = {
    insn("MR", 0x1C, RR_PR, base, problem, multiply_32, "2,4 | r2=1122334400000000 r3=fffffffe r4=80000000 -> r2=1122334400000001 r3=0",
        "1,4 | -> pgm=6"),
    insn("M", 0x5C, RX_P, base, problem, multiply_32, "2,0(5) | r3=3 r5=2000 m2000=fffffffe -> r2=ffffffff r3=fffffffa"),
    insn("MFY", 0xE35C, RXY_P, Facility::general_instructions_extension, problem, multiply_32,
        "2,-4(5) | r3=3 r5=2000 m1ffc=fffffffe -> r2=ffffffff r3=fffffffa"),
    insn("MG", 0xE384, RXY_P, Facility::miscellaneous_instruction_extensions_2, problem, multiply_64,
        "2,0(5) | r3=3 r5=2000 m2000=fffffffffffffffe -> r2=ffffffffffffffff r3=fffffffffffffffa"),
    insn("MGRK", 0xB9EC, RRF_a_PRR, Facility::miscellaneous_instruction_extensions_2, problem, multiply_64_of_registers,
        "2,4,5 | r4=fffffffffffffffe r5=8000000000000000 -> r2=1 r3=0"),
    insn("MLR", 0xB996, RRE_PR, base, problem, multiply_logical_32, "2,4 | r3=ffffffff r4=ffffffff -> r2=fffffffe r3=1"),
    insn("ML", 0xE396, RXY_P, base, problem, multiply_logical_32, "2,0(5) | r3=ffffffff r5=2000 m2000=00000002 -> r2=1 r3=fffffffe"),
    insn("MLGR", 0xB986, RRE_PR, base, problem, multiply_logical_64,
        "2,4 | r3=ffffffffffffffff r4=ffffffffffffffff -> r2=fffffffffffffffe r3=1"),
    insn("MLG", 0xE386, RXY_P, base, problem, multiply_logical_64,
        "2,0(5) | r3=ffffffffffffffff r5=2000 m2000=0000000000000002 -> r2=1 r3=fffffffffffffffe"),
    insn("MH", 0x4C, RX, base, problem, multiply_halfword_32, "1,0(5) | r1=1122334400000003 r5=2000 m2000=fffe -> r1=11223344fffffffa"),
    insn("MHY", 0xE37C, RXY, Facility::general_instructions_extension, problem, multiply_halfword_32,
        "1,-2(5) | r1=3 r5=2000 m1ffe=fffe -> r1=fffffffa"),
    insn("MGH", 0xE33C, RXY, Facility::miscellaneous_instruction_extensions_2, problem, multiply_halfword_64,
        "1,0(5) | r1=3 r5=2000 m2000=fffe -> r1=fffffffffffffffa"),
    insn("MHI", 0xA7C, RI_a, base, problem, multiply_single_32, "1,-2 | r1=1122334400000003 -> r1=11223344fffffffa"),
    insn("MGHI", 0xA7D, RI_a, base, problem, multiply_single_64, "1,-2 | r1=3 -> r1=fffffffffffffffa"),
    insn("MSR", 0xB252, RRE, base, problem, multiply_single_32, "1,2 | r1=1122334400010001 r2=10001 -> r1=1122334400020001"),
    insn("MSGR", 0xB90C, RRE, base, problem, multiply_single_64, "1,2 | r1=100000001 r2=100000001 -> r1=200000001"),
    insn("MSGFR", 0xB91C, RRE, base, problem, multiply_single_64_by_32, "1,2 | r1=3 r2=fffffffe -> r1=fffffffffffffffa"),
    insn("MS", 0x71, RX, base, problem, multiply_single_32, "1,0(5) | r1=3 r5=2000 m2000=00000005 -> r1=f"),
    insn("MSY", 0xE351, RXY, Facility::long_displacement, problem, multiply_single_32, "1,-4(5) | r1=3 r5=2000 m1ffc=00000005 -> r1=f"),
    insn("MSG", 0xE30C, RXY, base, problem, multiply_single_64, "1,0(5) | r1=3 r5=2000 m2000=0000000100000005 -> r1=30000000f"),
    insn("MSGF", 0xE31C, RXY, base, problem, multiply_single_64_by_32, "1,0(5) | r1=3 r5=2000 m2000=fffffffe -> r1=fffffffffffffffa"),
    insn("MSFI", 0xC21, RIL_a, Facility::general_instructions_extension, problem, multiply_single_32, "1,-2 | r1=3 -> r1=fffffffa"),
    insn(
        "MSGFI", 0xC20, RIL_a, Facility::general_instructions_extension, problem, multiply_single_64, "1,-2 | r1=3 -> r1=fffffffffffffffa"),
    insn("MSC", 0xE353, RXY, Facility::miscellaneous_instruction_extensions_2, overflow, multiply_single_overflow_32,
        "1,0(5) | r1=1122334400000003 r5=2000 m2000=fffffffe -> r1=11223344fffffffa cc=1",
        "1,0(5) | r1=40000000 r5=2000 m2000=00000002 pm=8 -> r1=80000000 cc=3 pgm=8"),
    insn("MSGC", 0xE383, RXY, Facility::miscellaneous_instruction_extensions_2, overflow, multiply_single_overflow_64,
        "1,0(5) | r1=3 r5=2000 m2000=0000000000000005 -> r1=f cc=2"),
    insn("MSRKC", 0xB9FD, RRF_a, Facility::miscellaneous_instruction_extensions_2, overflow, multiply_single_registers_32,
        "1,2,3 | r1=1122334455667788 r2=3 r3=0 -> r1=1122334400000000 cc=0"),
    insn("MSGRKC", 0xB9ED, RRF_a, Facility::miscellaneous_instruction_extensions_2, overflow, multiply_single_registers_64,
        "1,2,3 | r2=4000000000000000 r3=4 -> r1=0 cc=3"),
};

} // namespace

extern constexpr Group general_multiply { rows };

} // namespace zvisor::isa
