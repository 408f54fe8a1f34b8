// LOAD, STORE, LOAD ZERO, the FPR-GR transfers and the FPR-sign handling: PoP ch. 9, "Floating-Point-Support Instructions".
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

constexpr u64 sign = u64 { 1 } << 63;

/// The register with the rightmost half of an extended operand.
constexpr u8 low_half(FrPair r)
{
    return static_cast<u8>(r.number + 2);
}

constexpr auto load_short = [](auto& c, Fr r1, Fr r2) { c.fs(r1, c.fs(r2)); };
constexpr auto load_long = [](auto& c, Fr r1, Fr r2) { c.f(r1, c.f(r2)); };
constexpr auto load_extended = [](auto& c, FrPair r1, FrPair r2) {
    c.f(r1, c.f(r2));
    c.f(low_half(r1), c.f(low_half(r2)));
};
constexpr auto fetch_short = [](auto& c, Fr r1, Storage from) { c.fs(r1, c.load32(c.ea(from))); };
constexpr auto fetch_long = [](auto& c, Fr r1, Storage from) { c.f(r1, c.load64(c.ea(from))); };
constexpr auto store_short = [](auto& c, Fr r1, Storage to) { c.store32(c.ea(to), c.fs(r1)); };
constexpr auto store_long = [](auto& c, Fr r1, Storage to) { c.store64(c.ea(to), c.f(r1)); };

constexpr auto zero_short = [](auto& c, Fr r1) { c.fs(r1, u32 { 0 }); };
constexpr auto zero_long = [](auto& c, Fr r1) { c.f(r1, u64 { 0 }); };
constexpr auto zero_extended = [](auto& c, FrPair r1) {
    c.f(r1, u64 { 0 });
    c.f(low_half(r1), u64 { 0 });
};

constexpr auto fpr_from_gr = [](auto& c, Fr r1, Gr r2) { c.f(r1, c.g(r2)); };
constexpr auto gr_from_fpr = [](auto& c, Gr r1, Fr r2) { c.g(r1, c.f(r2)); };

constexpr auto load_complement = [](auto& c, Fr r1, Fr r2) { c.f(r1, c.f(r2) ^ sign); };
constexpr auto load_negative = [](auto& c, Fr r1, Fr r2) { c.f(r1, c.f(r2) | sign); };
constexpr auto load_positive = [](auto& c, Fr r1, Fr r2) { c.f(r1, c.f(r2) & ~sign); };
constexpr auto copy_sign = [](auto& c, Fr r1, Fr r3, Fr r2) { c.f(r1, (c.f(r2) & ~sign) | (c.f(r3) & sign)); };

constexpr Facility sign_handling = Facility::floating_point_support_enhancements;

constexpr Row rows[] = {
    insn("LER", 0x38, RR_FF, base, problem, load_short, "1,2 | f1=1111111122222222 f2=3333333344444444 -> f1=3333333322222222"),
    insn("LDR", 0x28, RR_FF, base, problem, load_long, "1,2 | f2=3ff0000000000000 -> f1=3ff0000000000000"),
    insn("LXR", 0xB365, RRE_XX, base, problem, load_extended,
        "1,4 | f4=3fff000000000000 f6=0000000000000001 -> f1=3fff000000000000 f3=0000000000000001"),
    insn("LE", 0x78, RX_F, base, problem, fetch_short,
        "1,4(2,3) | f1=1111111122222222 r2=1000 r3=1000 m2004=3f800000 -> f1=3f80000022222222"),
    insn("LEY", 0xED64, RXY_F, Facility::long_displacement, problem, fetch_short,
        "1,-4(0,3) | f1=1111111122222222 r3=2004 m2000=3f800000 -> f1=3f80000022222222"),
    insn("LD", 0x68, RX_F, base, problem, fetch_long, "1,8(0,3) | r3=2000 m2008=4000000000000000 -> f1=4000000000000000"),
    insn("LDY", 0xED65, RXY_F, Facility::long_displacement, problem, fetch_long,
        "1,-8(0,3) | r3=2008 m2000=4000000000000000 -> f1=4000000000000000"),
    insn("STE", 0x70, RX_F, base, problem, store_short,
        "1,4(0,3) | f1=3f80000022222222 r3=2000 m2004=0000000055555555 -> m2004=3f80000055555555"),
    insn("STEY", 0xED66, RXY_F, Facility::long_displacement, problem, store_short,
        "1,-4(0,3) | f1=3f80000022222222 r3=2004 m2000=00000000 -> m2000=3f800000"),
    insn("STD", 0x60, RX_F, base, problem, store_long,
        "1,8(0,3) | f1=4008000000000000 r3=2000 m2008=0000000000000000 -> m2008=4008000000000000"),
    insn("STDY", 0xED67, RXY_F, Facility::long_displacement, problem, store_long,
        "1,-8(0,3) | f1=4008000000000000 r3=2008 m2000=0000000000000000 -> m2000=4008000000000000"),

    insn("LZER", 0xB374, RRE_F, base, problem, zero_short, "1 | f1=1111111122222222 -> f1=0000000022222222"),
    insn("LZDR", 0xB375, RRE_F, base, problem, zero_long, "1 | f1=1111111122222222 -> f1=0000000000000000"),
    insn("LZXR", 0xB376, RRE_X, base, problem, zero_extended, "1 | f1=1111111122222222 f3=1 -> f1=0000000000000000 f3=0000000000000000"),

    insn("LDGR", 0xB3C1, RRE_FR, sign_handling, problem, fpr_from_gr, "1,2 | r2=8000000000000001 -> f1=8000000000000001"),
    insn("LGDR", 0xB3CD, RRE_RF, sign_handling, problem, gr_from_fpr, "1,2 | f2=8000000000000001 -> r1=8000000000000001"),

    insn("LPDFR", 0xB370, RRE_FF, sign_handling, problem, load_positive, "1,2 | f2=fff8000000000000 -> f1=7ff8000000000000"),
    insn("LNDFR", 0xB371, RRE_FF, sign_handling, problem, load_negative, "1,2 | f2=3ff0000000000000 -> f1=bff0000000000000"),
    insn("CPSDR", 0xB372, RRF_b_FFF0, sign_handling, problem, copy_sign,
        "1,3,2 | f2=3ff0000000000000 f3=8000000000000000 -> f1=bff0000000000000"),
    insn("LCDFR", 0xB373, RRE_FF, sign_handling, problem, load_complement, "1,2 | f2=3ff0000000000000 -> f1=bff0000000000000"),
};

} // namespace

extern constexpr Group fp_support_load_store { rows };

} // namespace zvisor::isa
