// CONVERT FROM FIXED and CONVERT TO FIXED: PoP ch. 18.
#include "isa/bfp/core/number.h"
#include "isa/hfp/operation.h"

#include <limits>

namespace zvisor::isa {

namespace {

using namespace hfp;
using softfloat::Rounding;

template<class F, class T>
constexpr auto from_fixed = [](Cpu& c, auto r1, Gr r2) {
    i64 value = sizeof(T) == 4 ? i64 { static_cast<i32>(c.w(r2)) } : static_cast<i64>(c.g(r2));
    auto bits = static_cast<u64>(value);
    put<F>(c, r1, from_integer(value < 0, value < 0 ? 0 - bits : bits));
};

[[nodiscard]] Rounding method(Cpu& c, u8 m3)
{
    static constexpr Rounding methods[] = { Rounding::toward_zero, Rounding::nearest_away, {}, {}, Rounding::nearest_even,
        Rounding::toward_zero, Rounding::up, Rounding::down };
    if (m3 > 7 || m3 == 2 || m3 == 3)
        c.specification();
    return methods[m3];
}

/// The magnitude of a normalized number less than 2^64 as an integer; one of 2^64 or more gives 2^64.
[[nodiscard]] u128 magnitude(const Number& a, Rounding rounding)
{
    constexpr u128 too_large = u128 { 1 } << 64;
    int digits = a.characteristic - excess;
    if (digits > 16)
        return too_large;
    if (digits < 0)
        return softfloat::increments(rounding, a.negative, false, false, !a.zero());
    unsigned fraction_bits = point - 4 * static_cast<unsigned>(digits);
    u128 integer = a.fraction >> fraction_bits;
    u128 half = u128 { 1 } << (fraction_bits - 1);
    bool more = a.fraction & (half - 1);
    return integer + softfloat::increments(rounding, a.negative, integer & 1, a.fraction & half, more);
}

template<class T, class F>
constexpr auto to_fixed = [](Cpu& c, Gr r1, Mask m3, auto r2) {
    Number a = normalize(number<F>(c, r2));
    u128 integer = magnitude(a, method(c, m3));
    u8 code = a.condition_code();
    u128 limit = u128 { static_cast<u64>(std::numeric_limits<T>::max()) } + a.negative;
    if (integer > limit) {
        integer = limit;
        code = 3;
    }
    auto bits = static_cast<u64>(a.negative ? 0 - integer : integer);
    if constexpr (sizeof(T) == 4)
        c.w(r1, static_cast<u32>(bits));
    else
        c.g(r1, bits);
    c.cc(code);
};

constexpr Row rows[] = {
    insn("CEFR", 0xB3B4, RRE_FR, base, problem, from_fixed<Short, i32>, "1,2 | f1=33333333 r2=ffffffff -> f1=c110000033333333",
        "1,2 | r2=7fffffff -> f1=487fffff00000000", "1,2 | r2=0 -> f1=0000000000000000"),
    insn("CDFR", 0xB3B5, RRE_FR, base, problem, from_fixed<Long, i32>, "1,2 | r2=1180000000 -> f1=c880000000000000"),
    insn("CXFR", 0xB3B6, RRE_XR, base, problem, from_fixed<Extended, i32>, "1,2 | r2=123 -> f1=4312300000000000 f3=3500000000000000"),
    insn("CEGR", 0xB3C4, RRE_FR, base, problem, from_fixed<Short, i64>, "1,2 | r2=123456789 -> f1=4912345600000000"),
    insn("CDGR", 0xB3C5, RRE_FR, base, problem, from_fixed<Long, i64>, "1,2 | r2=8000000000000000 -> f1=d080000000000000",
        "1,2 | r2=7fffffffffffffff -> f1=507fffffffffffff"),
    insn("CXGR", 0xB3C6, RRE_XR, base, problem, from_fixed<Extended, i64>,
        "1,2 | r2=7fffffffffffffff -> f1=507fffffffffffff f3=42ff000000000000", "1,2 | f3=1 r2=0 -> f1=0 f3=0"),

    insn("CFER", 0xB3B8, RRF_e_RF, base, problem, to_fixed<i32, Short>,
        "1,0,2 | r1=1111111100000000 f2=c128000000000000 -> r1=11111111fffffffe cc=1", "1,1,2 | f2=4128000000000000 -> r1=3 cc=2",
        "1,4,2 | f2=4128000000000000 -> r1=2 cc=2", "1,2,2 | -> pgm=6"),
    insn("CFDR", 0xB3B9, RRF_e_RF, base, problem, to_fixed<i32, Long>, "1,0,2 | f2=4880000000000000 -> r1=7fffffff cc=3",
        "1,0,2 | f2=c880000000ffffff -> r1=80000000 cc=1", "1,7,2 | f2=c880000000ffffff -> r1=80000000 cc=3",
        "1,6,2 | f2=0000000000000001 -> r1=1 cc=2"),
    insn("CFXR", 0xB3BA, RRF_e_RX, base, problem, to_fixed<i32, Extended>, "1,5,4 | f4=0 f6=0 -> r1=0 cc=0"),
    insn("CGER", 0xB3C8, RRF_e_RF, base, problem, to_fixed<i64, Short>, "1,0,2 | f2=507fffff00000000 -> r1=7fffff0000000000 cc=2"),
    insn("CGDR", 0xB3C9, RRF_e_RF, base, problem, to_fixed<i64, Long>, "1,0,2 | f2=d080000000000000 -> r1=8000000000000000 cc=1",
        "1,0,2 | f2=d080000000000001 -> r1=8000000000000000 cc=3", "1,4,2 | f2=c080000000000000 -> r1=0 cc=1"),
    insn("CGXR", 0xB3CA, RRF_e_RX, base, problem, to_fixed<i64, Extended>,
        "1,0,4 | f4=507fffffffffffff f6=00ffff0000000000 -> r1=7fffffffffffffff cc=2",
        "1,6,4 | f4=507fffffffffffff f6=00ffff0000000000 -> r1=7fffffffffffffff cc=3"),
};

} // namespace

extern constexpr Group hfp_convert { rows };

} // namespace zvisor::isa
