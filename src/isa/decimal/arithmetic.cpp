// Decimal instructions (PoP ch. 8): arithmetic and shifting.

#include "isa/decimal/packed.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

using decimal::Number;

[[nodiscard]] StorageOperand operand_of(Cpu& c, const StorageLength& operand, Access access)
{
    return { c, c.ea(operand), operand.length + u64 { 1 }, access };
}

/// Stores a result with the digits that fit, sets the condition code and raises decimal overflow when digits are lost. A zero that is
/// complete is positive; one that lost digits keeps the sign.
void store_result(Cpu& c, const StorageOperand& to, Number result)
{
    u128 limit = decimal::powers[decimal::digits_of(to.length())];
    bool overflow = result.magnitude >= limit;
    if (result.magnitude == 0)
        result.negative = false;
    u8 outcome = overflow ? 3 : result.condition_code();
    result.magnitude %= limit;
    decimal::write(to, 0, to.length(), result);
    to.stored(c);
    c.cc(outcome);
    constexpr u8 decimal_overflow_mask = 4;
    if (overflow && (c.program_mask() & decimal_overflow_mask))
        c.program(ProgramCode::decimal_overflow);
}

/// AP (Sign 1) and SP (Sign -1).
template<int Sign>
constexpr auto add_decimal = [](Cpu& c, StorageLength op1, StorageLength op2) {
    auto second = operand_of(c, op2, Access::fetch);
    auto first = operand_of(c, op1, Access::store);
    i128 sum = decimal::read(c, first).value() + Sign * decimal::read(c, second).value();
    store_result(c, first, Number::of(sum));
};

constexpr auto zero_and_add = [](Cpu& c, StorageLength op1, StorageLength op2) {
    auto second = operand_of(c, op2, Access::fetch);
    auto first = operand_of(c, op1, Access::store);
    store_result(c, first, decimal::read(c, second));
};

/// The multiplier or divisor has at most 15 digits and is shorter than the first operand.
void check_lengths(Cpu& c, const StorageLength& op1, const StorageLength& op2)
{
    if (op2.length > 7 || op2.length >= op1.length)
        c.specification();
}

/// The multiplicand has at least as many bytes of zeros on its left as the multiplier is long. A zero product keeps its sign.
constexpr auto multiply_decimal = [](Cpu& c, StorageLength op1, StorageLength op2) {
    check_lengths(c, op1, op2);
    auto second = operand_of(c, op2, Access::fetch);
    auto first = operand_of(c, op1, Access::store);
    Number multiplicand = decimal::read(c, first);
    Number multiplier = decimal::read(c, second);
    if (multiplicand.magnitude >= decimal::powers[decimal::digits_of(first.length() - second.length())])
        c.data_exception(DataCode::decimal_operand);
    Number product { multiplicand.magnitude * multiplier.magnitude, multiplicand.negative != multiplier.negative };
    decimal::write(first, 0, first.length(), product);
    first.stored(c);
};

/// The quotient takes the left of the first operand, the remainder as many bytes on the right as the divisor has.
constexpr auto divide_decimal = [](Cpu& c, StorageLength op1, StorageLength op2) {
    check_lengths(c, op1, op2);
    auto second = operand_of(c, op2, Access::fetch);
    auto first = operand_of(c, op1, Access::store);
    Number dividend = decimal::read(c, first);
    Number divisor = decimal::read(c, second);
    u64 quotient_length = first.length() - second.length();
    if (divisor.magnitude == 0 || dividend.magnitude / divisor.magnitude >= decimal::powers[decimal::digits_of(quotient_length)])
        c.program(ProgramCode::decimal_divide);
    Number quotient { dividend.magnitude / divisor.magnitude, dividend.negative != divisor.negative };
    Number remainder { dividend.magnitude % divisor.magnitude, dividend.negative };
    decimal::write(first, 0, quotient_length, quotient);
    decimal::write(first, quotient_length, first.length(), remainder);
    first.stored(c);
};

/// A magnitude shifted left; digits that do not fit in `digits` are only kept as one on their left, which says overflow.
[[nodiscard]] u128 shift_left(u128 magnitude, unsigned count, unsigned digits)
{
    if (magnitude == 0)
        return 0;
    if (count >= digits)
        return decimal::powers[digits];
    u128 kept = decimal::powers[digits - count];
    bool lost = magnitude >= kept;
    return magnitude % kept * decimal::powers[count] + (lost ? decimal::powers[digits] : 0);
}

