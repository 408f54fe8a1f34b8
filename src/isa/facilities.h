#pragma once

#include "arch/facility.h"

namespace zvisor::isa {

/// The facilities that work as a whole: every instruction is in the table, and what belongs to them outside it is done.
[[nodiscard]] FacilitySet implemented_facilities();

} // namespace zvisor::isa
