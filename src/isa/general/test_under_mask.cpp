// TEST UNDER MASK (PoP ch. 7).

#include "isa/insn.h"

namespace zvisor::isa {

namespace {

constexpr auto test_byte = [](auto& c, Storage s, Unsigned i2) {
    auto byte = c.load8(c.ea(s));
    using Word = decltype(byte);
    if (i2.value)
        c.cc_test_byte(byte & i2.value, Word { i2.value });
    else
        c.cc(u8 { 0 });
};

template<unsigned Left>
constexpr auto test_halfword = [](auto& c, Gr r1, Unsigned i2) {
    auto half = c.lo(c.g(r1) >> Left);
    using Word = decltype(half);
    if (i2.value)
        c.cc_test_halfword(half & i2.value, Word { i2.value });
    else
        c.cc(u8 { 0 });
};

constexpr Row rows[] = {
    insn("TM", 0x91, SI, base, problem, test_byte, "0(5),129 | r5=2000 m2000=7e cc=3 -> cc=0", "0(5),129 | r5=2000 m2000=7f -> cc=1",
        "0(5),129 | r5=2000 m2000=81 -> cc=3", "0(5),0 | r5=2000 m2000=81 cc=3 -> cc=0"),
    insn("TMY", 0xEB51, SIY, Facility::long_displacement, problem, test_byte, "-1(5),129 | r5=2000 m1fff=ff -> cc=3",
        "-1(5),128 | r5=2000 m1fff=80 -> cc=3", "-1(5),128 | r5=2000 m1fff=7f cc=3 -> cc=0"),
    insn("TMHH", 0xA72, RI_au, base, problem, test_halfword<48>, "1,32769 | r1=8001000000000000 -> cc=3",
        "1,32769 | r1=8000000000000000 -> cc=2"),
    insn(
        "TMHL", 0xA73, RI_au, base, problem, test_halfword<32>, "1,32769 | r1=7ffe00000000 cc=1 -> cc=0", "1,32769 | r1=100000000 -> cc=1"),
    insn("TMLH", 0xA70, RI_au, base, problem, test_halfword<16>, "1,32769 | r1=80010000 -> cc=3", "1,32769 | r1=80000000 -> cc=2",
        "1,16 | r1=100000 -> cc=3", "1,16 | r1=ffffffffffefffff cc=3 -> cc=0"),
    insn("TMLL", 0xA71, RI_au, base, problem, test_halfword<0>, "1,32769 | r1=ffff7ffe cc=1 -> cc=0", "1,32769 | r1=1 -> cc=1",
        "1,32769 | r1=8000 -> cc=2", "1,0 | r1=8000 cc=3 -> cc=0"),
};

} // namespace

extern constexpr Group general_test_under_mask { rows };

} // namespace zvisor::isa
