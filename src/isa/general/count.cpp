// FIND LEFTMOST ONE, POPULATION COUNT (PoP ch. 7).

#include "isa/general/pair.h"
#include "isa/insn.h"

#include "cpu/cpu.h"

#include <bit>

namespace zvisor::isa {

namespace {

void find_leftmost(Cpu& c, GrPair r1, Gr r2)
{
    u64 value = c.g(r2);
    auto position = static_cast<unsigned>(std::countl_zero(value));
    c.cc(value == 0 ? 0 : 2);
    c.g(r1, position);
    c.g(second_of(r1), value == 0 ? 0 : value & ~(bit_mask<0> >> position));
}
/// Bit 6 of the count says that there is no one.
void find_leftmost(ir::Builder& c, GrPair r1, Gr r2)
{
    auto value = c.g(r2);
    auto position = c.leading_zeros(value);
    auto cleared = (value << c.lo(position)) & ~bit_mask<0>;
    c.compare_u(value, ir::G { 0 });
    c.g(r1, position);
    c.g(second_of(r1), c.select(c.lt_u(value, u64 { 1 }), ir::G { 0 }, cleared >> c.lo(position)));
}

constexpr auto find_leftmost_one = [](auto& c, GrPair r1, Gr r2) { find_leftmost(c, r1, r2); };

/// The number of ones in each byte, in that byte.
[[nodiscard]] constexpr u64 ones_by_byte(u64 value)
{
    value -= value >> 1 & 0x5555555555555555;
    value = (value & 0x3333333333333333) + (value >> 2 & 0x3333333333333333);
    return (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0f;
}

constexpr auto population_count = [](Cpu& c, Gr r1, Gr r2, Mask m3) {
    bool whole = (m3 & 8) && c.has(Facility::miscellaneous_instruction_extensions_3);
    u64 value = c.g(r2);
    c.g(r1, whole ? static_cast<u64>(std::popcount(value)) : ones_by_byte(value));
    c.cc_zero(value);
};

constexpr Row rows[] = {
    insn("FLOGR", 0xB983, RRE_PR, Facility::extended_immediate, problem, find_leftmost_one, "2,4 | r4=1000000000000005 -> r2=3 r3=5 cc=2",
        "2,4 | r3=5 cc=2 -> r2=40 r3=0 cc=0", "3,4 | -> pgm=6"),
    insn("POPCNT", 0xB9E1, RRF_co, Facility::distinct_operands, problem, population_count,
        "1,2 | r2=ff01030000000080 -> r1=801020000000001 cc=1", "1,2,8 | r2=ff01030000000080 -> r1=c cc=1", "1,2 | r1=5 cc=1 -> r1=0 cc=0"),
};

} // namespace

extern constexpr Group general_count { rows };

} // namespace zvisor::isa
