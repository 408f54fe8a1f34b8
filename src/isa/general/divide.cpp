// DIVIDE, DIVIDE LOGICAL, DIVIDE SINGLE (PoP ch. 7).

#include "isa/general/pair.h"
#include "isa/general/sources.h"

namespace zvisor::isa {

namespace {

/// Quotient and remainder of a dividend at least as wide as the divisor, both unsigned or both signed.
/// Raises fixed-point divide when the divisor is zero or the quotient does not fit `Result`.
template<class Result, class Wide>
struct Division {
    Division(Cpu& c, Wide dividend, Wide divisor)
    {
        if (divisor == 0)
            c.program(ProgramCode::fixed_point_divide);
        // Only the least value over -1 has a quotient no type of its own width holds.
        bool is_signed = Wide(-1) < Wide(0);
        if (is_signed && divisor == Wide(-1) && dividend == Wide(1) << (sizeof(Wide) * 8 - 1))
            c.program(ProgramCode::fixed_point_divide);
        Wide wide_quotient = dividend / divisor;
        quotient = static_cast<Result>(wide_quotient);
        if (Wide { quotient } != wide_quotient)
            c.program(ProgramCode::fixed_point_divide);
        remainder = static_cast<Result>(dividend % divisor);
    }

    Result quotient;
    Result remainder;
};

template<class Result, class Wide>
void put_words(Cpu& c, GrPair r1, const Division<Result, Wide>& division)
{
    c.w(r1, static_cast<u32>(division.remainder));
    c.w(second_of(r1), static_cast<u32>(division.quotient));
}
constexpr auto divide_32 = [](Cpu& c, GrPair r1, auto src) {
    auto divisor = static_cast<i64>(get64_from32(c, src));
    put_words(c, r1, Division<i32, i64>(c, static_cast<i64>(words_of(c, r1)), divisor));
};
constexpr auto divide_logical_32 = [](Cpu& c, GrPair r1, auto src) {
    u64 divisor = get64_from32_unsigned(c, src);
    put_words(c, r1, Division<u32, u64>(c, words_of(c, r1), divisor));
};
constexpr auto divide_logical_64 = [](auto& c, GrPair r1, auto src) {
    auto divisor = get64(c, src);
    auto high = c.g(r1);
    auto low = c.g(second_of(r1));
    // The quotient fits when the dividend's left half is less than the divisor.
    c.raise_if(!c.lt_u(high, divisor), ProgramCode::fixed_point_divide);
    auto quotient = c.quotient_u(high, low, divisor);
    c.g(r1, low - quotient * divisor);
    c.g(second_of(r1), quotient);
};
/// Only zero as divisor, and the least value over -1, have no quotient.
template<class C, class V>
void divide_single(C& c, GrPair r1, V divisor)
{
    constexpr u64 least = u64 { 1 } << 63;
    constexpr u64 one = 1;
    auto dividend = c.g(second_of(r1));
    c.raise_if(c.lt_u(divisor, V { one }), ProgramCode::fixed_point_divide);
    c.raise_if(c.lt_u((divisor + one) | (dividend ^ least), V { one }), ProgramCode::fixed_point_divide);
    auto quotient = c.quotient_s(dividend, divisor);
    c.g(r1, dividend - quotient * divisor);
    c.g(second_of(r1), quotient);
}
constexpr auto divide_single_64 = [](auto& c, GrPair r1, auto src) { divide_single(c, r1, get64(c, src)); };
constexpr auto divide_single_64_by_32 = [](auto& c, GrPair r1, auto src) { divide_single(c, r1, get64_from32(c, src)); };

constexpr Row rows[] = {
    insn("DR", 0x1D, RR_PR, base, problem, divide_32, "2,4 | r2=11223344ffffffff r3=fffffff9 r4=2 -> r2=11223344ffffffff r3=fffffffd",
        "2,4 | r3=5 -> pgm=9", "2,4 | r2=80000000 r4=ffffffff -> pgm=9", "2,4 | r2=1 r4=2 -> pgm=9"),
    insn("D", 0x5D, RX_P, base, problem, divide_32, "2,0(5) | r2=0 r3=7 r5=2000 m2000=fffffffe -> r2=1 r3=fffffffd"),
    insn("DLR", 0xB997, RRE_PR, base, problem, divide_logical_32, "2,4 | r2=1 r3=0 r4=2 -> r2=0 r3=80000000", "2,4 | r2=2 r4=2 -> pgm=9"),
    insn("DL", 0xE397, RXY_P, base, problem, divide_logical_32, "2,0(5) | r3=ffffffff r5=2000 m2000=00000010 -> r2=f r3=fffffff"),
    insn("DLGR", 0xB987, RRE_PR, base, problem, divide_logical_64, "2,4 | r2=1 r3=1 r4=2 -> r2=1 r3=8000000000000000",
        "2,4 | r2=2 r4=2 -> pgm=9", "2,4 | r2=0 r3=1 -> pgm=9"),
    insn("DLG", 0xE387, RXY_P, base, problem, divide_logical_64,
        "2,0(5) | r3=ffffffffffffffff r5=2000 m2000=0000000000000010 -> r2=f r3=fffffffffffffff"),
    insn("DSGR", 0xB90D, RRE_PR, base, problem, divide_single_64,
        "2,4 | r3=fffffffffffffff9 r4=2 -> r2=ffffffffffffffff r3=fffffffffffffffd",
        "2,4 | r3=8000000000000000 r4=ffffffffffffffff -> pgm=9", "2,4 | r3=1 -> pgm=9", "2,3 | r3=5 -> r2=0 r3=1"),
    insn("DSG", 0xE30D, RXY_P, base, problem, divide_single_64, "2,0(5) | r3=7 r5=2000 m2000=0000000000000002 -> r2=1 r3=3"),
    insn("DSGFR", 0xB91D, RRE_PR, base, problem, divide_single_64_by_32, "2,4 | r3=7 r4=11111111fffffffe -> r2=1 r3=fffffffffffffffd"),
    insn("DSGF", 0xE31D, RXY_P, base, problem, divide_single_64_by_32, "2,0(5) | r3=7 r5=2000 m2000=fffffffe -> r2=1 r3=fffffffffffffffd"),
};

} // namespace

extern constexpr Group general_divide { rows };

} // namespace zvisor::isa
