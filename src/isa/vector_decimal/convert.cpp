// Vector packed decimal: conversion, zoned format, signs and immediates (PoP ch. 25).

#include "isa/vector_decimal/number.h"

namespace zvisor::isa {

namespace {

// ---- Binary -------------------------------------------------------------------------------------------------

/// Bits of VCVB's M3 and VCVD's M4.
struct ConvertModifier {
    static constexpr u8 second_positive = 8;
    static constexpr u8 from_logical = 8;
    static constexpr u8 to_logical = 2;
    static constexpr u8 result_positive = 2;
    static constexpr u8 set_condition_code = 1;
};

/// The result is the rightmost bits of the integer; an overflow is a fixed-point overflow unless bit 0 of M4 suppresses it.
template<class T>
constexpr auto convert_to_binary = [](Cpu& c, Gr r1, VrNumber v2, Mask m3, Mask m4) {
    constexpr u8 fixed_point_overflow_mask = 8;
    bool suppressed = (m4 & 8) && c.has(Facility::vector_packed_decimal_enhancement_1);
    auto number = load_decimal(c, v2, m3 & ConvertModifier::second_positive);
    bool logical = m3 & ConvertModifier::to_logical;
    bool negative = number.negative && !logical;
    u128 magnitude = number.magnitude();
    u128 limit = logical ? all_ones<T> : u128 { all_ones<T> >> 1 } + negative;
    auto value = static_cast<T>(negative ? u128 { 0 } - magnitude : magnitude);
    if constexpr (sizeof(T) == sizeof(u32))
        c.w(r1, value);
    else
        c.g(r1, value);
    bool overflowed = magnitude > limit;
    if (m3 & ConvertModifier::set_condition_code)
        c.cc(overflowed ? 3 : 0);
    if (overflowed && !suppressed && (c.program_mask() & fixed_point_overflow_mask))
        c.program(ProgramCode::fixed_point_overflow);
};

template<class T>
constexpr auto convert_to_decimal = [](Cpu& c, VrNumber v1, Gr r2, Unsigned i3, Mask m4) {
    CountedImmediate immediate(c, i3);
    unsigned digits = immediate.digits(c);
    auto value = static_cast<T>(c.g(r2));
    bool negative = !(m4 & ConvertModifier::from_logical) && as_signed(value) < 0;
    auto number = decimal_number(negative ? static_cast<T>(T { 0 } - value) : value, negative);
    bool force_positive = m4 & ConvertModifier::result_positive;
    bool fits = number.significant() <= digits;
    store_decimal(c, v1, number, { .digits = digits, .force_positive = force_positive, .suppress_overflow = true });
    if (m4 & ConvertModifier::set_condition_code)
        c.cc(fits ? 0 : 3);
    if (!fits)
        decimal_overflow(c, immediate.suppress_overflow);
};

// ---- Zoned --------------------------------------------------------------------------------------------------

constexpr u8 zone = 0xf0;

/// The number of zoned bytes: bits 3-7 of I3 and one.
unsigned zoned_length(Cpu& c, u32 i3)
{
    if (i3 > 30)
        c.specification();
    return i3 + 1;
}

/// Digits and sign are not checked.
constexpr auto pack_zoned = [](Cpu& c, VrNumber v1, Storage s2, Unsigned i3) {
    unsigned length = zoned_length(c, i3);
    u8 zoned[packed_digits];
    c.load_bytes(c.ea(s2), zoned, length);
    u128 packed = 0;
    for (unsigned i = 0; i < length; ++i)
        packed = packed << 4 | (zoned[i] & 15);
    c.vr[v1] = from_quadword(packed << 4 | zoned[length - 1] >> 4);
};
constexpr auto unpack_zoned = [](Cpu& c, VrNumber v1, Storage s2, Unsigned i3) {
    unsigned length = zoned_length(c, i3);
    u8 zoned[packed_digits];
    for (unsigned i = 0; i < length; ++i)
        zoned[length - 1 - i] = zone | packed_digit(c.vr[v1], i);
    zoned[length - 1] = static_cast<u8>(packed_sign(c.vr[v1]) << 4 | (zoned[length - 1] & 15));
    c.store_bytes(c.ea(s2), zoned, length);
};

// ---- Immediates and signs -----------------------------------------------------------------------------------

/// I3: bit 0 the sign, bits 1-3 how many digits to shift left.
constexpr auto load_immediate = [](Cpu& c, VrNumber v1, Unsigned i2, Unsigned i3) {
    Vr digits { .lo = u64 { i2 } << 4, .hi = 0 };
    if (!has_valid_digits(digits))
        c.data_exception(DataCode::decimal_operand);
    c.vr[v1] = { .lo = digits.lo << 4 * (i3 & 7) | (i3 & 8 ? 0xd : 0xc), .hi = 0 };
};

/// I4 of PERFORM SIGN OPERATION.
struct SignControl {
    enum class Operation : u8 { maintain, complement, force_positive, force_negative };

    bool no_validation;
    bool negative_zero;
    Operation operation;
    bool positive_is_1111;
    bool validate_sign;

