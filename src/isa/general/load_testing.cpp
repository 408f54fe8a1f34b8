// LOAD AND TEST, LOAD COMPLEMENT, LOAD NEGATIVE, LOAD POSITIVE (PoP ch. 7).

#include "isa/general/sources.h"

namespace zvisor::isa {

namespace {

constexpr auto load_and_test_32 = [](auto& c, Gr r1, auto src) {
    auto value = get32(c, src);
    c.w(r1, value);
    c.cc_sign(value);
};
constexpr auto load_and_test_64 = [](auto& c, Gr r1, auto src) {
    auto value = get64(c, src);
    c.g(r1, value);
    c.cc_sign(value);
};
constexpr auto load_and_test_64_from_32 = [](auto& c, Gr r1, auto src) {
    auto value = get64_from32(c, src);
    c.g(r1, value);
    c.cc_sign(value);
};

constexpr auto load_complement_32 = [](auto& c, Gr r1, Gr r2) { c.w(r1, c.sub_s(u32 { 0 }, c.w(r2))); };
constexpr auto load_complement_64 = [](auto& c, Gr r1, Gr r2) { c.g(r1, c.sub_s(u64 { 0 }, c.g(r2))); };
constexpr auto load_complement_64_from_32 = [](auto& c, Gr r1, Gr r2) { c.g(r1, c.sub_s(u64 { 0 }, get64_from32(c, r2))); };

// With s all ones for a negative value and zero otherwise, (value ^ s) - s is the absolute value.
constexpr auto load_positive_32 = [](auto& c, Gr r1, Gr r2) {
    auto value = c.w(r2);
    auto s = c.sar(value, 31);
    c.w(r1, c.sub_s(value ^ s, s));
};
template<class C>
void load_positive(C& c, Gr r1, auto value)
{
    auto s = c.sar(value, 63);
    c.g(r1, c.sub_s(value ^ s, s));
}
constexpr auto load_positive_64 = [](auto& c, Gr r1, Gr r2) { load_positive(c, r1, c.g(r2)); };
constexpr auto load_positive_64_from_32 = [](auto& c, Gr r1, Gr r2) { load_positive(c, r1, get64_from32(c, r2)); };

constexpr auto load_negative_32 = [](auto& c, Gr r1, Gr r2) {
    auto value = c.w(r2);
    auto s = c.sar(value, 31);
    auto result = s - (value ^ s);
    c.w(r1, result);
    c.cc_sign(result);
};
template<class C>
void load_negative(C& c, Gr r1, auto value)
{
    auto s = c.sar(value, 63);
    auto result = s - (value ^ s);
    c.g(r1, result);
    c.cc_sign(result);
}
constexpr auto load_negative_64 = [](auto& c, Gr r1, Gr r2) { load_negative(c, r1, c.g(r2)); };
constexpr auto load_negative_64_from_32 = [](auto& c, Gr r1, Gr r2) { load_negative(c, r1, get64_from32(c, r2)); };

constexpr Row rows[] = {
    insn("LTR", 0x12, RR, base, problem, load_and_test_32, "1,2 | r1=ffffffff00000000 r2=80000000 -> r1=ffffffff80000000 cc=1",
        "1,1 | r1=ffffffff00000000 cc=1 -> cc=0", "1,2 | r2=5 -> r1=5 cc=2"),
    insn(
        "LTGR", 0xB902, RRE, base, problem, load_and_test_64, "1,2 | r2=80000000 -> r1=80000000 cc=2", "1,1 | r1=8000000000000000 -> cc=1"),
    insn("LTGFR", 0xB912, RRE, base, problem, load_and_test_64_from_32, "1,2 | r2=80000000 -> r1=ffffffff80000000 cc=1"),
    insn("LT", 0xE312, RXY, Facility::extended_immediate, problem, load_and_test_32, "1,0(5) | r5=2000 m2000=80000000 -> r1=80000000 cc=1"),
    insn("LTG", 0xE302, RXY, Facility::extended_immediate, problem, load_and_test_64,
        "1,0(5) | r5=2000 m2000=8000000000000000 -> r1=8000000000000000 cc=1"),
    insn("LTGF", 0xE332, RXY, Facility::general_instructions_extension, problem, load_and_test_64_from_32,
        "1,0(5) | r5=2000 m2000=80000000 -> r1=ffffffff80000000 cc=1"),

    insn("LCR", 0x13, RR, base, overflow, load_complement_32, "1,2 | r1=1122334455667788 r2=1 -> r1=11223344ffffffff cc=1",
        "1,1 | r1=80000000 -> cc=3", "1,1 | r1=80000000 pm=8 -> cc=3 pgm=8"),
    insn("LCGR", 0xB903, RRE, base, overflow, load_complement_64, "1,2 | r2=ffffffffffffffff -> r1=1 cc=2",
        "1,1 | r1=8000000000000000 -> cc=3"),
    insn("LCGFR", 0xB913, RRE, base, problem, load_complement_64_from_32, "1,2 | r2=80000000 -> r1=80000000 cc=2"),
    insn("LNR", 0x11, RR, base, problem, load_negative_32, "1,2 | r1=1122334455667788 r2=1 -> r1=11223344ffffffff cc=1",
        "1,2 | r2=80000000 -> r1=80000000 cc=1", "1,2 | r1=5 r2=0 cc=1 -> r1=0 cc=0"),
    insn("LNGR", 0xB901, RRE, base, problem, load_negative_64, "1,2 | r2=1 -> r1=ffffffffffffffff cc=1",
        "1,2 | r2=fffffffffffffffe -> r1=fffffffffffffffe cc=1"),
    insn("LNGFR", 0xB911, RRE, base, problem, load_negative_64_from_32, "1,2 | r2=1 -> r1=ffffffffffffffff cc=1"),
    insn("LPR", 0x10, RR, base, overflow, load_positive_32, "1,2 | r1=1122334455667788 r2=ffffffff -> r1=1122334400000001 cc=2",
        "1,1 | r1=80000000 -> cc=3", "1,2 | r2=7 -> r1=7 cc=2", "1,1 | cc=1 -> cc=0"),
    insn("LPGR", 0xB900, RRE, base, overflow, load_positive_64, "1,2 | r2=fffffffffffffffe -> r1=2 cc=2",
        "1,1 | r1=8000000000000000 pm=8 -> cc=3 pgm=8"),
    insn("LPGFR", 0xB910, RRE, base, problem, load_positive_64_from_32, "1,2 | r2=80000000 -> r1=80000000 cc=2"),
};

} // namespace

extern constexpr Group general_load_testing { rows };

} // namespace zvisor::isa