/// The rounding digit is added to the last digit shifted out.
[[nodiscard]] u128 shift_right(u128 magnitude, unsigned count, unsigned rounding)
{
    magnitude /= decimal::powers[count - 1];
    auto last = static_cast<unsigned>(magnitude % 10);
    return magnitude / 10 + (last + rounding > 9);
}

/// Bits 58-63 of the second-operand address: a signed count, positive to the left.
constexpr auto shift_and_round = [](Cpu& c, StorageLength op1, Storage op2, Unsigned rounding) {
    auto first = operand_of(c, op1, Access::store);
    Number number = decimal::read(c, first);
    if (rounding > 9)
        c.data_exception(DataCode::decimal_operand);
    auto count = static_cast<unsigned>(c.ea(op2).at & 0x3f);
    if (count >= 32)
        number.magnitude = shift_right(number.magnitude, 64 - count, rounding);
    else
        number.magnitude = shift_left(number.magnitude, count, decimal::digits_of(first.length()));
    store_result(c, first, number);
};

constexpr Row rows[] = {
    insn("AP", 0xFA, SS_b, base, problem, add_decimal<1>, "0(2,1),0(2,2) | r1=2000 r2=3000 m2000=123c m3000=456d -> m2000=333d cc=1",
        "0(2,1),0(3,2) | r1=2000 r2=3000 m2000=001c m3000=00999c -> m2000=000c cc=3",
        "0(2,1),0(2,2) | pm=4 r1=2000 r2=3000 m2000=999c m3000=001c -> m2000=000c cc=3 pgm=a",
        "0(2,1),0(2,2) | r1=2000 r2=3000 m2000=1a3c m3000=456d -> pgm=7"),
    insn("SP", 0xFB, SS_b, base, problem, add_decimal<-1>, "0(2,1),0(2,1) | r1=2000 m2000=123d cc=3 -> m2000=000c cc=0",
        "0(2,1),0(1,2) | r1=2000 r2=3000 m2000=123f m3000=5b -> m2000=128c cc=2"),
    insn("ZAP", 0xF8, SS_b, base, problem, zero_and_add, "0(3,1),0(2,2) | r1=2000 r2=3000 m2000=ffffff m3000=123b -> m2000=00123d cc=1",
        "0(1,1),0(2,2) | r1=2000 r2=3000 m2000=ff m3000=120d -> m2000=0d cc=3",
        "0(2,1),0(1,2) | r1=2000 r2=3000 m2000=ffff m3000=0d cc=3 -> m2000=000c cc=0"),
    insn("MP", 0xFC, SS_b, base, problem, multiply_decimal, "0(4,1),0(2,2) | r1=2000 r2=3000 m2000=0000123c m3000=012d -> m2000=0001476d",
        "0(3,1),0(2,2) | r1=2000 r2=3000 m2000=00010c m3000=012d -> pgm=7", "0(2,1),0(2,2) | r1=2000 r2=3000 -> pgm=6",
        "0(3,1),0(1,2) | r1=2000 r2=3000 m2000=00000d m3000=5c -> m2000=00000d"),
    insn("DP", 0xFD, SS_b, base, problem, divide_decimal, "0(4,1),0(2,2) | r1=2000 r2=3000 m2000=0000123d m3000=010c -> m2000=012d003d",
        "0(4,1),0(2,2) | r1=2000 r2=3000 m2000=0000123c m3000=000c -> pgm=b",
        "0(3,1),0(2,2) | r1=2000 r2=3000 m2000=00123c m3000=010c -> pgm=b", "0(2,1),0(2,2) | r1=2000 r2=3000 -> pgm=6"),
    insn("SRP", 0xF0, SS_c, base, problem, shift_and_round, "0(3,1),2(0),0 | r1=2000 m2000=00123c -> m2000=12300c cc=2",
        "0(3,1),3(0),0 | r1=2000 m2000=00123d -> m2000=23000d cc=3", "0(3,1),63(0),5 | r1=2000 m2000=00125d -> m2000=00013d cc=1",
        "0(3,1),0(0),10 | r1=2000 m2000=00125d -> pgm=7"),
};

} // namespace

extern constexpr Group decimal_arithmetic { rows };

} // namespace zvisor::isa
