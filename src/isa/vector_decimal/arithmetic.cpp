// Vector packed decimal arithmetic (PoP ch. 25).

#include "isa/vector_decimal/number.h"

namespace zvisor::isa {

namespace {

/// Bits of M5 and of VCP's M3: operands and result forced to be positive, and whether the condition code is set.
struct DecimalModifier {
    static constexpr u8 second_positive = 8;
    static constexpr u8 third_positive = 4;
    static constexpr u8 result_positive = 2;
    static constexpr u8 set_condition_code = 1;
};

// ---- Operations on numbers ----------------------------------------------------------------------------------

DecimalNumber sum(const DecimalNumber& a, const DecimalNumber& b)
{
    u128 x = a.magnitude();
    u128 y = b.magnitude();
    if (a.negative == b.negative)
        return decimal_number(x + y, a.negative);
    return x >= y ? decimal_number(x - y, a.negative) : decimal_number(y - x, b.negative);
}

DecimalNumber difference(const DecimalNumber& a, DecimalNumber b)
{
    b.negative = !b.negative;
    return sum(a, b);
}

DecimalNumber product(const DecimalNumber& a, const DecimalNumber& b)
{
    DecimalNumber out { .negative = a.negative != b.negative };
    for (unsigned i = 0; i < packed_digits; ++i) {
        unsigned carry = 0;
        for (unsigned j = 0; j <= packed_digits; ++j) {
            unsigned value = out.digits[i + j] + u32 { a.digits[i] } * b.digits[j] + carry;
            out.digits[i + j] = static_cast<u8>(value % 10);
            carry = value / 10;
        }
    }
    return out;
}

struct Division {
    DecimalNumber quotient;
    u128 remainder { 0 };
};
/// Digit by digit, so the dividend may have more digits than an operand.
Division division(Cpu& c, const DecimalNumber& a, const DecimalNumber& b)
{
    u128 divisor = b.magnitude();
    if (divisor == 0)
        c.program(ProgramCode::decimal_divide);
    Division out { .quotient = { .negative = a.negative != b.negative } };
    for (unsigned i = a.significant(); i-- > 0;) {
        u128 part = out.remainder * 10 + a.digits[i];
        out.quotient.digits[i] = static_cast<u8>(part / divisor);
        out.remainder = part % divisor;
    }
    return out;
}

struct Add {
    static DecimalNumber apply(Cpu&, const DecimalNumber& a, const DecimalNumber& b) { return sum(a, b); }
};
struct Subtract {
    static DecimalNumber apply(Cpu&, const DecimalNumber& a, const DecimalNumber& b) { return difference(a, b); }
};
struct Multiply {
    static DecimalNumber apply(Cpu&, const DecimalNumber& a, const DecimalNumber& b) { return product(a, b); }
};
struct Divide {
    static DecimalNumber apply(Cpu& c, const DecimalNumber& a, const DecimalNumber& b) { return division(c, a, b).quotient; }
};
struct TakeRemainder {
    static DecimalNumber apply(Cpu& c, const DecimalNumber& a, const DecimalNumber& b)
    {
        return decimal_number(division(c, a, b).remainder, a.negative);
    }
};

// ---- Instructions -------------------------------------------------------------------------------------------

DecimalResult result_of(const CountedImmediate& immediate, unsigned digits, u8 modifier)
{
    return { .digits = digits,
        .force_positive = (modifier & DecimalModifier::result_positive) != 0,
        .set_condition_code = (modifier & DecimalModifier::set_condition_code) != 0,
        .suppress_overflow = immediate.suppress_overflow };
}

/// The count of I4 is that of the result's digits.
template<class Operation>
constexpr auto arithmetic = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Unsigned i4, Mask m5) {
    CountedImmediate immediate(c, i4);
    unsigned digits = immediate.digits(c);
    auto a = load_decimal(c, v2, m5 & DecimalModifier::second_positive);
    auto b = load_decimal(c, v3, m5 & DecimalModifier::third_positive);
    store_decimal(c, v1, Operation::apply(c, a, b), result_of(immediate, digits, m5));
};

/// The count of I4 is that of the shift: the product to the right, the dividend to the left.
constexpr auto multiply_and_shift = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Unsigned i4, Mask m5) {
    CountedImmediate immediate(c, i4);
    auto a = load_decimal(c, v2, m5 & DecimalModifier::second_positive);
    auto b = load_decimal(c, v3, m5 & DecimalModifier::third_positive);
    store_decimal(c, v1, product(a, b).shifted(-static_cast<int>(immediate.count)), result_of(immediate, packed_digits, m5));
};
constexpr auto shift_and_divide = [](Cpu& c, VrNumber v1, VrNumber v2, VrNumber v3, Unsigned i4, Mask m5) {
    CountedImmediate immediate(c, i4);
    auto a = load_decimal(c, v2, m5 & DecimalModifier::second_positive);
    auto b = load_decimal(c, v3, m5 & DecimalModifier::third_positive);
    auto quotient = division(c, a.shifted(static_cast<int>(immediate.count)), b).quotient;
    store_decimal(c, v1, quotient, result_of(immediate, packed_digits, m5));
};

