// CONVERT FROM FIXED, CONVERT FROM LOGICAL, CONVERT TO FIXED, CONVERT TO LOGICAL: PoP ch. 20.
#include "isa/dfp/operation.h"

#include <limits>

namespace zvisor::isa {

namespace {

using namespace decimal_float;

/// An integer format: T is i32, u32, i64 or u64.
template<class T>
[[nodiscard]] T get_integer(Cpu& c, u8 r)
{
    if constexpr (sizeof(T) == 4)
        return static_cast<T>(c.w(r));
    else
        return static_cast<T>(c.g(r));
}

template<class T>
void put_integer(Cpu& c, u8 r, u64 value)
{
    if constexpr (sizeof(T) == 4)
        c.w(r, static_cast<u32>(value));
    else
        c.g(r, value);
}

template<class F, class T>
constexpr auto from_integer = [](Cpu& c, auto r1, Mask m3, Gr r2, Mask m4) {
    i128 value = get_integer<T>(c, r2);
    bool negative = value < 0;
    auto magnitude = static_cast<u64>(negative ? -value : value);
    auto operation = [&](Environment& work) { return decimal_float::from_integer(negative, magnitude, parameters<F>, work); };
    auto store = [&](const Number& result) { put<F>(c, r1, result); };
    carry_out(c, environment(c, extension_rounding(c, m3)), operation, store, suppresses_inexact(c, m4));
};

template<class T, class F>
constexpr auto to_integer = [](Cpu& c, Gr r1, Mask m3, auto r2, Mask m4) {
    using Limits = std::numeric_limits<T>;
    auto operation = [&](Environment& work) { return decimal_float::to_integer(number<F>(c, r2), Limits::min(), Limits::max(), work); };
    auto store = [&](const Integer& result) {
        put_integer<T>(c, r1, result.value);
        c.cc(result.condition_code);
    };
    carry_out(c, environment(c, selected_rounding(c, m3)), operation, store, suppresses_inexact(c, m4));
};

constexpr Facility facility = Facility::decimal_floating_point;
constexpr Facility extension = Facility::floating_point_extension;

constexpr Row rows[] = {
    insn("CDGTRA", 0xB3F1, RRF_em_FR, facility, dfp, from_integer<Long, i64>, "1,0,2,0 | r2=ffffffffffffffff -> f1=a238000000000001",
        "1,0,2,0 | r2=2386f26fc10001 -> f1=263c000000000000 fpc=c0000", "1,9,2,4 | r2=2386f26fc10001 -> f1=263c000000000000 fpc=40000",
        "1,0,2,0 | r2=2386f26fc10001 fpc=8000000 -> f1=263c000000000000 fpc=8000800 pgm=7"),
    insn("CXGTRA", 0xB3F9, RRF_em_XR, facility, dfp, from_integer<Extended, i64>,
        "0,0,2,0 | r2=8000000000000000 -> f0=a208000000000000 f2=948df20da5cfd42e"),
    insn("CDFTR", 0xB951, RRF_em_FR, extension, dfp, from_integer<Long, i32>, "1,0,2,0 | r2=80000000 -> f1=a23800008c78af48"),
    insn("CXFTR", 0xB959, RRF_em_XR, extension, dfp, from_integer<Extended, i32>, "0,0,2,0 | r2=19 -> f0=2208000000000000 f2=25"),
    insn("CDLGTR", 0xB952, RRF_em_FR, extension, dfp, from_integer<Long, u64>, "1,0,2,0 | r2=5 -> f1=2238000000000005"),
    insn("CXLGTR", 0xB95A, RRF_em_XR, extension, dfp, from_integer<Extended, u64>,
        "0,0,2,0 | r2=ffffffffffffffff -> f0=2208000000000001 f2=891bc41cf89b4715"),
    insn("CDLFTR", 0xB953, RRF_em_FR, extension, dfp, from_integer<Long, u32>, "1,0,2,0 | r2=ffffffff -> f1=2238000115afb55b"),
    insn("CXLFTR", 0xB95B, RRF_em_XR, extension, dfp, from_integer<Extended, u32>, "0,0,2,0 | r2=3e8 -> f0=2208000000000000 f2=400"),

    insn("CGDTRA", 0xB3E1, RRF_em_RF, facility, dfp, to_integer<i64, Long>, "1,0,2,0 | f2=2234000000000025 -> r1=2 cc=2 fpc=80000",
        "1,12,2,4 | f2=a234000000000025 -> r1=fffffffffffffffd cc=1",
        "1,0,2,0 | f2=f800000000000000 -> r1=8000000000000000 cc=3 fpc=880000",
        "1,0,2,0 | f2=7c00000000000000 fpc=80000000 -> fpc=80008000 pgm=7"),
    insn("CGXTRA", 0xB3E9, RRF_em_RX, facility, dfp, to_integer<i64, Extended>, "1,0,4,0 | f4=2208000000000000 f6=400 -> r1=3e8 cc=2",
        "1,0,4,0 | f4=2230000000000000 f6=0 -> r1=0 cc=0"),
    insn("CFDTR", 0xB941, RRF_em_RF, extension, dfp, to_integer<i32, Long>,
        "1,9,2,0 | r1=1111111100000000 f2=a238000000000005 -> r1=11111111fffffffb cc=1",
        "1,9,2,4 | f2=2260000000000005 -> r1=7fffffff cc=3 fpc=800000"),
    insn("CFXTR", 0xB949, RRF_em_RX, extension, dfp, to_integer<i32, Extended>,
        "1,15,4,0 | f4=2207c00000000000 f6=51 -> r1=6 cc=2 fpc=80000"),
    insn("CLGDTR", 0xB942, RRF_em_RF, extension, dfp, to_integer<u64, Long>, "1,9,2,0 | f2=a238000000000005 -> r1=0 cc=3 fpc=880000",
        "1,9,2,0 | f2=a234000000000005 -> r1=0 cc=1 fpc=80000"),
    insn("CLGXTR", 0xB94A, RRF_em_RX, extension, dfp, to_integer<u64, Extended>,
        "1,9,4,0 | f4=7800000000000000 f6=0 -> r1=ffffffffffffffff cc=3 fpc=880000"),
    insn("CLFDTR", 0xB943, RRF_em_RF, extension, dfp, to_integer<u32, Long>, "1,9,2,0 | f2=2238000000000400 -> r1=3e8 cc=2"),
    insn("CLFXTR", 0xB94B, RRF_em_RX, extension, dfp, to_integer<u32, Extended>,
        "1,9,4,0 | f4=7c00000000000000 f6=0 -> r1=0 cc=3 fpc=880000"),
};

} // namespace

extern constexpr Group dfp_convert { rows };

} // namespace zvisor::isa
