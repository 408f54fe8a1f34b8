// AND, OR, EXCLUSIVE OR of registers and words of storage, and their complements (PoP ch. 7).

#include "isa/insn.h"

namespace zvisor::isa {

namespace {

constexpr auto and_values = [](auto x, auto y) { return x & y; };
constexpr auto or_values = [](auto x, auto y) { return x | y; };
constexpr auto exclusive_or_values = [](auto x, auto y) { return x ^ y; };
constexpr auto and_complement = [](auto x, auto y) { return x & ~y; };
constexpr auto or_complement = [](auto x, auto y) { return x | ~y; };
constexpr auto not_and = [](auto x, auto y) { return ~(x & y); };
constexpr auto not_or = [](auto x, auto y) { return ~(x | y); };
constexpr auto not_exclusive_or = [](auto x, auto y) { return ~(x ^ y); };

template<auto Operation>
struct Boolean {
    static constexpr auto word = [](auto& c, Gr r1, auto src) {
        auto y = get32(c, src);
        auto result = Operation(c.w(r1), y);
        c.w(r1, result);
        c.cc_zero(result);
    };
    static constexpr auto doubleword = [](auto& c, Gr r1, auto src) {
        auto y = get64(c, src);
        auto result = Operation(c.g(r1), y);
        c.g(r1, result);
        c.cc_zero(result);
    };
    static constexpr auto word_of_registers = [](auto& c, Gr r1, Gr r2, Gr r3) {
        auto result = Operation(c.w(r2), c.w(r3));
        c.w(r1, result);
        c.cc_zero(result);
    };
    static constexpr auto doubleword_of_registers = [](auto& c, Gr r1, Gr r2, Gr r3) {
        auto result = Operation(c.g(r2), c.g(r3));
        c.g(r1, result);
        c.cc_zero(result);
    };
};
using And = Boolean<and_values>;
using Or = Boolean<or_values>;
using ExclusiveOr = Boolean<exclusive_or_values>;
using AndComplement = Boolean<and_complement>;
using OrComplement = Boolean<or_complement>;
using NotAnd = Boolean<not_and>;
using NotOr = Boolean<not_or>;
using NotExclusiveOr = Boolean<not_exclusive_or>;

constexpr Row rows[] = {
    insn("NR", 0x14, RR, base, problem, And::word, "1,2 | r1=ffffffff0000000f r2=3c -> r1=ffffffff0000000c cc=1",
        "1,2 | r1=ffffffff0000000f r2=f0 cc=1 -> r1=ffffffff00000000 cc=0"),
    insn("NGR", 0xB980, RRE, base, problem, And::doubleword, "1,2 | r1=ff0000000000000f r2=8000000000000000 -> r1=8000000000000000 cc=1"),
    insn("N", 0x54, RX, base, problem, And::word, "1,0(5) | r1=ffffffff0000000f r5=2000 m2000=0000003c -> r1=ffffffff0000000c cc=1"),
    insn("NY", 0xE354, RXY, Facility::long_displacement, problem, And::word, "1,-4(5) | r1=f r5=2000 m1ffc=000000f0 cc=1 -> r1=0 cc=0"),
    insn("NG", 0xE380, RXY, base, problem, And::doubleword,
        "1,0(5) | r1=ff0000000000000f r5=2000 m2000=1000000000000003 -> r1=1000000000000003 cc=1"),
    insn("NRK", 0xB9F4, RRF_a, Facility::distinct_operands, problem, And::word_of_registers,
        "1,2,3 | r1=ffffffff00000000 r2=f r3=3c -> r1=ffffffff0000000c cc=1"),
    insn("NGRK", 0xB9E4, RRF_a, Facility::distinct_operands, problem, And::doubleword_of_registers,
        "1,2,3 | r2=ff000000f r3=f0000003c -> r1=f0000000c cc=1"),

    insn("OR", 0x16, RR, base, problem, Or::word, "1,2 | r1=ffffffff00000001 r2=2 -> r1=ffffffff00000003 cc=1",
        "1,1 | r1=ffffffff00000000 cc=1 -> cc=0"),
    insn("OGR", 0xB981, RRE, base, problem, Or::doubleword, "1,2 | r1=8000000000000001 r2=2 -> r1=8000000000000003 cc=1"),
    insn("O", 0x56, RX, base, problem, Or::word, "1,0(5) | r1=ffffffff00000001 r5=2000 m2000=80000000 -> r1=ffffffff80000001 cc=1"),
    insn("OY", 0xE356, RXY, Facility::long_displacement, problem, Or::word, "1,-4(5) | r1=1 r5=2000 m1ffc=80000000 -> r1=80000001 cc=1"),
    insn("OG", 0xE381, RXY, base, problem, Or::doubleword, "1,0(5) | r1=1 r5=2000 m2000=8000000000000000 -> r1=8000000000000001 cc=1"),
    insn("ORK", 0xB9F6, RRF_a, Facility::distinct_operands, problem, Or::word_of_registers,
        "1,2,3 | r1=ffffffff00000000 r2=1 r3=2 -> r1=ffffffff00000003 cc=1"),
    insn("OGRK", 0xB9E6, RRF_a, Facility::distinct_operands, problem, Or::doubleword_of_registers,
        "1,2,3 | r2=100000001 r3=2 -> r1=100000003 cc=1"),

    insn("XR", 0x17, RR, base, problem, ExclusiveOr::word, "1,1 | r1=1122334455667788 cc=1 -> r1=1122334400000000 cc=0",
        "1,2 | r1=3 r2=5 -> r1=6 cc=1"),
    insn("XGR", 0xB982, RRE, base, problem, ExclusiveOr::doubleword, "1,2 | r1=3 r2=8000000000000005 -> r1=8000000000000006 cc=1"),
    insn(
        "X", 0x57, RX, base, problem, ExclusiveOr::word, "1,0(5) | r1=ffffffff00000003 r5=2000 m2000=80000001 -> r1=ffffffff80000002 cc=1"),
    insn("XY", 0xE357, RXY, Facility::long_displacement, problem, ExclusiveOr::word, "1,-4(5) | r1=3 r5=2000 m1ffc=00000001 -> r1=2 cc=1"),
    insn("XG", 0xE382, RXY, base, problem, ExclusiveOr::doubleword,
        "1,0(5) | r1=3 r5=2000 m2000=8000000000000001 -> r1=8000000000000002 cc=1"),
    insn("XRK", 0xB9F7, RRF_a, Facility::distinct_operands, problem, ExclusiveOr::word_of_registers,
        "1,2,3 | r1=ffffffff00000000 r2=3 r3=5 -> r1=ffffffff00000006 cc=1"),
    insn("XGRK", 0xB9E7, RRF_a, Facility::distinct_operands, problem, ExclusiveOr::doubleword_of_registers,
        "1,2,3 | r2=100000003 r3=5 -> r1=100000006 cc=1"),

    insn("NCRK", 0xB9F5, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, AndComplement::word_of_registers,
        "1,2,3 | r1=ffffffff00000000 r2=f r3=3 -> r1=ffffffff0000000c cc=1"),
    insn("NCGRK", 0xB9E5, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, AndComplement::doubleword_of_registers,
        "1,2,3 | r2=f0000000f r3=3 -> r1=f0000000c cc=1"),
    insn("OCRK", 0xB975, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, OrComplement::word_of_registers,
        "1,2,3 | r1=1122334400000000 r2=f r3=ff -> r1=11223344ffffff0f cc=1"),
    insn("OCGRK", 0xB965, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, OrComplement::doubleword_of_registers,
        "1,2,3 | r2=f r3=ff -> r1=ffffffffffffff0f cc=1"),
    insn("NNRK", 0xB974, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, NotAnd::word_of_registers,
        "1,2,3 | r1=1122334400000000 r2=f r3=3 -> r1=11223344fffffffc cc=1"),
    insn("NNGRK", 0xB964, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, NotAnd::doubleword_of_registers,
        "1,2,3 | r2=f r3=3 -> r1=fffffffffffffffc cc=1"),
    insn("NORK", 0xB976, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, NotOr::word_of_registers,
        "1,2,3 | r1=1122334400000001 r2=fffffff0 r3=f cc=1 -> r1=1122334400000000 cc=0"),
    insn("NOGRK", 0xB966, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, NotOr::doubleword_of_registers,
        "1,2,3 | r2=f0 r3=f -> r1=ffffffffffffff00 cc=1"),
    insn("NXRK", 0xB977, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, NotExclusiveOr::word_of_registers,
        "1,2,3 | r1=1122334400000001 r2=3 r3=5 -> r1=11223344fffffff9 cc=1"),
    insn("NXGRK", 0xB967, RRF_a, Facility::miscellaneous_instruction_extensions_3, problem, NotExclusiveOr::doubleword_of_registers,
        "1,2,3 | r2=3 r3=5 -> r1=fffffffffffffff9 cc=1"),
};

} // namespace

extern constexpr Group general_logical { rows };

} // namespace zvisor::isa
