#include "isa/bfp/operation.h"

namespace zvisor::isa {

const bool host::has_fused_multiply_add = __builtin_cpu_supports("fma");

Rounding uncommon_rounding(Cpu& c, u8 modifier)
{
    if (modifier == 1)
        return Rounding::nearest_away;
    if (modifier == 3 && c.has(Facility::floating_point_extension))
        return Rounding::shorter_precision;
    c.specification();
}

void suppress_if_trapped(Cpu& c, const Environment& found)
{
    constexpr u8 suppressing = Condition::invalid | Condition::division_by_zero;
    if (found.trapped(suppressing))
        c.data_exception(static_cast<DataCode>(found.conditions & suppressing));
}

void complete(Cpu& c, const Environment& found)
{
    constexpr u8 rounded = Condition::inexact | Condition::incremented;
    if (found.trapped(Condition::overflow | Condition::underflow))
        c.data_exception(static_cast<DataCode>(found.conditions));
    bool inexact_traps = found.trapped(Condition::inexact);
    u8 flags = found.conditions & static_cast<u8>(inexact_traps ? ~rounded : ~Condition::incremented);
    c.fpc |= u32 { flags } << Fpc::flags_shift;
    if (inexact_traps)
        c.data_exception(static_cast<DataCode>(found.conditions & rounded));
}

} // namespace zvisor::isa
