// Decimal instructions (PoP ch. 8): COMPARE DECIMAL and TEST DECIMAL.

#include "isa/decimal/packed.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

constexpr auto compare_decimal = [](Cpu& c, StorageLength op1, StorageLength op2) {
    StorageOperand first(c, c.ea(op1), op1.length + u64 { 1 }, Access::fetch);
    StorageOperand second(c, c.ea(op2), op2.length + u64 { 1 }, Access::fetch);
    i128 x = decimal::read(c, first).value();
    i128 y = decimal::read(c, second).value();
    c.cc(static_cast<u8>((x < y) | (x > y) << 1));
};

/// Condition code bits: 2 a digit is invalid, 1 the sign is.
constexpr auto test_decimal = [](Cpu& c, StorageLength op1) {
    StorageOperand operand(c, c.ea(op1), op1.length + u64 { 1 }, Access::fetch);
    bool digits = false;
    for (u64 i = 0; i <= op1.length; ++i)
        digits |= operand[i] >> 4 > 9 || (i < op1.length && (operand[i] & 0xf) > 9);
    bool sign = !decimal::is_sign(operand[op1.length] & 0xf);
    c.cc(static_cast<u8>(digits << 1 | sign));
};

constexpr Row rows[] = {
    insn("CP", 0xF9, SS_b, base, problem, compare_decimal, "0(2,1),0(1,2) | r1=2000 r2=3000 m2000=005d m3000=5b cc=3 -> cc=0",
        "0(2,1),0(1,2) | r1=2000 r2=3000 m2000=000d m3000=0c cc=3 -> cc=0", "0(2,1),0(1,2) | r1=2000 r2=3000 m2000=100d m3000=5c -> cc=1",
        "0(2,1),0(1,2) | r1=2000 r2=3000 m2000=100c m3000=55 -> pgm=7"),
    insn("TP", 0xEBC0, RSL, Facility::extended_translation_2, problem, test_decimal, "0(2,1) | r1=2000 m2000=123c cc=3 -> cc=0",
        "0(2,1) | r1=2000 m2000=1a31 -> cc=3", "0(2,1) | r1=2000 m2000=1231 -> cc=1", "0(2,1) | r1=2000 m2000=b23c -> cc=2"),
};

} // namespace

extern constexpr Group decimal_compare { rows };

} // namespace zvisor::isa