/// I4: bit 0 asks for rounding, bits 1-7 are the signed shift, positive to the left.
constexpr auto shift_and_round = [](Cpu& c, VrNumber v1, VrNumber v2, Unsigned i3, Unsigned i4, Mask m5) {
    CountedImmediate immediate(c, i3);
    unsigned digits = immediate.digits(c);
    auto number = load_decimal(c, v2, m5 & DecimalModifier::second_positive);
    int shift = static_cast<i8>(i4 << 1) >> 1;
    auto shifted = number.shifted(shift);
    if ((i4 & 0x80) && shift < 0 && shift >= -static_cast<int>(packed_digits) && number.digits[static_cast<unsigned>(-shift) - 1] >= 5)
        shifted = decimal_number(shifted.magnitude() + 1, number.negative);
    store_decimal(c, v1, shifted, result_of(immediate, digits, m5));
};

constexpr auto compare = [](Cpu& c, VrNumber v1, VrNumber v2, Mask m3) {
    auto a = load_decimal(c, v1, m3 & DecimalModifier::second_positive);
    auto b = load_decimal(c, v2, m3 & DecimalModifier::third_positive);
    auto relation = difference(a, b);
    c.cc(relation.zero() ? 0 : relation.negative ? 1 : 2);
};

/// Condition code: bit 0 an invalid digit, bit 1 an invalid sign.
constexpr auto test = [](Cpu& c, VrNumber v1) {
    bool digits = has_valid_digits(c.vr[v1]);
    bool sign = packed_sign(c.vr[v1]) >= 10;
    c.cc(static_cast<u8>(!digits << 1 | !sign));
};

constexpr Facility vd = Facility::vector_packed_decimal;

