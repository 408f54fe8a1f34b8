// Control registers and the program parameter (PoP ch. 10, LOAD CONTROL to STORE CONTROL).

#include "isa/control/control.h"

namespace zvisor::isa {

namespace {

/// Number of control registers from `first` to `last`, which wrap from 15 to 0.
[[nodiscard]] unsigned register_count(u8 first, u8 last)
{
    return ((last - first) & 15u) + 1;
}

constexpr auto lctl = [](Cpu& c, Cr r1, Cr r3, Storage source) {
    auto a = c.ea(source);
    c.require_aligned(a.at, 4);
    u8 words[16 * 4];
    unsigned count = register_count(r1, r3);
    c.load_bytes(a, words, u64 { count } * 4);
    for (unsigned i = 0; i < count; ++i) {
        u64& cr = c.cr[(r1 + i) & 15u];
        cr = with_bits<32, 63>(cr, load_be<u32>(words + i * 4));
    }
    serialize();
    c.control_registers_changed();
};

constexpr auto lctlg = [](Cpu& c, Cr r1, Cr r3, Storage source) {
    auto a = c.ea(source);
    c.require_aligned(a.at, 8);
    u8 doublewords[16 * 8];
    unsigned count = register_count(r1, r3);
    c.load_bytes(a, doublewords, u64 { count } * 8);
    for (unsigned i = 0; i < count; ++i)
        c.cr[(r1 + i) & 15u] = load_be<u64>(doublewords + i * 8);
    serialize();
    c.control_registers_changed();
};

constexpr auto stctl = [](Cpu& c, Cr r1, Cr r3, Storage target) {
    auto a = c.ea(target);
    c.require_aligned(a.at, 4);
    u8 words[16 * 4];
    unsigned count = register_count(r1, r3);
    for (unsigned i = 0; i < count; ++i)
        store_be<u32>(words + i * 4, c.lo(c.cr[(r1 + i) & 15u]));
    c.store_bytes(a, words, u64 { count } * 4);
};

constexpr auto stctg = [](Cpu& c, Cr r1, Cr r3, Storage target) {
    auto a = c.ea(target);
    c.require_aligned(a.at, 8);
    u8 doublewords[16 * 8];
    unsigned count = register_count(r1, r3);
    for (unsigned i = 0; i < count; ++i)
        store_be<u64>(doublewords + i * 8, c.cr[(r1 + i) & 15u]);
    c.store_bytes(a, doublewords, u64 { count } * 8);
};

/// The program parameter is part of CPU-measurement samples only, so nothing else shows it.
constexpr auto lpp = [](Cpu& c, Storage source) {
    auto a = c.ea(source);
    c.require_aligned(a.at, 8);
    (void)c.load64(a);
};

constexpr Row rows[] = {
    insn("LCTL", 0xB7, RS_CC, base, privileged | context, lctl,
        "2,3,0(1) | r1=100 m100=1122334455667788 c2=aabbccdd00000000 -> c2=aabbccdd11223344 c3=55667788", "1,1,2(0) | -> pgm=6"),
    insn("LCTLG", 0xEB2F, RSY_CC, base, privileged | context, lctlg,
        "15,2,0(3) | r3=200 m200=000000000000000100000000000600e000000000000000030000000000000004 -> c15=1 c0=600e0 c1=3 c2=4",
        "1,1,4(0) | -> pgm=6"),
    insn("STCTL", 0xB6, RS_CC, base, privileged, stctl, "2,3,0(1) | r1=100 c2=aabbccdd11223344 c3=55667788 -> m100=1122334455667788",
        "1,1,2(0) | -> pgm=6"),
    insn("STCTG", 0xEB25, RSY_CC, base, privileged, stctg,
        "15,1,0(3) | r3=200 c15=1 c0=600e2 c1=3 -> m200=000000000000000100000000000600e20000000000000003", "1,1,4(0) | -> pgm=6"),
    insn("LPP", 0xB280, S, Facility::set_program_parameters, privileged, lpp, "0(1) | r1=100 ->", "4(0) | -> pgm=6"),
};

} // namespace

extern constexpr Group control_control_registers { rows };

} // namespace zvisor::isa