    SignControl(const Cpu& c, u32 i4)
        : no_validation((i4 & 0x80) && c.has(Facility::vector_packed_decimal_enhancement_1))
        , negative_zero((i4 & 0x40) && c.has(Facility::vector_packed_decimal_enhancement_1))
        , operation(static_cast<Operation>(i4 >> 2 & 3))
        , positive_is_1111(i4 & 2)
        , validate_sign(i4 & 1)
    {
    }
    [[nodiscard]] bool needs_valid_sign() const
    {
        if (operation == Operation::maintain)
            return !no_validation;
        return operation == Operation::complement || validate_sign;
    }
    /// The sign code of the result; a maintained one that is not a sign stays.
    [[nodiscard]] u8 result(u8 sign, bool zero) const
    {
        bool negative = operation == Operation::maintain ? is_minus(sign)
            : operation == Operation::complement         ? !is_minus(sign)
                                                         : operation == Operation::force_negative;
        if (operation == Operation::maintain && sign < 10)
            return sign;
        if (negative && (!zero || negative_zero))
            return 0xd;
        return positive_is_1111 ? 0xf : 0xc;
    }
};

constexpr auto perform_sign_operation = [](Cpu& c, VrNumber v1, VrNumber v2, Unsigned i3, Unsigned i4, Mask m5) {
    CountedImmediate immediate(c, i3);
    unsigned count = immediate.digits(c);
    SignControl control(c, i4);
    const Vr from = c.vr[v2];
    u8 sign = packed_sign(from);
    if ((!control.no_validation && !has_valid_digits(from)) || (control.needs_valid_sign() && sign < 10))
        c.data_exception(DataCode::decimal_operand);

    u128 digits = as_quadword(from) >> 4;
    u128 kept = digits & ((u128 { 1 } << 4 * count) - 1);
    bool overflowed = kept != digits;
    u8 result_sign = control.result(sign, kept == 0);
    c.vr[v1] = from_quadword(kept << 4 | result_sign);
    if (m5 & 1)
        c.cc(overflowed ? 3 : kept == 0 ? 0 : is_minus(result_sign) ? 1 : 2);
    if (overflowed)
        decimal_overflow(c, immediate.suppress_overflow);
};

constexpr Facility vd = Facility::vector_packed_decimal;

constexpr Row rows[] = {
    insn("VCVB", 0xE650, VRR_i, vd, vector, convert_to_binary<u32>,
        "1,2,1 | r1=1122334455667788 v2=0000000000000000000000000000123d -> r1=11223344ffffff85 cc=0",
        "1,2,1 | v2=0000000000000000000002147483648c -> r1=80000000 cc=3",
        "1,2,3,8 | v2=0000000000000000000004294967295d pm=8 -> r1=ffffffff cc=0",
        "1,2,1 | v2=0000000000000000000002147483648c pm=8 -> r1=80000000 cc=3 pgm=8"),
    insn("VCVBG", 0xE652, VRR_i, vd, vector, convert_to_binary<u64>,
        "1,2,1 | v2=0000000000009223372036854775808d -> r1=8000000000000000 cc=0",
        "1,2,9,8 | v2=00000000000092233720368547758080 pm=8 -> r1=8000000000000000 cc=3"),
    insn("VCVD", 0xE658, VRI_i, vd, vector, convert_to_decimal<u32>,
        "1,2,31,1 | r2=ffffffff80000000 -> v1=0000000000000000000002147483648d cc=0",
        "1,2,3,11 | r2=ffffffff80000000 -> v1=0000000000000000000000000000648f cc=3", "1,2,0,0 | -> pgm=6"),
    insn("VCVDG", 0xE65A, VRI_i, vd, vector, convert_to_decimal<u64>,
        "1,2,31,1 | r2=8000000000000000 -> v1=0000000000009223372036854775808d cc=0",
        "1,2,31,9 | r2=ffffffffffffffff -> v1=0000000000018446744073709551615c cc=0"),
    insn("VPKZ", 0xE634, VSI, vd, vector, pack_zoned, "17,0(5),3 | r5=2000 m2000=f1f2f3d4 -> v17=0000000000000000000000000001234d",
        "1,0(5),31 | -> pgm=6"),
    insn("VUPKZ", 0xE63C, VSI, vd, vector, unpack_zoned, "17,0(5),3 | r5=2000 v17=0000000000000000000000000091234d -> m2000=f1f2f3d4"),
    insn("VLIP", 0xE649, VRI_h, vd, vector, load_immediate, "1,4660,0 | -> v1=0000000000000000000000000001234c",
        "1,4660,11 | -> v1=0000000000000000000000001234000d", "1,10,0 | -> pgm=7"),
    insn("VPSOP", 0xE65B, VRI_g, vd, vector, perform_sign_operation,
        "1,2,31,4,1 | v2=0000000000000000000000000000123c -> v1=0000000000000000000000000000123d cc=1",
        "1,2,31,14,1 | v2=00000000000000000000000000000000 -> v1=0000000000000000000000000000000f cc=0",
        "1,2,2,0,1 | v2=0000000000000000000000000000123a -> v1=0000000000000000000000000000023c cc=3",
        "1,2,31,4,1 | v2=00000000000000000000000000000000 -> pgm=7"),
};

} // namespace

extern constexpr Group vector_decimal_convert { rows };

} // namespace zvisor::isa
