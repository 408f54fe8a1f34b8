// COMPARE AND TRAP, COMPARE LOGICAL AND TRAP, LOAD AND TRAP (PoP ch. 7).

#include "isa/general/relation.h"

namespace zvisor::isa {

namespace {

void trap_if(Cpu& c, bool condition)
{
    if (condition)
        c.data_exception(DataCode::compare_and_trap);
}

template<class Order>
struct CompareAndTrap {
    static constexpr auto word = [](Cpu& c, Gr r1, auto src, Mask m3) { trap_if(c, related<Order>(c, c.w(r1), get32(c, src), m3)); };
    static constexpr auto doubleword = [](Cpu& c, Gr r1, auto src, Mask m3) { trap_if(c, related<Order>(c, c.g(r1), get64(c, src), m3)); };
};
using Arithmetic = CompareAndTrap<SignedOrder>;
using Logical = CompareAndTrap<UnsignedOrder>;

constexpr auto compare_storage_32 = [](Cpu& c, Gr r1, Mask m3, Storage s) { Logical::word(c, r1, s, m3); };
constexpr auto compare_storage_64 = [](Cpu& c, Gr r1, Mask m3, Storage s) { Logical::doubleword(c, r1, s, m3); };

// Loading is completed before the trap.
constexpr auto load_32 = [](Cpu& c, Gr r1, Storage s) {
    u32 value = get32(c, s);
    c.w(r1, value);
    trap_if(c, value == 0);
};
constexpr auto load_64 = [](Cpu& c, Gr r1, Storage s) {
    u64 value = get64(c, s);
    c.g(r1, value);
    trap_if(c, value == 0);
};
constexpr auto load_high = [](Cpu& c, Gr r1, Storage s) {
    u32 value = get32(c, s);
    c.h(r1, value);
    trap_if(c, value == 0);
};
constexpr auto load_logical = [](Cpu& c, Gr r1, Storage s) {
    u64 value = c.zx(get32(c, s));
    c.g(r1, value);
    trap_if(c, value == 0);
};
constexpr auto load_logical_thirty_one_bits = [](Cpu& c, Gr r1, Storage s) {
    u64 value = c.zx(get32(c, s) & 0x7fffffff);
    c.g(r1, value);
    trap_if(c, value == 0);
};

constexpr Row rows[] = {
    insn("CRT", 0xB972, RRF_c, Facility::general_instructions_extension, problem, Arithmetic::word,
        "1,2,4 | r1=80000000 r2=1 -> pgm=7 fpc=ff00", "1,2,2 | r1=80000000 r2=1 -> ia=1004"),
    insn("CGRT", 0xB960, RRF_c, Facility::general_instructions_extension, problem, Arithmetic::doubleword,
        "1,2,8 | r1=5 r2=5 -> pgm=7 fpc=ff00", "1,2,6 | r1=5 r2=5 -> ia=1004"),
    insn("CIT", 0xEC72, RIE_a, Facility::general_instructions_extension, problem, Arithmetic::word,
        "1,-1,8 | r1=ffffffff -> pgm=7 fpc=ff00", "1,-1,4 | r1=ffffffff -> ia=1006"),
    insn("CGIT", 0xEC70, RIE_a, Facility::general_instructions_extension, problem, Arithmetic::doubleword,
        "1,-1,2 | r1=ffffffff -> pgm=7 fpc=ff00", "1,-1,8 | r1=ffffffff -> ia=1006"),
    insn("CLRT", 0xB973, RRF_c, Facility::general_instructions_extension, problem, Logical::word,
        "1,2,2 | r1=80000000 r2=1 -> pgm=7 fpc=ff00", "1,2,4 | r1=80000000 r2=1 -> ia=1004"),
    insn("CLGRT", 0xB961, RRF_c, Facility::general_instructions_extension, problem, Logical::doubleword,
        "1,2,2 | r1=8000000000000000 r2=1 -> pgm=7 fpc=ff00", "1,2,0 | -> ia=1004"),
    insn("CLFIT", 0xEC73, RIE_au, Facility::general_instructions_extension, problem, Logical::word, "1,65535,4 | r1=1 -> pgm=7 fpc=ff00",
        "1,65535,4 | r1=ffffffff -> ia=1006"),
    insn("CLGIT", 0xEC71, RIE_au, Facility::general_instructions_extension, problem, Logical::doubleword,
        "1,65535,8 | r1=ffff -> pgm=7 fpc=ff00", "1,65535,4 | r1=100000000 -> ia=1006"),
    insn("CLT", 0xEB23, RSY_m, Facility::execution_hint, problem, compare_storage_32,
        "1,4,0(5) | r1=1 r5=2000 m2000=ffffffff -> pgm=7 fpc=ff00", "1,2,0(5) | r1=1 r5=2000 m2000=ffffffff -> ia=1006"),
    insn("CLGT", 0xEB2B, RSY_m, Facility::execution_hint, problem, compare_storage_64,
        "1,8,0(5) | r1=1 r5=2000 m2000=0000000000000001 -> pgm=7 fpc=ff00", "1,6,0(5) | r1=1 r5=2000 m2000=0000000000000001 -> ia=1006"),

    insn("LAT", 0xE39F, RXY, Facility::execution_hint, problem, load_32,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000005 -> r1=1122334400000005",
        "1,0(5) | r1=1122334455667788 r5=2000 -> r1=1122334400000000 pgm=7 fpc=ff00"),
    insn("LGAT", 0xE385, RXY, Facility::execution_hint, problem, load_64, "1,0(5) | r5=2000 m2000=0000000100000005 -> r1=100000005",
        "1,0(5) | r1=5 r5=2000 -> r1=0 pgm=7 fpc=ff00"),
    insn("LFHAT", 0xE3C8, RXY, Facility::execution_hint, problem, load_high,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=00000005 -> r1=555667788",
        "1,0(5) | r1=1122334455667788 r5=2000 -> r1=55667788 pgm=7 fpc=ff00"),
    insn("LLGFAT", 0xE39D, RXY, Facility::execution_hint, problem, load_logical,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=80000005 -> r1=80000005",
        "1,0(5) | r1=1122334455667788 r5=2000 -> r1=0 pgm=7 fpc=ff00"),
    insn("LLGTAT", 0xE39C, RXY, Facility::execution_hint, problem, load_logical_thirty_one_bits,
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=80000005 -> r1=5",
        "1,0(5) | r1=1122334455667788 r5=2000 m2000=80000000 -> r1=0 pgm=7 fpc=ff00"),
};

} // namespace

extern constexpr Group general_compare_and_trap { rows };

} // namespace zvisor::isa
