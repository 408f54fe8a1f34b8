#pragma once

#include "isa/insn.h"

#include "cpu/cpu.h"

namespace zvisor::isa {

/// Operands of the relative-long instructions: on their boundary, in the space instructions come from (PoP ch. 5).
template<class T>
[[nodiscard]] T fetch_relative(Cpu& c, Relative operand)
{
    u64 at = operand.target & c.address_mask();
    c.require_aligned(at, sizeof(T));
    if (&c.data_space() == &c.code_space()) [[likely]]
        return c.load<T>({ at });
    return load_be<T>(c.host_view_in(c.code_space(), at, Access::fetch, 0));
}
template<class T, class C>
[[nodiscard]] auto fetch_relative(C& c, Relative operand)
{
    return c.template fetch_relative<T>(operand.target);
}

template<class T, std::integral Value>
void store_relative(Cpu& c, Relative operand, Value value)
{
    u64 at = operand.target & c.address_mask();
    c.require_aligned(at, sizeof(T));
    if (&c.data_space() == &c.code_space()) [[likely]]
        return c.store<T>({ at }, static_cast<T>(value));
    u8* host = c.host_view_in(c.code_space(), at, Access::store, 0);
    store_be<T>(host, static_cast<T>(value));
    c.stored(host, sizeof(T));
}
template<class T, class C, class Value>
void store_relative(C& c, Relative operand, Value value)
{
    c.template store_relative<T>(operand.target, value);
}

template<class C>
[[nodiscard]] auto get32(C& c, Relative operand)
{
    return fetch_relative<u32>(c, operand);
}
template<class C>
[[nodiscard]] auto get64(C& c, Relative operand)
{
    return fetch_relative<u64>(c, operand);
}

} // namespace zvisor::isa
