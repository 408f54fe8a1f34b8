// QUANTIZE, REROUND, EXTRACT and INSERT BIASED EXPONENT, EXTRACT SIGNIFICANCE, SHIFT SIGNIFICAND LEFT and RIGHT,
// TEST DATA CLASS, TEST DATA GROUP: PoP ch. 20.
#include "isa/dfp/operation.h"

namespace zvisor::isa {

namespace {

using namespace decimal_float;

// ---- Quantum and significance --------------------------------------------------------------------------------

template<class F>
constexpr auto quantize = [](Cpu& c, auto r1, auto r3, auto r2, Mask m4) {
    auto operation = [&](Environment& work) { return decimal_float::quantize(number<F>(c, r3), number<F>(c, r2), parameters<F>, work); };
    carry_out(c, environment(c, selected_rounding(c, m4)), operation, [&](const Number& result) { put<F>(c, r1, result); });
};

template<class F>
constexpr auto reround = [](Cpu& c, auto r1, auto r3, Gr r2, Mask m4) {
    auto significance = static_cast<int>(c.w(r2) & 0x3f);
    auto operation = [&](Environment& work) { return decimal_float::reround(number<F>(c, r3), significance, parameters<F>, work); };
    carry_out(c, environment(c, selected_rounding(c, m4)), operation, [&](const Number& result) { put<F>(c, r1, result); });
};

// What stands for special data where a number tells of finite ones.
constexpr i64 infinity_code = -1;
constexpr i64 quiet_nan_code = -2;
constexpr i64 signaling_nan_code = -3;

template<class F>
[[nodiscard]] i64 biased_exponent(const Number& a)
{
    static constexpr i64 codes[] = { 0, infinity_code, quiet_nan_code, signaling_nan_code };
    return a.finite() ? a.exponent + F::bias : codes[static_cast<unsigned>(a.kind)];
}
template<class F>
constexpr auto extract_exponent = [](Cpu& c, Gr r1, auto r2) { c.g(r1, static_cast<u64>(biased_exponent<F>(number<F>(c, r2)))); };

template<class F>
constexpr auto extract_significance = [](Cpu& c, Gr r1, auto r2) {
    Number value = number<F>(c, r2);
    i64 significance = value.finite() ? count_digits(value.coefficient) : biased_exponent<F>(value);
    c.g(r1, static_cast<u64>(significance));
};

template<class F>
[[nodiscard]] Number with_biased_exponent(Number a, i64 biased)
{
    a.exponent = 0;
    if (biased == infinity_code)
        a.kind = Kind::infinity;
    else if (biased == signaling_nan_code)
        a.kind = Kind::signaling_nan;
    else if (biased < 0 || biased > largest_biased_exponent<F>)
        a.kind = Kind::quiet_nan;
    else
        a = { Kind::finite, a.sign, static_cast<int>(biased) - F::bias, a.coefficient };
    return a;
}
template<class F>
constexpr auto insert_exponent
    = [](Cpu& c, auto r1, auto r3, Gr r2) { put<F>(c, r1, with_biased_exponent<F>(number<F>(c, r3), static_cast<i64>(c.g(r2)))); };

// ---- Shifts --------------------------------------------------------------------------------------------------

template<class F>
[[nodiscard]] u128 shifted_left(const Number& a, int count)
{
    int digits = a.finite() ? F::digits : F::digits - 1;
    if (count >= digits)
        return 0;
    return a.coefficient % power_of_ten(digits - count) * power_of_ten(count);
}
template<class F>
constexpr auto shift_left = [](Cpu& c, auto r1, auto r3, Storage amount) {
    Number value = number<F>(c, r3);
    put<F>(c, r1, with_coefficient(value, shifted_left<F>(value, static_cast<int>(c.ea(amount).at & 0x3f))));
};
template<class F>
constexpr auto shift_right = [](Cpu& c, auto r1, auto r3, Storage amount) {
    Number value = number<F>(c, r3);
    auto count = static_cast<int>(c.ea(amount).at & 0x3f);
    put<F>(c, r1, with_coefficient(value, count >= F::digits ? 0 : value.coefficient / power_of_ten(count)));
};

// ---- Tests ---------------------------------------------------------------------------------------------------

/// True when the bit of the second-operand address is one that stands, in pairs of plus and minus from bit 52, for `index`.
[[nodiscard]] u8 selected(u64 address, unsigned index, bool sign)
{
    return address >> (11 - 2 * index - sign) & 1;
}

template<class F>
[[nodiscard]] unsigned data_class(const Number& a)
{
    enum : unsigned { zero, subnormal, normal, infinity, quiet_nan, signaling_nan };
    static constexpr unsigned specials[] = { 0, infinity, quiet_nan, signaling_nan };
    if (!a.finite())
        return specials[static_cast<unsigned>(a.kind)];
    if (a.zero())
        return zero;
    return a.exponent + count_digits(a.coefficient) < F::digits - F::bias ? subnormal : normal;
}

/// Data groups: an exponent is extreme when it is the smallest or the largest, and safe otherwise.
template<class F>
[[nodiscard]] unsigned data_group(const Number& a)
{
    enum : unsigned { safe_zero, extreme_zero, extreme_nonzero, safe_leading_zero, safe_full, special };
    if (!a.finite())
        return special;
    bool extreme = a.exponent == parameters<F>.smallest_exponent || a.exponent == parameters<F>.largest_exponent;
    if (a.zero())
        return extreme ? extreme_zero : safe_zero;
    if (extreme)
        return extreme_nonzero;
    return count_digits(a.coefficient) == F::digits ? safe_full : safe_leading_zero;
}

template<class F>
constexpr auto test_class = [](Cpu& c, auto r1, Storage mask) {
    Number value = number<F>(c, r1);
    c.cc(selected(c.ea(mask).at, data_class<F>(value), value.sign));
};
template<class F>
constexpr auto test_group = [](Cpu& c, auto r1, Storage mask) {
    Number value = number<F>(c, r1);
    c.cc(selected(c.ea(mask).at, data_group<F>(value), value.sign));
};

constexpr Facility facility = Facility::decimal_floating_point;

constexpr Row rows[] = {
    insn("QADTR", 0xB3F5, RRF_b_FFF, facility, dfp, quantize<Long>,
        "1,3,2,0 | f2=2230000000000001 f3=2238000000000005 -> f1=2230000000000280",
        "1,3,2,0 | f2=2238000000000001 f3=2234000000000025 -> f1=2238000000000002 fpc=80000",
        "1,3,2,14 | f2=2238000000000001 f3=2234000000000021 -> f1=2238000000000003 fpc=80000",
        "1,3,2,0 | f2=0000000000000001 f3=2238000000000001 -> f1=7c00000000000000 fpc=800000"),
    insn("QAXTR", 0xB3FD, RRF_b_XXX, facility, dfp, quantize<Extended>,
        "0,4,8,0 | f4=2208000000000000 f6=0000000000000005 f8=7800000000000000 f10=0 -> f0=7c00000000000000 f2=0 fpc=800000"),
    insn("RRDTR", 0xB3F7, RRF_bm_FFR, facility, dfp, reround<Long>, "1,3,2,0 | r2=2 f3=22380000000000ff -> f1=2240000000000010 fpc=80000",
        "1,3,2,0 | r2=0 f3=22380000000000ff -> f1=22380000000000ff", "1,3,2,5 | r2=1 f3=22380000000000ff -> f1=2240000000000009 fpc=80000"),
    insn("RRXTR", 0xB3FF, RRF_bm_XXR, facility, dfp, reround<Extended>,
        "0,4,2,0 | r2=21 f4=2208000000000000 f6=0000000000000005 -> f0=2208000000000000 f2=0000000000000005"),
    insn("EEDTR", 0xB3E5, RRE_RF, facility, dfp, extract_exponent<Long>, "1,2 | f2=2238000000000005 -> r1=18e",
        "1,2 | f2=f800000000000005 -> r1=ffffffffffffffff", "1,2 | f2=7c00000000000005 -> r1=fffffffffffffffe",
        "1,2 | f2=7e00000000000005 -> r1=fffffffffffffffd"),
    insn("EEXTR", 0xB3ED, RRE_RX, facility, dfp, extract_exponent<Extended>, "1,4 | f4=2208000000000000 f6=5 -> r1=1820"),
    insn("ESDTR", 0xB3E7, RRE_RF, facility, dfp, extract_significance<Long>, "1,2 | f2=2238000000000025 -> r1=2",
        "1,2 | f2=2238000000000000 -> r1=0", "1,2 | f2=6e38ff3fcff3fcff -> r1=10", "1,2 | f2=7c00000000000005 -> r1=fffffffffffffffe"),
    insn("ESXTR", 0xB3EF, RRE_RX, facility, dfp, extract_significance<Extended>, "1,4 | f4=2208000000000000 f6=5 -> r1=1"),
    insn("IEDTR", 0xB3F6, RRF_b_FFR, facility, dfp, insert_exponent<Long>, "1,3,2 | r2=18f f3=a238000000000005 -> f1=a23c000000000005",
        "1,3,2 | r2=ffffffffffffffff f3=6e38ff3fcff3fcff -> f1=7800ff3fcff3fcff",
        "1,3,2 | r2=300 f3=2238000000000005 -> f1=7c00000000000005", "1,3,2 | r2=2ff f3=7e00000000000005 -> f1=43fc000000000005"),
    insn("IEXTR", 0xB3FE, RRF_b_XXR, facility, dfp, insert_exponent<Extended>,
        "0,4,2 | r2=fffffffffffffffd f4=2208000000000000 f6=5 -> f0=7e00000000000000 f2=5"),

    insn("SLDT", 0xED40, RXF_FF, facility, dfp, shift_left<Long>, "1,3,2 | f3=a238000000000005 -> f1=a238000000000280",
        "1,3,1 | f3=6e38ff3fcff3fcff -> f1=6e38ff3fcff3fc9e", "1,3,16 | f3=6e38ff3fcff3fcff -> f1=2238000000000000",
        "1,3,1 | f3=7800ff3fcff3fcff -> f1=7800ff3fcff3fc9e"),
    insn("SLXT", 0xED48, RXF_XX, facility, dfp, shift_left<Extended>,
        "0,4,2(3) | r3=1 f4=2208000000000000 f6=5 -> f0=2208000000000000 f2=1400"),
    insn("SRDT", 0xED41, RXF_FF, facility, dfp, shift_right<Long>, "1,3,1 | f3=a238000000000025 -> f1=a238000000000002",
        "1,3,63 | f3=a238000000000025 -> f1=a238000000000000"),
    insn("SRXT", 0xED49, RXF_XX, facility, dfp, shift_right<Extended>, "0,4,1 | f4=2208000000000000 f6=25 -> f0=2208000000000000 f2=2"),

    insn("TDCET", 0xED50, RXE_F, facility, dfp, test_class<Short>, "1,128 | f1=2250000100000000 -> cc=1"),
    insn("TDCDT", 0xED54, RXE_F, facility, dfp, test_class<Long>, "1,2048 | f1=2238000000000000 -> cc=1",
        "1,256 | f1=8000000000000001 -> cc=1", "1,128 | f1=2238000000000001 -> cc=1", "1,4094 | f1=fe00000000000001 -> cc=0"),
    insn("TDCXT", 0xED58, RXE_X, facility, dfp, test_class<Extended>, "0,32 | f0=7800000000000000 f2=0 -> cc=1"),
    insn("TDGET", 0xED51, RXE_F, facility, dfp, test_group<Short>, "1,2048 | f1=2250000000000000 -> cc=1"),
    insn("TDGDT", 0xED55, RXE_F, facility, dfp, test_group<Long>, "1,512 | f1=0000000000000000 -> cc=1",
        "1,64 | f1=8000000000000001 -> cc=1", "1,32 | f1=2238000000000001 -> cc=1", "1,8 | f1=6e38ff3fcff3fcff -> cc=1"),
    insn("TDGXT", 0xED59, RXE_X, facility, dfp, test_group<Extended>, "0,1 | f0=f800000000000000 f2=0 -> cc=1"),
};

} // namespace

extern constexpr Group dfp_quantum { rows };

} // namespace zvisor::isa
