#pragma once

#include "isa/operand.h"

#include <new>
#include <span>
#include <tuple>
#include <utility>

#include "cpu/op.h"

namespace zvisor::isa {

/// Where the bits of an opcode are: byte 0, and a nibble at bits 12-15, byte 1 or byte 5.
enum class OpcodePlace : u8 { byte, nibble, second_byte, last_byte };

/// What is known of a format at run time; decoder, disassembler and assembler are driven by it.
struct FormatInfo {
    OpcodePlace place {};
    u8 length { 0 };
    std::span<const OperandInfo> operands;
};

/// A format: where the opcode is, the instruction's length and the operands in the order the assembler writes them.
template<OpcodePlace Place, unsigned Length, class... Operands>
struct Format {
    using Values = std::tuple<typename Operands::Value...>;
    static_assert(sizeof(Values) <= Op::operand_bytes);

    static constexpr std::array<OperandInfo, sizeof...(Operands)> operands { Operands::info... };
    static constexpr FormatInfo info { Place, Length, operands };

    static void decode(Op& op, [[maybe_unused]] u64 bits, [[maybe_unused]] u64 address)
    {
        new (op.operands) Values { Operands::decode(bits, address)... };
    }
    [[nodiscard]] static const Values& values(const Op& op) { return *std::launder(reinterpret_cast<const Values*>(op.operands)); }
};

// Formats by the names of the Principles of Operation (ch. 5, "Instruction Formats"). A suffix tells variants apart: the
// kind of register (F floating point, X extended, P even-odd pair, A access, C control) in operand order, m for a mask.
using enum OpcodePlace;

inline constexpr Format<second_byte, 2> E;
inline constexpr Format<OpcodePlace::byte, 2, U<8, 8>> I_;

inline constexpr Format<OpcodePlace::byte, 2, R<8>, R<12>> RR;
inline constexpr Format<OpcodePlace::byte, 2, M<8>, R<12>> RR_m;
inline constexpr Format<OpcodePlace::byte, 2, R<8>> RR_1;
inline constexpr Format<OpcodePlace::byte, 2, P<8>, R<12>> RR_PR;
inline constexpr Format<OpcodePlace::byte, 2, P<8>, P<12>> RR_PP;
inline constexpr Format<OpcodePlace::byte, 2, F<8>, F<12>> RR_FF;
inline constexpr Format<OpcodePlace::byte, 2, X<8>, F<12>> RR_XF;
inline constexpr Format<OpcodePlace::byte, 2, F<8>, X<12>> RR_FX;
inline constexpr Format<OpcodePlace::byte, 2, X<8>, X<12>> RR_XX;

inline constexpr Format<second_byte, 4> RRE_0;
inline constexpr Format<second_byte, 4, R<24>> RRE_1;
inline constexpr Format<second_byte, 4, P<24>> RRE_P;
inline constexpr Format<second_byte, 4, F<24>> RRE_F;
inline constexpr Format<second_byte, 4, X<24>> RRE_X;
inline constexpr Format<second_byte, 4, R<24>, R<28>> RRE;
inline constexpr Format<second_byte, 4, P<24>, R<28>> RRE_PR;
inline constexpr Format<second_byte, 4, R<24>, P<28>> RRE_RP;
inline constexpr Format<second_byte, 4, P<24>, P<28>> RRE_PP;
inline constexpr Format<second_byte, 4, F<24>, F<28>> RRE_FF;
inline constexpr Format<second_byte, 4, F<24>, X<28>> RRE_FX;
inline constexpr Format<second_byte, 4, X<24>, F<28>> RRE_XF;
inline constexpr Format<second_byte, 4, X<24>, X<28>> RRE_XX;
inline constexpr Format<second_byte, 4, F<24>, R<28>> RRE_FR;
inline constexpr Format<second_byte, 4, X<24>, R<28>> RRE_XR;
inline constexpr Format<second_byte, 4, R<24>, F<28>> RRE_RF;
inline constexpr Format<second_byte, 4, R<24>, X<28>> RRE_RX;
inline constexpr Format<second_byte, 4, X<24>, P<28>> RRE_XP;
inline constexpr Format<second_byte, 4, P<24>, X<28>> RRE_PX;
inline constexpr Format<second_byte, 4, R<24>, A<28>> RRE_RA;
inline constexpr Format<second_byte, 4, A<24>, R<28>> RRE_AR;
inline constexpr Format<second_byte, 4, A<24>, A<28>> RRE_AA;

// RRF-a: R1,R2,R3[,M4]; RRF-b: R1,R3,R2[,M4]; RRF-c: R1,R2[,M3]; RRF-d: R1,R2,M4; RRF-e: R1,M3,R2[,M4].
inline constexpr Format<second_byte, 4, R<24>, R<28>, R<16>> RRF_a;
inline constexpr Format<second_byte, 4, R<24>, R<28>, R<16>, M<20>> RRF_am;
inline constexpr Format<second_byte, 4, R<24>, R<28>, R<16>, M<20, 4, true>> RRF_ao;
inline constexpr Format<second_byte, 4, F<24>, F<28>, F<16>> RRF_a_FFF;
inline constexpr Format<second_byte, 4, F<24>, F<28>, F<16>, M<20>> RRF_am_FFF;
inline constexpr Format<second_byte, 4, X<24>, X<28>, X<16>> RRF_a_XXX;
inline constexpr Format<second_byte, 4, X<24>, X<28>, X<16>, M<20>> RRF_am_XXX;
inline constexpr Format<second_byte, 4, R<24>, R<16>, R<28>, M<20, 4, true>> RRF_b;
inline constexpr Format<second_byte, 4, F<24>, F<16>, F<28>, M<20>> RRF_b_FFF;
inline constexpr Format<second_byte, 4, F<24>, F<16>, F<28>> RRF_b_FFF0;
inline constexpr Format<second_byte, 4, X<24>, X<16>, X<28>, M<20>> RRF_b_XXX;
inline constexpr Format<second_byte, 4, X<24>, X<16>, X<28>> RRF_b_XXX0;
inline constexpr Format<second_byte, 4, F<24>, F<16>, R<28>> RRF_b_FFR;
inline constexpr Format<second_byte, 4, X<24>, X<16>, R<28>> RRF_b_XXR;
inline constexpr Format<second_byte, 4, F<24>, F<16>, R<28>, M<20>> RRF_bm_FFR;
inline constexpr Format<second_byte, 4, X<24>, X<16>, R<28>, M<20>> RRF_bm_XXR;
inline constexpr Format<second_byte, 4, R<24>, R<28>, M<16>> RRF_c;
inline constexpr Format<second_byte, 4, R<24>, R<28>, M<16, 4, true>> RRF_co;
inline constexpr Format<second_byte, 4, P<24>, P<28>, M<16, 4, true>> RRF_co_PP;
inline constexpr Format<second_byte, 4, P<24>, R<28>, M<16, 4, true>> RRF_co_PR;
inline constexpr Format<second_byte, 4, R<24>, R<28>, M<20>> RRF_d;
inline constexpr Format<second_byte, 4, R<24>, F<28>, M<20>> RRF_d_RF;
inline constexpr Format<second_byte, 4, P<24>, X<28>, M<20>> RRF_d_PX;
inline constexpr Format<second_byte, 4, F<24>, F<28>, M<20>> RRF_d_FF;
inline constexpr Format<second_byte, 4, X<24>, X<28>, M<20>> RRF_d_XX;
inline constexpr Format<second_byte, 4, F<24>, M<16>, F<28>> RRF_e_FF;
inline constexpr Format<second_byte, 4, X<24>, M<16>, X<28>> RRF_e_XX;
inline constexpr Format<second_byte, 4, R<24>, M<16>, F<28>> RRF_e_RF;
inline constexpr Format<second_byte, 4, R<24>, M<16>, X<28>> RRF_e_RX;
inline constexpr Format<second_byte, 4, F<24>, M<16>, F<28>, M<20>> RRF_em_FF;
inline constexpr Format<second_byte, 4, F<24>, M<16>, X<28>, M<20>> RRF_em_FX;
inline constexpr Format<second_byte, 4, X<24>, M<16>, F<28>, M<20>> RRF_em_XF;
inline constexpr Format<second_byte, 4, X<24>, M<16>, X<28>, M<20>> RRF_em_XX;
inline constexpr Format<second_byte, 4, F<24>, M<16>, R<28>, M<20>> RRF_em_FR;
inline constexpr Format<second_byte, 4, X<24>, M<16>, R<28>, M<20>> RRF_em_XR;
inline constexpr Format<second_byte, 4, R<24>, M<16>, F<28>, M<20>> RRF_em_RF;
inline constexpr Format<second_byte, 4, R<24>, M<16>, X<28>, M<20>> RRF_em_RX;
/// R1,R3,R2: MULTIPLY AND ADD and its kin (RRD).
inline constexpr Format<second_byte, 4, F<16>, F<24>, F<28>> RRD_FFF;
inline constexpr Format<second_byte, 4, X<16>, F<24>, F<28>> RRD_XFF;

inline constexpr Format<OpcodePlace::byte, 4, R<8>, BXD<>> RX;
inline constexpr Format<OpcodePlace::byte, 4, P<8>, BXD<>> RX_P;
inline constexpr Format<OpcodePlace::byte, 4, F<8>, BXD<>> RX_F;
inline constexpr Format<OpcodePlace::byte, 4, X<8>, BXD<>> RX_X;
inline constexpr Format<OpcodePlace::byte, 4, M<8>, BXD<>> RX_m;
inline constexpr Format<last_byte, 6, F<8>, BXD<>> RXE_F;
inline constexpr Format<last_byte, 6, X<8>, BXD<>> RXE_X;
inline constexpr Format<last_byte, 6, R<8>, BXD<>, M<32>> RXE_m;
inline constexpr Format<last_byte, 6, F<32>, F<8>, BXD<>> RXF_FF;
inline constexpr Format<last_byte, 6, X<32>, F<8>, BXD<>> RXF_XF;
inline constexpr Format<last_byte, 6, X<32>, X<8>, BXD<>> RXF_XX;
inline constexpr Format<last_byte, 6, R<8>, BXD<true>> RXY;
inline constexpr Format<last_byte, 6, P<8>, BXD<true>> RXY_P;
inline constexpr Format<last_byte, 6, F<8>, BXD<true>> RXY_F;
inline constexpr Format<last_byte, 6, M<8>, BXD<true>> RXY_m;

inline constexpr Format<OpcodePlace::byte, 4, R<8>, R<12>, BD<16>> RS;
inline constexpr Format<OpcodePlace::byte, 4, P<8>, P<12>, BD<16>> RS_PP;
inline constexpr Format<OpcodePlace::byte, 4, R<8>, BD<16>> RS_1;
inline constexpr Format<OpcodePlace::byte, 4, P<8>, BD<16>> RS_P;
inline constexpr Format<OpcodePlace::byte, 4, R<8>, M<12>, BD<16>> RS_m;
inline constexpr Format<OpcodePlace::byte, 4, A<8>, A<12>, BD<16>> RS_AA;
inline constexpr Format<OpcodePlace::byte, 4, C<8>, C<12>, BD<16>> RS_CC;
inline constexpr Format<OpcodePlace::byte, 4, R<8>, R<12>, RI<16, 16>> RSI;
inline constexpr Format<last_byte, 6, BLD<8, 4, 16>> RSL;
inline constexpr Format<last_byte, 6, F<32>, BLD<8, 8, 16>, M<36>> RSL_F;
inline constexpr Format<last_byte, 6, X<32>, BLD<8, 8, 16>, M<36>> RSL_X;
inline constexpr Format<last_byte, 6, R<8>, R<12>, BD<16, true>> RSY;
inline constexpr Format<last_byte, 6, P<8>, P<12>, BD<16, true>> RSY_PP;
inline constexpr Format<last_byte, 6, R<8>, M<12>, BD<16, true>> RSY_m;
inline constexpr Format<last_byte, 6, R<8>, BD<16, true>, M<12>> RSY_cond;
inline constexpr Format<last_byte, 6, A<8>, A<12>, BD<16, true>> RSY_AA;
inline constexpr Format<last_byte, 6, C<8>, C<12>, BD<16, true>> RSY_CC;

inline constexpr Format<nibble, 4, R<8>, I<16, 16>> RI_a;
inline constexpr Format<nibble, 4, R<8>, U<16, 16>> RI_au;
inline constexpr Format<nibble, 4, R<8>, RI<16, 16>> RI_b;
inline constexpr Format<nibble, 4, M<8>, RI<16, 16>> RI_c;
inline constexpr Format<nibble, 6, R<8>, I<16, 32>> RIL_a;
inline constexpr Format<nibble, 6, R<8>, U<16, 32>> RIL_au;
inline constexpr Format<nibble, 6, R<8>, RI<16, 32>> RIL_b;
inline constexpr Format<nibble, 6, M<8>, RI<16, 32>> RIL_c;

// RIE-a: R1,I2,M3; -b: R1,R2,M3,RI4; -c: R1,I2,M3,RI4; -d: R1,R3,I2; -e: R1,R3,RI2; -f: R1,R2,I3,I4,I5; -g: R1,I2,M3.
inline constexpr Format<last_byte, 6, R<8>, I<16, 16>, M<32>> RIE_a;
inline constexpr Format<last_byte, 6, R<8>, U<16, 16>, M<32>> RIE_au;
inline constexpr Format<last_byte, 6, R<8>, R<12>, M<32>, RI<16, 16>> RIE_b;
inline constexpr Format<last_byte, 6, R<8>, I<32, 8>, M<12>, RI<16, 16>> RIE_c;
inline constexpr Format<last_byte, 6, R<8>, U<32, 8>, M<12>, RI<16, 16>> RIE_cu;
inline constexpr Format<last_byte, 6, R<8>, R<12>, I<16, 16>> RIE_d;
inline constexpr Format<last_byte, 6, R<8>, R<12>, RI<16, 16>> RIE_e;
inline constexpr Format<last_byte, 6, R<8>, R<12>, U<16, 8>, U<24, 8>, U<32, 8>> RIE_f;
inline constexpr Format<last_byte, 6, R<8>, I<16, 16>, M<12>> RIE_g;
inline constexpr Format<last_byte, 6, R<8>, I<32, 8>, M<12>, BD<16>> RIS;
inline constexpr Format<last_byte, 6, R<8>, U<32, 8>, M<12>, BD<16>> RIS_u;
inline constexpr Format<last_byte, 6, R<8>, R<12>, M<32>, BD<16>> RRS;

inline constexpr Format<second_byte, 4> S_0;
inline constexpr Format<second_byte, 4, BD<16>> S;
inline constexpr Format<OpcodePlace::byte, 4, BD<16>> SI_0;
inline constexpr Format<OpcodePlace::byte, 4, BD<16>, U<8, 8>> SI;
inline constexpr Format<last_byte, 6, BD<16, true>, U<8, 8>> SIY;
inline constexpr Format<last_byte, 6, BD<16, true>, I<8, 8>> SIY_s;
inline constexpr Format<second_byte, 6, BD<16>, I<32, 16>> SIL;
inline constexpr Format<second_byte, 6, BD<16>, U<32, 16>> SIL_u;
inline constexpr Format<second_byte, 4, U<24, 4>, U<28, 4>> IE;

inline constexpr Format<OpcodePlace::byte, 6, BLD<8, 8, 16>, BD<32>> SS_a;
inline constexpr Format<OpcodePlace::byte, 6, BLD<8, 4, 16>, BLD<12, 4, 32>> SS_b;
inline constexpr Format<OpcodePlace::byte, 6, BLD<8, 4, 16>, BD<32>, U<12, 4>> SS_c;
inline constexpr Format<OpcodePlace::byte, 6, BRD<8, 16>, BD<32>, R<12>> SS_d;
inline constexpr Format<OpcodePlace::byte, 6, R<8>, R<12>, BD<16>, BD<32>> SS_e;
inline constexpr Format<OpcodePlace::byte, 6, R<8>, BD<16>, R<12>, BD<32>> SS_e_plo;
inline constexpr Format<OpcodePlace::byte, 6, BD<16>, BLD<8, 8, 32>> SS_f;
inline constexpr Format<second_byte, 6, BD<16>, BD<32>> SSE;
inline constexpr Format<nibble, 6, BD<16>, BD<32>, R<8>> SSF;
inline constexpr Format<nibble, 6, R<8>, BD<16>, BD<32>> SSF_r;
inline constexpr Format<nibble, 6, P<8>, BD<16>, BD<32>> SSF_p;
inline constexpr Format<OpcodePlace::byte, 6, M<8>, RI<32, 16>, BD<16>> SMI;
inline constexpr Format<OpcodePlace::byte, 6, M<8>, RI<12, 12>, RI<24, 24>> MII;

} // namespace zvisor::isa
