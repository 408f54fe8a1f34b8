#include "isa/dfp/operation.h"

#include "isa/fp_support/fpc.h"

namespace zvisor::isa::decimal_float {

namespace {

/// Bit 5 of the FPC register's mask and flag bytes.
constexpr u32 quantum_mask = 0x04000000;
constexpr u32 quantum_flag = 0x00040000;

} // namespace

Rounding current_rounding(const Cpu& c)
{
    return static_cast<Rounding>((c.fpc & Fpc::dfp_rounding) >> Fpc::dfp_rounding_shift);
}

Rounding selected_rounding(const Cpu& c, u8 modifier)
{
    using enum Rounding;
    static constexpr Rounding methods[] = { {}, nearest_away, {}, shorter_precision, nearest_even, toward_zero, up, down, nearest_even,
        toward_zero, up, down, nearest_away, nearest_toward_zero, away_from_zero, shorter_precision };
    bool current = modifier == 0 || modifier == 2 || (modifier < 8 && !c.has(Facility::floating_point_extension));
    return current ? current_rounding(c) : methods[modifier];
}

Rounding extension_rounding(const Cpu& c, u8 modifier)
{
    return c.has(Facility::floating_point_extension) ? selected_rounding(c, modifier) : current_rounding(c);
}

bool suppresses_inexact(const Cpu& c, u8 m4)
{
    return (m4 & inexact_exception_control) && c.has(Facility::floating_point_extension);
}

Environment environment(const Cpu& c, Rounding rounding)
{
    return { .rounding = rounding, .traps = static_cast<u8>((c.fpc & Fpc::masks) >> Fpc::masks_shift) };
}

void suppress_if_trapped(Cpu& c, const Environment& found)
{
    constexpr u8 suppressing = Condition::invalid | Condition::division_by_zero;
    if (found.trapped(suppressing))
        c.data_exception(static_cast<DataCode>(found.conditions & suppressing));
}

void complete(Cpu& c, const Environment& found, bool suppress_inexact)
{
    constexpr u8 rounded = Condition::inexact | Condition::incremented;
    if (found.trapped(Condition::overflow | Condition::underflow))
        c.data_exception(static_cast<DataCode>(found.conditions));
    auto conditions = static_cast<u8>(suppress_inexact ? found.conditions & ~rounded : found.conditions);
    bool inexact_traps = found.traps & conditions & Condition::inexact;
    auto flags = static_cast<u8>(inexact_traps ? conditions & ~rounded : conditions & ~Condition::incremented);
    c.fpc |= u32 { flags } << Fpc::flags_shift;
    if (inexact_traps)
        c.data_exception(static_cast<DataCode>(conditions & rounded));
    if (!found.quantum || !c.has(Facility::floating_point_extension))
        return;
    if (c.fpc & quantum_mask)
        c.data_exception(DataCode::quantum);
    c.fpc |= quantum_flag;
}

} // namespace zvisor::isa::decimal_float