constexpr Row rows[] = {
    insn("VAP", 0xE671, VRI_f, vd, vector, arithmetic<Add>,
        "1,2,3,31,1 | v2=0000000000000000000000000000123c v3=0000000000000000000000000000456d -> v1=0000000000000000000000000000333d cc=1",
        "1,2,3,2,1 | v2=0000000000000000000000000000099a v3=0000000000000000000000000000001f -> v1=0000000000000000000000000000000c cc=3",
        "1,2,3,2,1 | v2=0000000000000000000000000000099a v3=0000000000000000000000000000001f pm=4 -> v1=0000000000000000000000000000000c "
        "cc=3 pgm=a",
        "1,2,3,31,0 | v2=000000000000000000000000000000ac v3=0000000000000000000000000000001c -> pgm=7"),
    insn("VSP", 0xE673, VRI_f, vd, vector, arithmetic<Subtract>,
        "1,2,3,31,3 | v2=0000000000000000000000000000123c v3=0000000000000000000000000000456d -> v1=0000000000000000000000000000579f cc=2",
        "1,2,3,31,1 | v2=0000000000000000000000000000123d v3=0000000000000000000000000000123b -> v1=0000000000000000000000000000000c cc=0",
        "1,2,3,0,0 | -> pgm=6"),
    insn("VMP", 0xE678, VRI_f, vd, vector, arithmetic<Multiply>,
        "1,2,3,31,1 | v2=0000000000000000999999999999999d v3=0000000000000000999999999999999c -> v1=0999999999999998000000000000001d cc=1",
        "1,2,3,159,1 | v2=9999999999999999999999999999999c v3=9999999999999999999999999999999c pm=4 -> v1=0000000000000000000000000000001c "
        "cc=3"),
    insn("VDP", 0xE67A, VRI_f, vd, vector, arithmetic<Divide>,
        "1,2,3,31,1 | v2=0000000000000000000000000001000d v3=0000000000000000000000000000007c -> v1=0000000000000000000000000000142d cc=1",
        "1,2,3,31,1 | v2=0000000000000000000000000001000d v3=0000000000000000000000000000000c -> pgm=b"),
    insn("VRP", 0xE67B, VRI_f, vd, vector, arithmetic<TakeRemainder>,
        "1,2,3,31,1 | v2=0000000000000000000000000001000d v3=0000000000000000000000000000007c -> v1=0000000000000000000000000000006d cc=1"),
    insn("VMSP", 0xE679, VRI_f, vd, vector, multiply_and_shift,
        "1,2,3,2,1 | v2=0000000000000000000000000012345c v3=0000000000000000000000000000100c -> v1=0000000000000000000000000012345c cc=2",
        "1,2,3,31,1 | v2=9999999999999999999999999999999c v3=9999999999999999999999999999999c -> v1=9999999999999999999999999999998c cc=2",
        "1,2,3,64,1 | -> pgm=6"),
    insn("VSDP", 0xE67E, VRI_f, vd, vector, shift_and_divide,
        "1,2,3,4,1 | v2=0000000000000000000000000000010c v3=0000000000000000000000000000003d -> v1=0000000000000000000000000033333d cc=1",
        "1,2,3,31,1 | v2=0000000000000000000000000000009c v3=0000000000000000000000000000001c -> v1=0000000000000000000000000000000c cc=3"),
    insn("VSRP", 0xE659, VRI_g, vd, vector, shift_and_round,
        "1,2,31,3,1 | v2=0000000000000000000000000000123d -> v1=0000000000000000000000000123000d cc=1",
        "1,2,31,254,1 | v2=0000000000000000000000000012350c -> v1=0000000000000000000000000000124c cc=2",
        "1,2,31,126,1 | v2=0000000000000000000000000012399c -> v1=0000000000000000000000000000123c cc=2",
        "1,2,3,3,1 | v2=0000000000000000000000000000123d -> v1=0000000000000000000000000000000c cc=3"),
    insn("VCP", 0xE677, VRR_h, vd, vector, compare,
        "1,2,0 | v1=0000000000000000000000000000123d v2=0000000000000000000000000000001c -> cc=1",
        "1,2,8 | v1=0000000000000000000000000000123d v2=0000000000000000000000000000001c -> cc=2",
        "1,2,0 | v1=0000000000000000000000000000000d v2=0000000000000000000000000000000c -> cc=0"),
    insn("VTP", 0xE65F, VRR_g, vd, vector, test, "17 | v17=0000000000000000000000000000123f -> cc=0",
        "1 | v1=00000000000000000000000000001230 -> cc=1", "1 | v1=a000000000000000000000000000123f -> cc=2",
        "1 | v1=a0000000000000000000000000001230 -> cc=3"),
};

} // namespace

extern constexpr Group vector_decimal_arithmetic { rows };

} // namespace zvisor::isa
