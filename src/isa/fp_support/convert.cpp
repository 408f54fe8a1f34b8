// CONVERT BFP TO HFP and CONVERT HFP TO BFP: PoP ch. 9, "Floating-Point-Support Instructions".
#include "isa/bfp/core/number.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

using namespace softfloat;

// A long HFP number: sign, characteristic (power of 16, excess 64) and a fraction of 56 bits.
constexpr u64 hfp_sign = u64 { 1 } << 63;
constexpr u64 largest_hfp = ~hfp_sign;
constexpr int fraction_bits = 56;
constexpr int excess = 64;

struct Hfp {
    u64 bits;
    u8 condition_code;
};

[[nodiscard]] Hfp finite_to_hfp(const Number& a)
{
    u64 sign = a.sign ? hfp_sign : 0;
    u8 code = a.sign ? 1 : 2;
    // The fraction is below one: its first bit has the weight of `exponent` + 1.
    int power = (a.exponent + 4) >> 2;
    int leading_zero_bits = 4 * power - (a.exponent + 1);
    int characteristic = power + excess;
    if (characteristic > 127)
        return { sign | largest_hfp, 3 };
    if (characteristic < 0)
        return { sign, code };
    auto fraction = static_cast<u64>(a.significand.high >> (128 - fraction_bits + leading_zero_bits));
    return { sign | static_cast<u64>(characteristic) << fraction_bits | fraction, code };
}

[[nodiscard]] Hfp to_hfp(const Number& a)
{
    u64 sign = a.sign ? hfp_sign : 0;
    if (a.finite())
        return finite_to_hfp(a);
    if (a.zero())
        return { sign, 0 };
    return { a.nan() ? largest_hfp : sign | largest_hfp, 3 };
}

[[nodiscard]] Number from_hfp(u64 bits)
{
    bool sign = bits & hfp_sign;
    u128 fraction = bits & ((u64 { 1 } << fraction_bits) - 1);
    int characteristic = static_cast<int>(bits >> fraction_bits & 0x7f);
    if (!fraction)
        return make_zero(sign);
    return normalize(sign, 4 * (characteristic - excess) - 1, { fraction << (128 - fraction_bits), 0 });
}

/// The method an M3 field selects; without one, rounding is toward zero.
[[nodiscard]] Rounding method(Cpu& c, u8 m3)
{
    static constexpr Rounding methods[] = { Rounding::toward_zero, Rounding::nearest_away, {}, {}, Rounding::nearest_even,
        Rounding::toward_zero, Rounding::up, Rounding::down };
    if (m3 > 7 || m3 == 2 || m3 == 3)
        c.specification();
    return methods[m3];
}

constexpr auto hfp_from_short = [](Cpu& c, Fr r1, Fr r2) {
    auto [bits, code] = to_hfp(unpack<Short>(c.fs(r2)));
    c.f(r1, bits);
    c.cc(code);
};
constexpr auto hfp_from_long = [](Cpu& c, Fr r1, Fr r2) {
    auto [bits, code] = to_hfp(unpack<Long>(c.f(r2)));
    c.f(r1, bits);
    c.cc(code);
};

/// The BFP bits of a long HFP number; sets the condition code. No IEEE exceptions are recognized.
template<class F>
[[nodiscard]] Bits<F> bfp_of(Cpu& c, u64 hfp, u8 m3)
{
    Environment environment { .rounding = method(c, m3) };
    Number operand = from_hfp(hfp);
    Bits<F> bits = pack<F>(operand, environment);
    u8 code = operand.zero() ? 0 : operand.sign ? 1 : 2;
    c.cc(environment.conditions & Condition::overflow ? 3 : code);
    return bits;
}
constexpr auto short_from_hfp = [](Cpu& c, Fr r1, Mask m3, Fr r2) { c.fs(r1, bfp_of<Short>(c, c.f(r2), m3)); };
constexpr auto long_from_hfp = [](Cpu& c, Fr r1, Mask m3, Fr r2) { c.f(r1, bfp_of<Long>(c, c.f(r2), m3)); };

constexpr Row rows[] = {
    insn("THDER", 0xB358, RRE_FF, base, problem, hfp_from_short, "1,2 | f2=3f80000000000000 -> f1=4110000000000000 cc=2",
        "1,2 | f2=8000000100000000 -> f1=9b80000000000000 cc=1", "1,2 | f2=ff80000000000000 -> f1=ffffffffffffffff cc=3"),
    insn("THDR", 0xB359, RRE_FF, base, problem, hfp_from_long, "1,2 | f2=c002000000000001 -> f1=c124000000000002 cc=1",
        "1,2 | f2=7fe0000000000000 -> f1=7fffffffffffffff cc=3", "1,2 | f2=8010000000000000 -> f1=8000000000000000 cc=1"),
    insn("TBEDR", 0xB350, RRF_e_FF, base, problem, short_from_hfp, "1,0,2 | f2=4110000000000000 -> f1=3f80000000000000 cc=2",
        "1,4,2 | f2=7fffffffffffffff -> f1=7f80000000000000 cc=3", "1,2,2 | -> pgm=6"),
    insn("TBDR", 0xB351, RRF_e_FF, base, problem, long_from_hfp, "1,0,2 | f2=c1ffffffffffffff -> f1=c02fffffffffffff cc=1",
        "1,1,2 | f2=c1ffffffffffffff -> f1=c030000000000000 cc=1", "1,0,2 | f2=c100000000000000 -> f1=8000000000000000 cc=0"),
};

} // namespace

extern constexpr Group fp_support_convert { rows };

} // namespace zvisor::isa
