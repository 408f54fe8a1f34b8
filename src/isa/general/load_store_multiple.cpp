// LOAD MULTIPLE, STORE MULTIPLE and LOAD MULTIPLE DISJOINT (PoP ch. 7).

#include "isa/insn.h"

#include "cpu/elements.h"

namespace zvisor::isa {

namespace {

[[nodiscard]] constexpr unsigned register_count(Gr r1, Gr r3)
{
    return ((r3.number - r1.number) & 15U) + 1;
}

[[nodiscard]] constexpr u8 register_after(Gr r1, unsigned by)
{
    return static_cast<u8>((r1.number + by) & 15U);
}

constexpr auto load_multiple_32 = [](Cpu& c, Gr r1, Gr r3, Storage s) {
    load_elements<u32>(c, c.ea(s), register_count(r1, r3), [&c, r1](unsigned i, u32 value) { c.w(register_after(r1, i), value); });
};
constexpr auto load_multiple_64 = [](auto& c, Gr r1, Gr r3, Storage s) { c.load_registers(r1, r3, c.ea(s)); };
constexpr auto load_multiple_high = [](Cpu& c, Gr r1, Gr r3, Storage s) {
    load_elements<u32>(c, c.ea(s), register_count(r1, r3), [&c, r1](unsigned i, u32 value) { c.h(register_after(r1, i), value); });
};
void store_words(Cpu& c, Gr r1, Gr r3, Storage s)
{
    store_elements<u32>(c, c.ea(s), register_count(r1, r3), [&c, r1](unsigned i) { return c.w(register_after(r1, i)); });
}
void store_words(ir::Builder& c, Gr r1, Gr r3, Storage s)
{
    c.store_words(r1, r3, c.ea(s));
}

constexpr auto store_multiple_32 = [](auto& c, Gr r1, Gr r3, Storage s) { store_words(c, r1, r3, s); };
constexpr auto store_multiple_64 = [](auto& c, Gr r1, Gr r3, Storage s) { c.store_registers(r1, r3, c.ea(s)); };
constexpr auto store_multiple_high = [](Cpu& c, Gr r1, Gr r3, Storage s) {
    store_elements<u32>(c, c.ea(s), register_count(r1, r3), [&c, r1](unsigned i) { return c.h(register_after(r1, i)); });
};

constexpr auto load_multiple_disjoint = [](Cpu& c, Gr r1, Gr r3, Storage high, Storage low) {
    unsigned count = register_count(r1, r3);
    u8 bytes[2][64];
    Address second = c.ea(high);
    Address fourth = c.ea(low);
    c.load_bytes(second, bytes[0], count * 4);
    c.load_bytes(fourth, bytes[1], count * 4);
    for (unsigned i = 0; i < count; ++i)
        c.g(register_after(r1, i), u64 { load_be<u32>(bytes[0] + i * 4) } << 32 | load_be<u32>(bytes[1] + i * 4));
};

constexpr Row rows[] = {
    insn("LM", 0x98, RS, base, problem, load_multiple_32,
        "15,1,0(5) | r0=1122334455667788 r5=2000 m2000=000000010000000200000003 -> r15=1 r0=1122334400000002 r1=3"),
    insn("LMY", 0xEB98, RSY, Facility::long_displacement, problem, load_multiple_32,
        "1,2,-4(5) | r5=2000 m1ffc=0000000100000002 -> r1=1 r2=2"),
    insn("LMG", 0xEB04, RSY, base, problem, load_multiple_64,
        "4,6,0(5) | r5=2000 m2000=000000000000000100000000000000020000000000000003 -> r4=1 r5=2 r6=3",
        "1,2,0(5) | r5=2ffc m2ffc=00000000000000010000000000000002 -> r1=1 r2=2", "1,2,0(5) | r5=ffff8 -> pgm=5"),
    insn("LMH", 0xEB96, RSY, base, problem, load_multiple_high,
        "1,2,0(5) | r1=1122334455667788 r5=2000 m2000=0000000100000002 -> r1=155667788 r2=200000000"),
    insn("LMD", 0xEF, SS_e, base, problem, load_multiple_disjoint,
        "1,2,0(5),0(6) | r5=2000 r6=3000 m2000=0000000100000002 m3000=8000000180000002 -> r1=180000001 r2=280000002"),
    insn("STM", 0x90, RS, base, problem, store_multiple_32,
        "15,1,0(5) | r15=1122334455667788 r0=1 r1=2 r5=2000 m2000=000000000000000000000000 -> m2000=556677880000000100000002"),
    insn("STMY", 0xEB90, RSY, Facility::long_displacement, problem, store_multiple_32,
        "1,2,-4(5) | r1=1 r2=2 r5=2000 m1ffc=0000000000000000 -> m1ffc=0000000100000002"),
    insn("STMG", 0xEB24, RSY, base, problem, store_multiple_64,
        "1,2,0(5) | r1=1122334455667788 r2=2 r5=2000 m2000=00000000000000000000000000000000 -> m2000=11223344556677880000000000000002",
        "1,2,0(5) | r1=1122334455667788 r2=2 r5=2ff6 m2ff6=00000000000000000000000000000000 -> m2ff6=11223344556677880000000000000002",
        "1,2,0(5) | r1=1 r2=2 r5=ffff8 mffff8=1111111111111111 -> pgm=5"),
    insn("STMH", 0xEB26, RSY, base, problem, store_multiple_high,
        "1,2,0(5) | r1=1122334455667788 r2=200000000 r5=2000 m2000=0000000000000000 -> m2000=1122334400000002"),
};

} // namespace

extern constexpr Group general_load_store_multiple { rows };

} // namespace zvisor::isa
