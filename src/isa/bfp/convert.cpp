// CONVERT FROM FIXED, CONVERT FROM LOGICAL, CONVERT TO FIXED, CONVERT TO LOGICAL: PoP ch. 19.
#include "isa/bfp/operation.h"

#include <limits>

namespace zvisor::isa {

namespace {

/// An integer format: T is i32, u32, i64 or u64.
template<class T>
T get_integer(Cpu& c, u8 r)
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

// ---- From an integer ---------------------------------------------------------------------------------------

template<class F, class T>
Bits<F> exactly_from(T value, Environment& work)
{
    bool negative = value < 0;
    u64 bits = static_cast<u64>(value);
    return softfloat::from_integer<F>(negative, negative ? 0 - bits : bits, work);
}

template<class F, class T>
struct FromInteger {
    using Format = F;
    static auto host(host::Integer<T> a) { return static_cast<typename F::Host>(a.value); }
    static bool zero_is_exact(host::Integer<T>) { return true; }
};

/// True when the integer has no more bits than a significand.
template<class F, class T>
bool fits(T value)
{
    constexpr u64 limit = u64 { 1 } << F::precision;
    if constexpr (sizeof(T) == 4 && F::precision >= 32)
        return true;
    else if constexpr (std::is_signed_v<T>)
        return static_cast<u64>(i64 { value }) + limit <= 2 * limit;
    else
        return value <= limit;
}

template<class F, class T>
void convert_from(Cpu& c, u8 r1, Mask m3, Gr r2, Mask m4)
{
    auto value = get_integer<T>(c, r2);
    if constexpr (!std::is_same_v<F, Extended>) {
        if (m3 == 0 && m4 == 0) [[likely]] {
            if (fits<F>(value)) [[likely]]
                return put<F>(c, r1, std::bit_cast<Bits<F>>(static_cast<typename F::Host>(value)));
            if (auto bits = on_host<FromInteger<F, T>>(c, host::Integer<T> { value })) [[likely]]
                return put<F>(c, r1, *bits);
        }
    }
    Modifiers modified = extension_modifiers(c, m3, m4);
    auto operation = [&](Environment& work) { return exactly_from<F>(value, work); };
    exactly(c, environment(c, modified.rounding), operation, [&](Bits<F> result) { put<F>(c, r1, result); }, modified.suppress_inexact);
}

[[nodiscard]] ir::G as_doubleword(ir::Builder& c, u8 r, i32)
{
    return c.sx(c.w(r));
}
[[nodiscard]] ir::G as_doubleword(ir::Builder& c, u8 r, u32)
{
    return c.zx(c.w(r));
}
[[nodiscard]] ir::G as_doubleword(ir::Builder& c, u8 r, i64)
{
    return c.g(r);
}
/// Integers that a signed doubleword holds.
template<class F, class T>
void convert_from(ir::Builder& c, u8 r1, Mask m3, Gr r2, Mask m4)
{
    if constexpr (is_recorded_in<ir::Builder, F> && !std::is_same_v<T, u64>) {
        if (m3 == 0 && m4 == 0)
            return put<F>(c, r1, c.convert_bfp<Bits<F>>(ir::BfpOperation::from_integer, r1, as_doubleword(c, r2, T {})));
    }
    c.leave_to_handler();
}

template<class F, class T>
constexpr auto from_integer = [](auto& c, auto r1, Mask m3, Gr r2, Mask m4) { convert_from<F, T>(c, r1, m3, r2, m4); };

// ---- To an integer -----------------------------------------------------------------------------------------

/// What a NaN becomes: the least number, for a logical one zero too.
template<class T>
constexpr softfloat::IntegerRange range { std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), std::numeric_limits<T>::min() };

/// The integer on the host, when it can be had from there and nothing but inexact can happen.
template<class T, class Number>
bool convert_on_host(Cpu& c, Gr r1, Number a, const Modifiers& modified)
{
    // Numbers whose integers are in the range whichever way they are rounded.
    constexpr auto limit = static_cast<Number>(u64 { 1 } << (sizeof(T) == 4 ? 30 : 62));
    if (!(a < limit && (std::is_signed_v<T> ? a > -limit : a >= 0)))
        return false;
    auto integer = host::round(a, modified.rounding);
    bool inexact = integer && *integer != a && !modified.suppress_inexact;
    if (!integer || (inexact && (c.fpc & Fpc::masks)))
        return false;
    c.fpc |= inexact ? Fpc::inexact_flag : 0;
    put_integer<T>(c, r1, static_cast<u64>(static_cast<i64>(*integer)));
    c.cc(static_cast<u8>((a < 0) | (a > 0) << 1));
    return true;
}

template<class T, class F>
void convert(Cpu& c, Gr r1, Bits<F> value, const Modifiers& modified)
{
    if constexpr (!std::is_same_v<F, Extended>) {
        if (convert_on_host<T>(c, r1, host::number(value), modified)) [[likely]]
            return;
    }
    auto operation = [&](Environment& work) { return softfloat::to_integer<F>(value, range<T>, work); };
    auto store = [&](const softfloat::Integer& result) {
        put_integer<T>(c, r1, result.value);
        c.cc(result.condition_code);
    };
    exactly(c, environment(c, modified.rounding), operation, store, modified.suppress_inexact);
}

template<class T, class F>
void convert_to(Cpu& c, Gr r1, Mask m3, u8 r2, Mask m4)
{
    convert<T, F>(c, r1, get<F>(c, r2), modifiers(c, m3, m4));
}
/// Signed integers, to nearest or toward zero.
template<class T, class F>
void convert_to(ir::Builder& c, Gr r1, Mask m3, u8 r2, Mask)
{
    if constexpr (is_recorded_in<ir::Builder, F> && std::is_signed_v<T>) {
        if (m3 != 0 && m3 != 4 && m3 != 5)
            return c.leave_to_handler();
        auto value = get<F>(c, r2);
        if constexpr (sizeof(T) == 4)
            c.w(r1, c.bfp_to_integer<u32>(value, m3 == 5));
        else
            c.g(r1, c.bfp_to_integer<u64>(value, m3 == 5));
        return set_code<F>(c, value);
    }
    c.leave_to_handler();
}

template<class T, class F>
constexpr auto to_integer = [](auto& c, Gr r1, Mask m3, auto r2, Mask m4) { convert_to<T, F>(c, r1, m3, r2, m4); };

constexpr Facility extension = Facility::floating_point_extension;

constexpr Row rows[] = {
    insn("CEFBRA", 0xB394, RRF_em_FR, base, bfp, from_integer<Short, i32>, "1,0,2,0 | r2=ffffffff -> f1=bf80000000000000",
        "1,6,2,4 | r2=1000001 -> f1=4b80000100000000"),
    insn("CDFBRA", 0xB395, RRF_em_FR, base, bfp, from_integer<Long, i32>, "1,0,2,0 | r2=80000000 -> f1=c1e0000000000000"),
    insn("CXFBRA", 0xB396, RRF_em_XR, base, bfp, from_integer<Extended, i32>, "1,0,2,0 | r2=3 -> f1=4000800000000000 f3=0"),
    insn("CEGBRA", 0xB3A4, RRF_em_FR, base, bfp, from_integer<Short, i64>, "1,0,2,0 | r2=1000001 -> f1=4b80000000000000 fpc=80000"),
    insn("CDGBRA", 0xB3A5, RRF_em_FR, base, bfp, from_integer<Long, i64>, "1,0,2,0 | r2=ffffffffffffffff -> f1=bff0000000000000",
        "1,5,2,0 | r2=7fffffffffffffff -> f1=43dfffffffffffff fpc=80000", "1,0,2,0 | r2=20000000000001 -> f1=4340000000000000 fpc=80000"),
    insn("CXGBRA", 0xB3A6, RRF_em_XR, base, bfp, from_integer<Extended, i64>, "1,0,2,0 | r2=8000000000000000 -> f1=c03e000000000000 f3=0"),
    insn("CELFBR", 0xB390, RRF_em_FR, extension, bfp, from_integer<Short, u32>, "1,0,2,0 | r2=ffffffff -> f1=4f80000000000000 fpc=80000"),
    insn("CDLFBR", 0xB391, RRF_em_FR, extension, bfp, from_integer<Long, u32>, "1,0,2,0 | r2=ffffffff -> f1=41efffffffe00000"),
    insn("CXLFBR", 0xB392, RRF_em_XR, extension, bfp, from_integer<Extended, u32>, "1,0,2,0 | r2=ffffffff -> f1=401efffffffe0000 f3=0"),
    insn("CELGBR", 0xB3A0, RRF_em_FR, extension, bfp, from_integer<Short, u64>, "1,0,2,0 | r2=8000000000000000 -> f1=5f00000000000000"),
    insn("CDLGBR", 0xB3A1, RRF_em_FR, extension, bfp, from_integer<Long, u64>,
        "1,0,2,0 | r2=ffffffffffffffff -> f1=43f0000000000000 fpc=80000", "1,0,2,0 | r2=8000000000000800 -> f1=43e0000000000001"),
    insn("CXLGBR", 0xB3A2, RRF_em_XR, extension, bfp, from_integer<Extended, u64>,
        "1,0,2,0 | r2=ffffffffffffffff -> f1=403effffffffffff f3=fffe000000000000"),

    insn("CFEBRA", 0xB398, RRF_em_RF, base, bfp, to_integer<i32, Short>,
        "1,0,2,0 | r1=1111111100000000 f2=c020000000000000 -> r1=11111111fffffffe cc=1 fpc=80000",
        "1,5,2,0 | f2=4f00000000000000 -> r1=7fffffff cc=3 fpc=880000"),
    insn("CFDBRA", 0xB399, RRF_em_RF, base, bfp, to_integer<i32, Long>, "1,5,2,0 | f2=400fffffffffffff -> r1=3 cc=2 fpc=80000",
        "1,5,2,4 | f2=7ff8000000000000 -> r1=80000000 cc=3 fpc=800000", "1,5,2,0 | f2=c1e00000001fffff -> r1=80000000 cc=1 fpc=80000",
        "1,5,2,0 | f2=7ff8000000000000 fpc=80000000 -> fpc=80008000 pgm=7"),
    insn("CFXBRA", 0xB39A, RRF_em_RX, base, bfp, to_integer<i32, Extended>, "1,6,4,0 | f4=3fff000000000000 f6=1 -> r1=2 cc=2 fpc=80000"),
    insn("CGEBRA", 0xB3A8, RRF_em_RF, base, bfp, to_integer<i64, Short>, "1,4,2,0 | f2=0000000000000000 -> r1=0 cc=0"),
    insn("CGDBRA", 0xB3A9, RRF_em_RF, base, bfp, to_integer<i64, Long>, "1,5,2,0 | f2=bff0000000000000 -> r1=ffffffffffffffff cc=1",
        "1,7,2,0 | f2=bfe0000000000000 fpc=8000000 -> r1=ffffffffffffffff cc=1 fpc=8000c00 pgm=7", "1,2,2,0 | -> pgm=6"),
    insn("CGXBRA", 0xB3AA, RRF_em_RX, base, bfp, to_integer<i64, Extended>,
        "1,5,4,0 | f4=c03e000000000000 f6=0 -> r1=8000000000000000 cc=1"),
    insn("CLFEBR", 0xB39C, RRF_em_RF, extension, bfp, to_integer<u32, Short>, "1,5,2,0 | f2=4f00000000000000 -> r1=80000000 cc=2"),
    insn("CLFDBR", 0xB39D, RRF_em_RF, extension, bfp, to_integer<u32, Long>, "1,5,2,0 | f2=bff0000000000000 -> r1=0 cc=3 fpc=880000",
        "1,5,2,0 | f2=bfe0000000000000 -> r1=0 cc=1 fpc=80000"),
    insn("CLFXBR", 0xB39E, RRF_em_RX, extension, bfp, to_integer<u32, Extended>, "1,5,4,0 | f4=4000800000000000 f6=0 -> r1=3 cc=2"),
    insn("CLGEBR", 0xB3AC, RRF_em_RF, extension, bfp, to_integer<u64, Short>, "1,5,2,0 | f2=5f00000000000000 -> r1=8000000000000000 cc=2"),
    insn("CLGDBR", 0xB3AD, RRF_em_RF, extension, bfp, to_integer<u64, Long>,
        "1,5,2,0 | f2=43f0000000000000 -> r1=ffffffffffffffff cc=3 fpc=880000"),
    insn("CLGXBR", 0xB3AE, RRF_em_RX, extension, bfp, to_integer<u64, Extended>,
        "1,5,4,0 | f4=403effffffffffff f6=fffe000000000000 -> r1=ffffffffffffffff cc=2"),
};

} // namespace

extern constexpr Group bfp_convert { rows };

} // namespace zvisor::isa
