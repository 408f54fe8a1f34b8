// Vector floating-point conversions (PoP ch. 24).

#include "isa/vector/fp.h"

namespace zvisor::isa {

namespace {

constexpr u8 single_or_inexact = FpModifier::single | FpModifier::suppress_inexact;

/// The elements of a conversion, by its M4 (single element, XxC) and rounding method M5.
FpElements conversion(Cpu& c, u8 m4, u8 m5)
{
    require_modifier(c, m4, single_or_inexact);
    return FpElements(c, selected_rounding(c, m5), m4 & FpModifier::suppress_inexact);
}

constexpr auto load_fp_integer = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3, Mask m4, Mask m5) {
    with_format(c, m3, [&](auto format) {
        using F = decltype(format);
        using T = Bits<F>;
        FpElements elements = conversion(c, m4, m5);
        Vr result = first_elements<T>(participating<T>(m4), [&](unsigned i) {
            return elements.run(i, [&](Environment& work) { return softfloat::round_to_integer<F>(element<T>(c.vr[v2], i), work); });
        });
        elements.complete();
        c.vr[v1] = result;
    });
};

/// Elements of `From` at twice the place of the result's elements of `To`.
template<class To, class From>
void lengthen_elements(Cpu& c, VrNumber v1, VrNumber v2, u8 modifier)
{
    FpElements elements(c);
    Vr result = first_elements<Bits<To>>(participating<Bits<To>>(modifier), [&](unsigned i) {
        return elements.run(
            i, [&](Environment& work) { return softfloat::lengthen<To, From>(element<Bits<From>>(c.vr[v2], 2 * i), work); });
    });
    elements.complete();
    c.vr[v1] = result;
}
constexpr auto load_lengthened = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3, Mask m4) {
    require_modifier(c, m4, FpModifier::single);
    if (m3 == 2)
        lengthen_elements<Long, Short>(c, v1, v2, m4);
    else if (m3 == 3 && c.has(Facility::vector_enhancements_1))
        lengthen_elements<Extended, Long>(c, v1, v2, m4);
    else
        c.specification();
};

/// Elements of `From` to twice their place; the others of the result are unpredictable, here zeros.
template<class To, class From>
void round_elements(Cpu& c, VrNumber v1, VrNumber v2, u8 m4, u8 m5)
{
    FpElements elements = conversion(c, m4, m5);
    Vr result;
    for (unsigned i = 0; i < participating<Bits<From>>(m4); ++i) {
        auto shortened
            = elements.run(i, [&](Environment& work) { return softfloat::shorten<To, From>(element<Bits<From>>(c.vr[v2], i), work); });
        set_element<Bits<To>>(result, 2 * i, shortened.value);
    }
    elements.complete();
    c.vr[v1] = result;
}
constexpr auto load_rounded = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3, Mask m4, Mask m5) {
    if (m3 == 3)
        round_elements<Short, Long>(c, v1, v2, m4, m5);
    else if (m3 == 4 && c.has(Facility::vector_enhancements_1))
        round_elements<Long, Extended>(c, v1, v2, m4, m5);
    else
        c.specification();
};

// ---- Integers -----------------------------------------------------------------------------------------------

/// Calls f with the format of conversions to and from integers of the same length.
template<class F>
void with_integer_format(Cpu& c, u8 control, F f)
{
    if (control == 3)
        f(Long {});
    else if (control == 2 && c.has(Facility::vector_enhancements_2))
        f(Short {});
    else
        c.specification();
}

template<bool Signed>
constexpr auto convert_from_integer = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3, Mask m4, Mask m5) {
    with_integer_format(c, m3, [&](auto format) {
        using F = decltype(format);
        using T = Bits<F>;
        FpElements elements = conversion(c, m4, m5);
        Vr result = first_elements<T>(participating<T>(m4), [&](unsigned i) {
            T value = element<T>(c.vr[v2], i);
            bool negative = Signed && as_signed(value) < 0;
            return elements.run(
                i, [&](Environment& work) { return softfloat::from_integer<F>(negative, negative ? T { 0 } - value : value, work); });
        });
        elements.complete();
        c.vr[v1] = result;
    });
};

