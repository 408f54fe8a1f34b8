// BRANCH ON COUNT, BRANCH ON INDEX HIGH, BRANCH ON INDEX LOW OR EQUAL, and their relative forms (PoP ch. 7).

#include "isa/general/target.h"

namespace zvisor::isa {

namespace {

constexpr auto count_32 = [](auto& c, Gr r1, auto target) {
    auto to = branch_target(c, target);
    auto count = c.w(r1) - 1;
    c.w(r1, count);
    branch_if_not_zero(c, count, to);
};
constexpr auto count_64 = [](auto& c, Gr r1, auto target) {
    auto to = branch_target(c, target);
    auto count = c.g(r1) - 1;
    c.g(r1, count);
    branch_if_not_zero(c, count, to);
};
constexpr auto count_register_32 = [](auto& c, Gr r1, Gr r2) {
    if (r2 != 0)
        count_32(c, r1, r2);
    else
        c.w(r1, c.w(r1) - 1);
};
constexpr auto count_register_64 = [](auto& c, Gr r1, Gr r2) {
    if (r2 != 0)
        count_64(c, r1, r2);
    else
        c.g(r1, c.g(r1) - 1);
};

/// The comparand is in R3 itself when that is odd, else in the register after it.
[[nodiscard]] constexpr u8 comparand_register(Gr r3)
{
    return static_cast<u8>(r3 | 1);
}

constexpr auto index_high_32 = [](auto& c, Gr r1, Gr r3, auto target) {
    auto to = branch_target(c, target);
    auto comparand = c.w(comparand_register(r3));
    auto sum = c.w(r1) + c.w(r3);
    c.w(r1, sum);
    c.branch_if(c.lt_s(comparand, sum), to);
};
constexpr auto index_high_64 = [](auto& c, Gr r1, Gr r3, auto target) {
    auto to = branch_target(c, target);
    auto comparand = c.g(comparand_register(r3));
    auto sum = c.g(r1) + c.g(r3);
    c.g(r1, sum);
    c.branch_if(c.lt_s(comparand, sum), to);
};
constexpr auto index_low_or_equal_32 = [](auto& c, Gr r1, Gr r3, auto target) {
    auto to = branch_target(c, target);
    auto comparand = c.w(comparand_register(r3));
    auto sum = c.w(r1) + c.w(r3);
    c.w(r1, sum);
    c.branch_if(!c.lt_s(comparand, sum), to);
};
constexpr auto index_low_or_equal_64 = [](auto& c, Gr r1, Gr r3, auto target) {
    auto to = branch_target(c, target);
    auto comparand = c.g(comparand_register(r3));
    auto sum = c.g(r1) + c.g(r3);
    c.g(r1, sum);
    c.branch_if(!c.lt_s(comparand, sum), to);
};

constexpr Row rows[] = {
    insn("BCT", 0x46, RX, base, branch, count_32, "1,0(5) | r1=ffffffff00000002 r5=2000 -> r1=ffffffff00000001 ia=2000",
        "1,0(5) | r1=1 r5=2000 -> r1=0 ia=1004", "5,0(5) | r5=2000 -> r5=1fff ia=2000"),
    insn("BCTR", 0x06, RR, base, branch, count_register_32, "1,5 | r1=0 r5=2000 -> r1=ffffffff ia=2000", "1,0 | r1=5 -> r1=4 ia=1002"),
    insn("BCTG", 0xE346, RXY, base, branch, count_64, "1,0(5) | r1=100000000 r5=2000 -> r1=ffffffff ia=2000"),
    insn("BCTGR", 0xB946, RRE, base, branch, count_register_64, "1,5 | r1=1 r5=2000 -> r1=0 ia=1004",
        "1,0 | r1=0 -> r1=ffffffffffffffff ia=1004"),
    insn("BRCT", 0xA76, RI_b, base, branch, count_32, "1,0xff0 | r1=2 -> r1=1 ia=ff0",
        "1,0xff0 | r1=ffffffff00000001 -> r1=ffffffff00000000 ia=1004"),
    insn("BRCTG", 0xA77, RI_b, base, branch, count_64, "1,0xff0 | r1=2 -> r1=1 ia=ff0", "1,0xff0 | r1=1 -> r1=0 ia=1004"),

    insn("BXH", 0x86, RS, base, branch, index_high_32, "1,2,0(5) | r1=1 r2=2 r3=2 r5=2000 -> r1=3 ia=2000",
        "1,3,0(5) | r1=0 r3=2 r5=2000 -> r1=2 ia=1004", "3,3,0(5) | r3=2 r5=2000 -> r3=4 ia=2000"),
    insn("BXHG", 0xEB44, RSY, base, branch, index_high_64,
        "1,2,0(5) | r1=1 r2=ffffffffffffffff r3=ffffffffffffffff r5=2000 -> r1=0 ia=2000"),
    insn("BXLE", 0x87, RS, base, branch, index_low_or_equal_32, "1,2,0(5) | r1=1 r2=2 r3=3 r5=2000 -> r1=3 ia=2000",
        "1,2,0(5) | r1=2 r2=2 r3=3 r5=2000 -> r1=4 ia=1004"),
    insn("BXLEG", 0xEB45, RSY, base, branch, index_low_or_equal_64, "1,2,0(5) | r1=1 r2=2 r3=3 r5=2000 -> r1=3 ia=2000"),
    insn("BRXH", 0x84, RSI, base, branch, index_high_32, "1,2,0xff0 | r1=1 r2=2 r3=2 -> r1=3 ia=ff0"),
    insn("BRXHG", 0xEC44, RIE_e, base, branch, index_high_64, "1,2,0xff0 | r1=1 r2=2 r3=2 -> r1=3 ia=ff0"),
    insn("BRXLE", 0x85, RSI, base, branch, index_low_or_equal_32, "1,2,0xff0 | r1=1 r2=2 r3=3 -> r1=3 ia=ff0",
        "1,2,0xff0 | r1=2 r2=2 r3=3 -> r1=4 ia=1004"),
    insn("BRXLG", 0xEC45, RIE_e, base, branch, index_low_or_equal_64, "1,2,0xff0 | r1=1 r2=2 r3=3 -> r1=3 ia=ff0"),
};

} // namespace

extern constexpr Group general_branch_on_count { rows };

} // namespace zvisor::isa
