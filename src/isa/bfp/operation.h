#pragma once

#include "isa/bfp/host.h"
#include "isa/bfp/softfloat.h"
#include "isa/fp_support/fpc.h"
#include "isa/insn.h"

#include <optional>

// How a BFP instruction is carried out: on the host's floating-point unit when that cannot be told from the exact way,
// else exactly, with IEEE exceptions as PoP ch. 9 ("IEEE Exceptions") has them.

namespace zvisor::isa {

using softfloat::Bits;
using softfloat::Condition;
using softfloat::Environment;
using softfloat::Extended;
using softfloat::Long;
using softfloat::Rounding;
using softfloat::Short;

// ---- Operands ------------------------------------------------------------------------------------------------

/// The bits of a number as C has values: Cpu those of every format, ir::Builder of short and long ones.
template<class C, class F>
struct NumberIn {
    using Type = Bits<F>;
};
template<class F>
struct NumberIn<ir::Builder, F> {
    using Type = ir::Value<std::conditional_t<std::is_same_v<F, Short>, u32, u64>>;
};
template<class F>
using Recorded = typename NumberIn<ir::Builder, F>::Type;

/// Numbers of the extended format are left to the handler.
template<class C, class F>
constexpr bool is_recorded_in = !(std::is_same_v<C, ir::Builder> && std::is_same_v<F, Extended>);

template<class F, class C>
[[nodiscard]] auto get(C& c, u8 r) -> typename NumberIn<C, F>::Type
{
    if constexpr (std::is_same_v<F, Short>)
        return c.fs(r);
    else if constexpr (std::is_same_v<F, Long> || !is_recorded_in<C, F>)
        return c.f(r);
    else
        return u128 { c.f(r) } << 64 | c.f(static_cast<u8>(r + 2));
}

template<class F, class C>
[[nodiscard]] auto get(C& c, Storage from) -> typename NumberIn<C, F>::Type
{
    if constexpr (std::is_same_v<F, Short>)
        return c.load32(c.ea(from));
    else
        return c.load64(c.ea(from));
}

template<class F, class C>
void put(C& c, u8 r, typename NumberIn<C, F>::Type value)
{
    if constexpr (std::is_same_v<F, Short>) {
        c.fs(r, value);
    } else if constexpr (std::is_same_v<F, Long> || !is_recorded_in<C, F>) {
        c.f(r, value);
    } else {
        c.f(r, static_cast<u64>(value >> 64));
        c.f(static_cast<u8>(r + 2), static_cast<u64>(value));
    }
}

/// Sets the condition code of a result.
template<class F>
void set_code(Cpu& c, Bits<F> result)
{
    c.cc(softfloat::condition_code<F>(result));
}
template<class F>
void set_code(ir::Builder& c, Recorded<F> result)
{
    c.cc_bfp_sign(result);
}

// ---- Rounding ------------------------------------------------------------------------------------------------

/// The method of the BFP rounding mode in the FPC register.
[[nodiscard]] inline Rounding current_rounding(const Cpu& c)
{
    static constexpr Rounding modes[] = { Rounding::nearest_even, Rounding::toward_zero, Rounding::up, Rounding::down,
        Rounding::nearest_even, Rounding::nearest_even, Rounding::nearest_even, Rounding::shorter_precision };
    return modes[c.fpc & Fpc::bfp_rounding];
}

/// The less common methods of a modifier field; raises specification for an undefined one.
[[nodiscard]] Rounding uncommon_rounding(Cpu& c, u8 modifier);

/// The method a modifier field (M3, or M4 of DIVIDE TO INTEGER) selects; raises specification for an undefined one.
[[nodiscard]] inline Rounding selected_rounding(Cpu& c, u8 modifier)
{
    static constexpr Rounding methods[] = { Rounding::nearest_even, Rounding::toward_zero, Rounding::up, Rounding::down };
    if (modifier == 0)
        return current_rounding(c);
    return modifier >= 4 && modifier <= 7 ? methods[modifier - 4] : uncommon_rounding(c, modifier);
}

/// Modifiers of instructions that had none before the floating-point-extension facility.
struct Modifiers {
    Rounding rounding;
    /// The IEEE-inexact-exception control, XxC: inexact is not recognized.
    bool suppress_inexact;
};
/// M3 of instructions that always had it, and M4, which is ignored without the facility.
[[nodiscard]] inline Modifiers modifiers(Cpu& c, u8 m3, u8 m4)
{
    constexpr u8 inexact_exception_control = 0x4;
    bool suppress_inexact = (m4 & inexact_exception_control) && c.has(Facility::floating_point_extension);
    return { selected_rounding(c, m3), suppress_inexact };
}
/// M3 and M4 where both are ignored without the facility.
[[nodiscard]] inline Modifiers extension_modifiers(Cpu& c, u8 m3, u8 m4)
{
    if (!c.has(Facility::floating_point_extension))
        return { current_rounding(c), false };
    return modifiers(c, m3, m4);
}

// ---- The exact way -------------------------------------------------------------------------------------------

[[nodiscard]] inline Environment environment(const Cpu& c, Rounding rounding)
{
    return { .rounding = rounding, .traps = static_cast<u8>((c.fpc & Fpc::masks) >> Fpc::masks_shift) };
}
[[nodiscard]] inline Environment environment(const Cpu& c)
{
    return environment(c, current_rounding(c));
}

/// Acts on conditions that suppress the operation when they trap; to be called before results are stored.
void suppress_if_trapped(Cpu& c, const Environment& found);
/// Sets flags and raises what completes the operation; to be called when results are stored.
void complete(Cpu& c, const Environment& found);

/// Runs `operation` on an environment, then `store` with its result, with the exceptions at their places.
template<class Operation, class Store>
void exactly(Cpu& c, Environment work, Operation operation, Store store, bool suppress_inexact = false)
{
    auto result = operation(work);
    suppress_if_trapped(c, work);
    store(result);
    if (suppress_inexact && !work.trapped(Condition::overflow | Condition::underflow))
        work.conditions &= static_cast<u8>(~(Condition::inexact | Condition::incremented));
    if (work.conditions)
        complete(c, work);
}

// ---- The choice ----------------------------------------------------------------------------------------------

// An operation is a type with the `Format` of its result and static functions
//   exact(environment, operands...)   on bits,
//   host_serves()                     whether the host has it (of arithmetic.h's operations alone),
//   host(operands...)                 on host numbers,
//   zero_is_exact(operands...)        whether a zero as the host's result is the exact one.

/// True when the host's result stands: it is plain or an exact zero, so inexact is all that can have happened.
template<class Operation, class Number, class... Operands>
[[nodiscard]] bool stands(Number value, Operands... operands)
{
    using F = typename Operation::Format;
    return host::plain<F>(std::bit_cast<Bits<F>>(value)) || (value == 0 && Operation::zero_is_exact(host::number(operands)...));
}

/// The bits of a result the host computed, for the rounding method to nearest and nothing trapping; nothing when the
/// operation has to be carried out exactly.
template<class Operation, class... Operands>
[[nodiscard]] std::optional<Bits<typename Operation::Format>> on_host(Cpu& c, Operands... operands)
{
    if (c.fpc & Fpc::host_differs)
        return {};
    // With the flag on already there is nothing to watch for.
    bool inexact = c.fpc & Fpc::inexact_flag;
    auto value
        = inexact ? Operation::host(host::number(operands)...) : host::watching_inexact<Operation>(inexact, host::number(operands)...);
    if (!stands<Operation>(value, operands...))
        return {};
    c.fpc |= inexact ? Fpc::inexact_flag : 0;
    return std::bit_cast<Bits<typename Operation::Format>>(value);
}

template<class Operation, class Store, class... Operands>
[[gnu::noinline]] void bfp_carefully(Cpu& c, Store store, Operands... operands)
{
    if constexpr (!std::is_same_v<typename Operation::Format, Extended>) {
        if (Operation::host_serves()) {
            if (auto bits = on_host<Operation>(c, operands...))
                return store(*bits);
        }
    }
    exactly(c, environment(c), [=](Environment& work) { return Operation::exact(work, operands...); }, store);
}

/// Carries out an operation on the host or exactly; `store` takes the bits of the result and puts them into r1.
template<class Operation, class Store, class... Operands>
[[gnu::always_inline]] inline void bfp_operation(Cpu& c, u8, Store store, Operands... operands)
{
    if constexpr (!std::is_same_v<typename Operation::Format, Extended>) {
        if ((c.fpc & (Fpc::host_differs | Fpc::inexact_flag)) == Fpc::inexact_flag && Operation::host_serves()) [[likely]] {
            auto value = Operation::host(host::number(operands)...);
            if (stands<Operation>(value, operands...)) [[likely]]
                return store(std::bit_cast<Bits<typename Operation::Format>>(value));
        }
    }
    bfp_carefully<Operation>(c, store, operands...);
}

template<class Operation, class Store, class... Operands>
void bfp_operation(ir::Builder& c, u8 r1, Store store, Operands... operands)
{
    using F = typename Operation::Format;
    constexpr bool one_format = !std::is_same_v<F, Extended> && (std::is_same_v<Operands, Recorded<F>> && ...);
    if constexpr (one_format) {
        if (Operation::host_serves())
            return store(c.bfp(Operation::recorded, r1, operands...));
    }
    c.leave_to_handler();
}

} // namespace zvisor::isa
