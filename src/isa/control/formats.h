#pragma once

#include "isa/format.h"

/// Formats of control instructions that the common ones do not cover.
namespace zvisor::isa {

/// A register operand the assembler may leave out when it is zero.
template<unsigned At>
struct OptionalR {
    using Value = Gr;
    static constexpr OperandInfo info { .kind = OperandKind::gr, .at = At, .width = 4, .optional = true };
    static constexpr Value decode(u64 bits, u64) { return { static_cast<u8>(field<At, 4>(bits)) }; }
};

/// IPTE: R1,R2[,R3[,M4]].
inline constexpr Format<second_byte, 4, R<24>, R<28>, OptionalR<16>, M<20, 4, true>> RRF_ipte;
/// CRDTE: R1,R3,R2[,M4] with even-odd pairs R1 and R2.
inline constexpr Format<second_byte, 4, P<24>, R<16>, P<28>, M<20, 4, true>> RRF_b_PRP;
inline constexpr Format<last_byte, 6, BD<16, true>> SIY_0;

} // namespace zvisor::isa
