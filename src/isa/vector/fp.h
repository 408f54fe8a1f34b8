#pragma once

#include "isa/bfp/operation.h"
#include "isa/vector/elements.h"

// What vector floating-point instructions have in common (PoP ch. 24).

namespace zvisor::isa {

/// Bits of the modifier fields.
struct FpModifier {
    /// Single-element control: only the leftmost element takes part; the others of the result are unpredictable, here zeros.
    static constexpr u8 single = 8;
    static constexpr u8 suppress_inexact = 4;
    static constexpr u8 signaling = 4;
};

/// Raises specification when `modifier` has bits other than `allowed`.
inline void require_modifier(Cpu& c, u8 modifier, u8 allowed)
{
    if (modifier & ~allowed)
        c.specification();
}

/// Calls f with a format (Short, Long or Extended) that a floating-point-format control names.
template<class F>
void with_format(Cpu& c, u8 control, F f)
{
    if (control == 3) [[likely]]
        return f(Long {});
    if (!c.has(Facility::vector_enhancements_1))
        c.specification();
    switch (control) {
    case 2:
        return f(Short {});
    case 4:
        return f(Extended {});
    default:
        c.specification();
    }
}

/// The long format alone is recorded.
template<class F>
void with_format(ir::Builder& c, u8 control, F f)
{
    if (control == 3)
        f(Long {});
    else
        c.leave_to_handler();
}

/// How many elements of `T` take part.
template<class T>
[[nodiscard]] unsigned participating(u8 modifier)
{
    return modifier & FpModifier::single ? 1 : element_count<T>;
}

/// Carries out an instruction's operations on elements and gathers their IEEE conditions. One that traps suppresses the
/// instruction with a vector-processing exception, whatever other elements found.
class FpElements {
public:
    explicit FpElements(Cpu& c)
        : FpElements(c, current_rounding(c))
    {
    }
    FpElements(Cpu& c, Rounding rounding, bool suppress_inexact = false)
        : m_cpu(c)
        , m_rounding(rounding)
        , m_suppress_inexact(suppress_inexact)
    {
    }

    /// operation(environment) for element `index`.
    template<class Operation>
    auto run(unsigned index, Operation operation)
    {
        Environment work = environment(m_cpu, m_rounding);
        auto result = operation(work);
        note(index, work);
        return result;
    }
    /// Before results are stored.
    void complete() { m_cpu.fpc |= u32 { m_conditions } << Fpc::flags_shift; }

private:
    void note(unsigned index, const Environment& work)
    {
        auto found = static_cast<u8>(work.conditions & ~Condition::incremented);
        if (m_suppress_inexact)
            found &= static_cast<u8>(~Condition::inexact);
        if (u8 trapped = found & work.traps) [[unlikely]] {
            auto code = static_cast<unsigned>(std::countl_zero(trapped)) + 1;
            throw ProgramInterruption { .code = ProgramCode::vector_processing, .data_code = static_cast<u8>(index << 4 | code) };
        }
        m_conditions |= found;
    }

    Cpu& m_cpu;
    Rounding m_rounding;
    bool m_suppress_inexact;
    u8 m_conditions { 0 };
};

/// The register whose first `count` elements are f(index).
template<class T, class F>
[[nodiscard]] Vr first_elements(unsigned count, F f)
{
    Vr out;
    for (unsigned i = 0; i < count; ++i)
        set_element<T>(out, i, f(i));
    return out;
}

} // namespace zvisor::isa
