// COPY ACCESS, EXTRACT ACCESS, SET ACCESS, LOAD / STORE ACCESS MULTIPLE (PoP ch. 7).

#include "isa/insn.h"

#include "cpu/cpu.h"

namespace zvisor::isa {

namespace {

constexpr auto copy_access = [](auto& c, Ar r1, Ar r2) { c.a(r1, c.a(r2)); };
constexpr auto extract_access = [](auto& c, Gr r1, Ar r2) { c.w(r1, c.a(r2)); };
constexpr auto set_access = [](auto& c, Ar r1, Gr r2) { c.a(r1, c.w(r2)); };

[[nodiscard]] constexpr unsigned register_count(Ar r1, Ar r3)
{
    return ((r3.number - r1.number) & 15U) + 1;
}

constexpr auto load_access_multiple = [](Cpu& c, Ar r1, Ar r3, Storage s) {
    u8 words[16 * 4];
    Address a = c.ea(s);
    c.require_aligned(a.at, 4);
    unsigned count = register_count(r1, r3);
    c.load_bytes(a, words, count * 4);
    for (unsigned i = 0; i < count; ++i)
        c.a((r1 + i) & 15, load_be<u32>(words + i * 4));
};
constexpr auto store_access_multiple = [](Cpu& c, Ar r1, Ar r3, Storage s) {
    u8 words[16 * 4];
    Address a = c.ea(s);
    c.require_aligned(a.at, 4);
    unsigned count = register_count(r1, r3);
    for (unsigned i = 0; i < count; ++i)
        store_be<u32>(words + i * 4, c.a((r1 + i) & 15));
    c.store_bytes(a, words, count * 4);
};

constexpr Row rows[] = {
    insn("CPYA", 0xB24D, RRE_AA, base, problem, copy_access, "1,2 | a1=1 a2=80000002 -> a1=80000002"),
    insn("EAR", 0xB24F, RRE_RA, base, problem, extract_access, "1,2 | r1=1122334455667788 a2=80000002 -> r1=1122334480000002"),
    insn("SAR", 0xB24E, RRE_AR, base, problem, set_access, "1,2 | a1=1 r2=1122334455667788 -> a1=55667788"),
    insn("LAM", 0x9A, RS_AA, base, problem, load_access_multiple, "15,0,0(5) | r5=2000 m2000=0000000180000002 -> a15=1 a0=80000002",
        "1,2,2(5) | r5=2000 -> pgm=6"),
    insn("LAMY", 0xEB9A, RSY_AA, Facility::long_displacement, problem, load_access_multiple,
        "1,2,-4(5) | r5=2000 m1ffc=0000000180000002 -> a1=1 a2=80000002"),
    insn("STAM", 0x9B, RS_AA, base, problem, store_access_multiple,
        "15,0,0(5) | a15=1 a0=80000002 r5=2000 m2000=0000000000000000 -> m2000=0000000180000002", "1,2,2(5) | r5=2000 -> pgm=6"),
    insn("STAMY", 0xEB9B, RSY_AA, Facility::long_displacement, problem, store_access_multiple,
        "1,2,-4(5) | a1=1 a2=80000002 r5=2000 m1ffc=0000000000000000 -> m1ffc=0000000180000002"),
};

} // namespace

extern constexpr Group general_access_register { rows };

} // namespace zvisor::isa
