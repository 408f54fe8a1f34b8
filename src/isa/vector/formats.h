#pragma once

#include "isa/format.h"

namespace zvisor::isa {

// Vector formats by the names of the Principles of Operation (ch. 5). The operands that a mnemonic does not have are left
// out; a suffix tells which masks remain (m3 …), or `o` that the last one may be left out in writing.

template<unsigned At>
inline constexpr unsigned rxb_of = At == 8 ? 0
    : At == 12                             ? 1
    : At == 16                             ? 2
                                           : 3;
/// A vector register: its bit in RXB follows from where its field is.
template<unsigned At>
using Vf = V<At, rxb_of<At>>;

inline constexpr Format<last_byte, 6, Vf<8>, U<16, 16>> VRI_a;
inline constexpr Format<last_byte, 6, Vf<8>, I<16, 16>, M<32>> VRI_a_m3;
inline constexpr Format<last_byte, 6, Vf<8>, U<16, 8>, U<24, 8>, M<32>> VRI_b;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, U<16, 16>, M<32>> VRI_c;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, U<24, 8>> VRI_d;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, U<24, 8>, M<32>> VRI_d_m5;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, U<16, 12>, M<32>, M<28>> VRI_e;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, U<28, 8>, M<24>> VRI_f;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, U<28, 8>, U<16, 8>, M<24>> VRI_g;
inline constexpr Format<last_byte, 6, Vf<8>, U<16, 16>, U<32, 4>> VRI_h;
inline constexpr Format<last_byte, 6, Vf<8>, R<12>, U<28, 8>, M<24>> VRI_i;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, Vf<32>, U<24, 8>> VRI_k;

inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>> VRR_a;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, M<32>> VRR_a_m3;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, M<32>, M<28>> VRR_a_m34;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, M<32>, M<28>, M<24>> VRR_a_m345;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, M<32>, M<24, 4, true>> VRR_a_m35o;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, M<32>, M<24>> VRR_b;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, M<32>, M<24, 4, true>> VRR_b_o;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>> VRR_c;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, M<32>> VRR_c_m4;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, M<32>, M<28>> VRR_c_m45;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, M<32>, M<28>, M<24>> VRR_c_m456;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, Vf<32>, M<20>> VRR_d_m5;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, Vf<32>, M<20>, M<24>> VRR_d_m56;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, Vf<32>, M<20>, M<24, 4, true>> VRR_d_m56o;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, Vf<32>> VRR_e;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, Vf<16>, Vf<32>, M<28>, M<20>> VRR_e_m56;
inline constexpr Format<last_byte, 6, Vf<8>, R<12>, R<16>> VRR_f;
inline constexpr Format<last_byte, 6, Vf<12>> VRR_g;
inline constexpr Format<last_byte, 6, Vf<12>, Vf<16>, M<24>> VRR_h;
inline constexpr Format<last_byte, 6, R<8>, Vf<12>, M<24>, M<28, 4, true>> VRR_i;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, M<24>> VRR_k;

inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, BD<16>, M<32>> VRS_a;
inline constexpr Format<last_byte, 6, Vf<8>, Vf<12>, BD<16>, M<32, 4, true>> VRS_a_o;
inline constexpr Format<last_byte, 6, Vf<8>, R<12>, BD<16>> VRS_b;
inline constexpr Format<last_byte, 6, Vf<8>, R<12>, BD<16>, M<32>> VRS_b_m4;
inline constexpr Format<last_byte, 6, R<8>, Vf<12>, BD<16>, M<32>> VRS_c;
inline constexpr Format<last_byte, 6, Vf<32>, R<12>, BD<16>> VRS_d;
inline constexpr Format<last_byte, 6, Vf<8>, BVD, M<32>> VRV;
inline constexpr Format<last_byte, 6, Vf<8>, BXD<>, M<32>> VRX;
inline constexpr Format<last_byte, 6, Vf<8>, BXD<>, M<32, 4, true>> VRX_o;
inline constexpr Format<last_byte, 6, Vf<32>, BD<16>, U<8, 8>> VSI;

} // namespace zvisor::isa
