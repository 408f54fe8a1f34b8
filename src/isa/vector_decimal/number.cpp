#include "isa/vector_decimal/number.h"

namespace zvisor::isa {

namespace {

/// The rightmost `count` digits and a sign code as a register has them.
[[nodiscard]] Vr pack(const Digits& digits, unsigned count, u8 sign)
{
    u128 packed = 0;
    for (unsigned i = count; i-- > 0;)
        packed = packed << 4 | digits[i];
    return from_quadword(packed << 4 | sign);
}

} // namespace

unsigned DecimalNumber::significant() const
{
    auto last = std::find_if(digits.rbegin(), digits.rend(), [](u8 digit) { return digit != 0; });
    return static_cast<unsigned>(digits.rend() - last);
}

DecimalNumber DecimalNumber::shifted(int count) const
{
    DecimalNumber out { .negative = negative };
    int size = static_cast<int>(digits.size());
    for (int i = 0; i < size; ++i)
        if (int to = i + count; to >= 0 && to < size)
            out.digits[static_cast<unsigned>(to)] = digits[static_cast<unsigned>(i)];
    return out;
}

u128 DecimalNumber::magnitude() const
{
    u128 value = 0;
    for (unsigned i = significant(); i-- > 0;)
        value = value * 10 + digits[i];
    return value;
}

DecimalNumber decimal_number(u128 magnitude, bool negative)
{
    constexpr u64 chunk = 10'000'000'000'000'000'000U;
    constexpr unsigned chunk_digits = 19;
    DecimalNumber out { .negative = negative };
    for (unsigned start = 0; magnitude != 0; start += chunk_digits, magnitude /= chunk) {
        auto part = static_cast<u64>(magnitude % chunk);
        for (unsigned i = start; part != 0; ++i, part /= 10)
            out.digits[i] = static_cast<u8>(part % 10);
    }
    return out;
}

bool has_valid_digits(const Vr& v)
{
    for (unsigned i = 0; i < packed_digits; ++i)
        if (packed_digit(v, i) > 9)
            return false;
    return true;
}

DecimalNumber load_decimal(Cpu& c, VrNumber v, bool force_positive)
{
    const Vr& from = c.vr[v];
    u8 sign = packed_sign(from);
    if (!has_valid_digits(from) || (!force_positive && sign < 10))
        c.data_exception(DataCode::decimal_operand);
    DecimalNumber out { .negative = !force_positive && is_minus(sign) };
    for (unsigned i = 0; i < packed_digits; ++i)
        out.digits[i] = packed_digit(from, i);
    return out;
}

CountedImmediate::CountedImmediate(Cpu& c, u32 immediate)
    : suppress_overflow(immediate & 0x80)
    , count(immediate & 0x1f)
{
    if ((immediate & 0x60) || (suppress_overflow && !c.has(Facility::vector_packed_decimal_enhancement_1)))
        c.specification();
}

unsigned CountedImmediate::digits(Cpu& c) const
{
    if (count == 0)
        c.specification();
    return count;
}

void decimal_overflow(Cpu& c, bool suppressed)
{
    constexpr u8 decimal_overflow_mask = 4;
    if (!suppressed && (c.program_mask() & decimal_overflow_mask))
        c.program(ProgramCode::decimal_overflow);
}

void store_decimal(Cpu& c, VrNumber v1, const DecimalNumber& number, const DecimalResult& result)
{
    bool overflowed = number.significant() > result.digits;
    auto digits = number.digits;
    std::fill(digits.begin() + result.digits, digits.end(), u8 { 0 });
    bool zero = std::all_of(digits.begin(), digits.end(), [](u8 digit) { return digit == 0; });
    bool negative = number.negative && !zero && !result.force_positive;
    c.vr[v1] = pack(digits, result.digits, result.force_positive ? 0xf : negative ? 0xd : 0xc);
    if (result.set_condition_code)
        c.cc(overflowed ? 3 : zero ? 0 : negative ? 1 : 2);
    if (overflowed)
        decimal_overflow(c, result.suppress_overflow);
}

} // namespace zvisor::isa
