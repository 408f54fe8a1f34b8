// The floating-point-control register: PoP ch. 9, "Floating-Point-Support Instructions".
#include "isa/fp_support/fpc.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// Raises specification unless `value` may be placed in the FPC register.
void check(Cpu& c, u32 value)
{
    bool extension = c.has(Facility::floating_point_extension);
    u32 unassigned = extension ? Fpc::unassigned : Fpc::unassigned | Fpc::quantum;
    if ((value & unassigned) || !Fpc::valid_bfp_rounding(value & Fpc::bfp_rounding, extension))
        c.specification();
}

/// The data-exception code of a simulated IEEE exception: a flag signaled by the old FPC and enabled by the new one; 0 for none.
u8 simulated_exception(u32 signaling, u32 masks)
{
    constexpr u32 overflow_or_underflow = 0x30;
    constexpr u32 inexact = 0x08;
    constexpr u32 simulated = 0x03;
    u32 enabled = signaling >> Fpc::flags_shift & masks >> Fpc::masks_shift & 0xfc;
    if (!enabled)
        return 0;
    u32 first = std::bit_floor(enabled);
    if (first & overflow_or_underflow)
        first |= signaling >> Fpc::flags_shift & inexact;
    return static_cast<u8>(first | simulated);
}

void set_and_signal(Cpu& c, u32 value)
{
    check(c, value);
    u32 signaling = c.fpc & (Fpc::flags | (Fpc::quantum & 0x00ff0000));
    c.fpc = value | signaling;
    if (u8 code = simulated_exception(signaling, value))
        c.data_exception(static_cast<DataCode>(code));
}

constexpr auto extract = [](Cpu& c, Gr r1) { c.w(r1, c.fpc); };
constexpr auto set = [](Cpu& c, Gr r1) {
    check(c, c.w(r1));
    c.fpc = c.w(r1);
};
constexpr auto load = [](Cpu& c, Storage from) {
    u32 value = c.load32(c.ea(from));
    check(c, value);
    c.fpc = value;
};
constexpr auto store = [](Cpu& c, Storage to) { c.store32(c.ea(to), c.fpc); };
constexpr auto set_signal = [](Cpu& c, Gr r1) { set_and_signal(c, c.w(r1)); };
constexpr auto load_signal = [](Cpu& c, Storage from) { set_and_signal(c, c.load32(c.ea(from))); };

constexpr auto set_rounding_2 = [](Cpu& c, Storage mode) { c.fpc = (c.fpc & ~Fpc::bfp_rounding) | static_cast<u32>(c.ea(mode).at & 3); };
constexpr auto set_rounding_3 = [](Cpu& c, Storage operand) {
    u32 mode = c.ea(operand).at & 0xff;
    if (!Fpc::valid_bfp_rounding(mode, true))
        c.specification();
    c.fpc = (c.fpc & ~Fpc::bfp_rounding) | mode;
};
constexpr auto set_dfp_rounding
    = [](Cpu& c, Storage mode) { c.fpc = (c.fpc & ~Fpc::dfp_rounding) | static_cast<u32>(c.ea(mode).at & 7) << Fpc::dfp_rounding_shift; };

constexpr Facility exception_simulation = Facility::floating_point_support_enhancements;

constexpr Row rows[] = {
    insn("EFPC", 0xB38C, RRE_1, base, bfp, extract, "1 | r1=1111111100000000 fpc=f8000001 -> r1=11111111f8000001"),
    insn("SFPC", 0xB384, RRE_1, base, bfp, set, "1 | r1=f8000003 -> fpc=f8000003", "1 | r1=f8000005 -> pgm=6"),
    insn("LFPC", 0xB29D, S, base, bfp, load, "4(1) | r1=2000 m2004=00080002 -> fpc=80002", "4(1) | r1=2000 m2004=01000000 -> pgm=6"),
    insn("STFPC", 0xB29C, S, base, bfp, store, "4(1) | r1=2000 m2004=00000000 fpc=80002 -> m2004=00080002"),
    insn("SFASR", 0xB385, RRE_1, exception_simulation, dfp, set_signal, "1 | r1=00000001 fpc=880000 -> fpc=880001",
        "1 | r1=20000000 fpc=280000 -> fpc=20282b00 pgm=7"),
    insn("LFAS", 0xB2BD, S, exception_simulation, dfp, load_signal, "0(1) | r1=2000 m2000=00000001 fpc=880000 -> fpc=880001",
        "0(1) | r1=2000 m2000=80000000 fpc=880000 -> fpc=80888300 pgm=7"),
    insn("SRNM", 0xB299, S, base, bfp, set_rounding_2, "6 | fpc=80001 -> fpc=80002"),
    insn("SRNMB", 0xB2B8, S, Facility::floating_point_extension, bfp, set_rounding_3, "7 | fpc=80001 -> fpc=80007", "4 | -> pgm=6"),
    insn("SRNMT", 0xB2B9, S, exception_simulation, dfp, set_dfp_rounding, "5 | fpc=80001 -> fpc=80051"),
};

} // namespace

extern constexpr Group fp_support_fpc { rows };

} // namespace zvisor::isa