template<bool Signed, class T>
constexpr softfloat::IntegerRange integer_range()
{
    if (!Signed)
        return { .minimum = 0, .maximum = all_ones<T>, .nan = 0 };
    i128 limit = i128 { 1 } << (bit_count<T> - 1);
    return { .minimum = -limit, .maximum = limit - 1, .nan = -limit };
}

template<bool Signed>
constexpr auto convert_to_integer = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3, Mask m4, Mask m5) {
    with_integer_format(c, m3, [&](auto format) {
        using F = decltype(format);
        using T = Bits<F>;
        FpElements elements = conversion(c, m4, m5);
        Vr result = first_elements<T>(participating<T>(m4), [&](unsigned i) {
            auto operation
                = [&](Environment& work) { return softfloat::to_integer<F>(element<T>(c.vr[v2], i), integer_range<Signed, T>(), work); };
            return static_cast<T>(elements.run(i, operation).value);
        });
        elements.complete();
        c.vr[v1] = result;
    });
};

constexpr Facility v = Facility::vector;

constexpr Row rows[] = {
    insn("VFI", 0xE7C7, VRR_a_m345, v, vector, load_fp_integer,
        "1,2,3,0,0 | v2=3ff80000000000004004000000000000 -> v1=40000000000000004000000000000000 fpc=80000",
        "1,2,2,12,6 | v2=3f8000013f8000013f8000013f800001 -> v1=40000000000000000000000000000000", "1,2,3,0,2 | -> pgm=6",
        "1,2,3,0,0 | v2=3ff0000000000000400c000000000000 fpc=8000000 -> fpc=8001500 pgm=1b"),
    insn("VFLL", 0xE7C4, VRR_a_m34, v, vector, load_lengthened,
        "1,2,2,0 | v2=3f800000ffffffffc0000000ffffffff -> v1=3ff0000000000000c000000000000000",
        "1,2,3,8 | v2=3ff0000000000000c000000000000000 -> v1=3fff0000000000000000000000000000", "1,2,4,0 | -> pgm=6"),
    insn("VFLR", 0xE7C5, VRR_a_m345, v, vector, load_rounded,
        "1,2,3,0,0 | v2=3ff0000000000001c000000000000000 -> v1=3f80000000000000c000000000000000 fpc=80000",
        "1,2,4,0,0 | v2=3fff0000000000000000000000000000 -> v1=3ff00000000000000000000000000000", "1,2,2,0,0 | -> pgm=6"),
    insn("VCFPS", 0xE7C3, VRR_a_m345, v, vector, convert_from_integer<true>,
        "1,2,3,0,0 | v2=ffffffffffffffff0020000000000001 -> v1=bff00000000000004340000000000000 fpc=80000",
        "1,2,2,0,0 | v2=80000000000000030000000000000000 -> v1=cf000000404000000000000000000000", "1,2,4,0,0 | -> pgm=6"),
    insn("VCFPL", 0xE7C1, VRR_a_m345, v, vector, convert_from_integer<false>,
        "1,2,3,4,0 | v2=ffffffffffffffff0000000000000001 -> v1=43f00000000000003ff0000000000000"),
    insn("VCSFP", 0xE7C2, VRR_a_m345, v, vector, convert_to_integer<true>,
        "1,2,3,0,5 | v2=bff80000000000007ff8000000000000 -> v1=ffffffffffffffff8000000000000000 fpc=880000",
        "1,2,2,8,4 | v2=4f000000ffffffffffffffffffffffff -> v1=7fffffff000000000000000000000000 fpc=880000"),
    insn("VCLFP", 0xE7C0, VRR_a_m345, v, vector, convert_to_integer<false>,
        "1,2,3,4,5 | v2=bff000000000000043e0000000000000 -> v1=00000000000000008000000000000000 fpc=800000"),
};

} // namespace

extern constexpr Group vector_fp_convert { rows };

} // namespace zvisor::isa
