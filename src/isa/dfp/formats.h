#pragma once

#include "isa/format.h"

namespace zvisor::isa {

/// R1,R2,M4 with an extended result of a long operand: LOAD LENGTHENED.
inline constexpr Format<second_byte, 4, X<24>, F<28>, M<20>> RRF_d_XF;

} // namespace zvisor::isa
