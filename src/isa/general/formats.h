#pragma once

#include "isa/format.h"

namespace zvisor::isa {

/// R1 (an even-odd pair), R2, R3: MULTIPLY (MGRK).
inline constexpr Format<second_byte, 4, P<24>, R<28>, R<16>> RRF_a_PRR;

} // namespace zvisor::isa
