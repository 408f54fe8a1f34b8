#pragma once

#include "isa/vector/elements.h"

// What the translator knows of vector instructions: the forms that the host has instructions for.

namespace zvisor::isa {

using ir::VectorOperation;

/// One instruction read in two ways: with the CPU, and with a builder.
template<class OnCpu, class Recorded>
struct Both : OnCpu, Recorded {
    using OnCpu::operator();
    using Recorded::operator();
};
template<class OnCpu, class Recorded>
[[nodiscard]] constexpr Both<OnCpu, Recorded> both(OnCpu, Recorded)
{
    return {};
}

/// Calls f with a zero of the element type that an element-size control names; the handler has the others.
template<unsigned First, unsigned Last, class F>
void with_recorded_size(ir::Builder& c, unsigned size, F f)
{
    if (size < First || size > Last)
        return c.leave_to_handler();
    switch (size) {
    case 0:
        return f(u8 {});
    case 1:
        return f(u16 {});
    case 2:
        return f(u32 {});
    default:
        return f(u64 {});
    }
}

[[nodiscard]] inline ir::Vector replicated(ir::Builder& c, u64 doubleword)
{
    return c.pair(doubleword, doubleword);
}
[[nodiscard]] inline ir::Vector complement(ir::Builder& c, ir::Vector v)
{
    return c.vector(VectorOperation::bit_xor, 8, v, replicated(c, ~u64 { 0 }));
}

/// An operation on elements of a size between two controls.
template<VectorOperation Operation, unsigned First, unsigned Last>
struct RecordedElementwise {
    void operator()(ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3, Mask size) const
    {
        if (size < First || size > Last)
            return c.leave_to_handler();
        auto a = c.v(v2);
        auto b = c.v(v3);
        c.v(v1, c.vector(Operation, static_cast<u8>(1U << size), a, b));
    }
};
/// An operation on whole registers; `Complemented`: its result is.
template<VectorOperation Operation, bool Complemented = false>
struct RecordedBitwise {
    void operator()(ir::Builder& c, VrNumber v1, VrNumber v2, VrNumber v3) const
    {
        auto a = c.v(v2);
        auto b = c.v(v3);
        auto result = c.vector(Operation, 8, a, b);
        c.v(v1, Complemented ? complement(c, result) : result);
    }
};

/// An element from storage, as a doubleword.
template<class T>
[[nodiscard]] ir::G load_element(ir::Builder& c, const ir::Address& a)
{
    if constexpr (sizeof(T) == 8)
        return c.load64(a);
    else if constexpr (sizeof(T) == 4)
        return c.zx(c.load32(a));
    else if constexpr (sizeof(T) == 2)
        return c.zx(c.load16(a));
    else
        return c.zx(c.load8(a));
}
template<class T>
void store_element_at(ir::Builder& c, const ir::Address& a, ir::G value)
{
    if constexpr (sizeof(T) == 8)
        c.store64(a, value);
    else if constexpr (sizeof(T) == 4)
        c.store32(a, c.lo(value));
    else if constexpr (sizeof(T) == 2)
        c.store16(a, c.lo(value));
    else
        c.store8(a, c.lo(value));
}
/// Of the leftmost doubleword only the floating-point register is touched.
template<class T>
[[nodiscard]] ir::G get_element(ir::Builder& c, u8 v, unsigned index)
{
    if (sizeof(T) == 8 && index == 0)
        return c.f(v);
    return c.element(c.v(v), sizeof(T), static_cast<u8>(index));
}
template<class T>
void put_element(ir::Builder& c, u8 v, unsigned index, ir::G value)
{
    if (sizeof(T) == 8 && index == 0)
        return c.f(v, value);
    c.v(v, c.insert(c.v(v), sizeof(T), static_cast<u8>(index), value));
}

/// How many bytes a register asks an instruction with length for: 1 to 16.
[[nodiscard]] inline ir::W byte_count(ir::Builder& c, Gr r3)
{
    auto highest = c.w(r3);
    return c.select(c.lt_u(highest, 15), highest, ir::W { 15 }) + 1;
}

/// The number of the first byte of which bits of byte_signs has a one; 16 when there is none.
[[nodiscard]] inline ir::W first_byte(ir::Builder& c, ir::W bits)
{
    return c.leading_zeros(bits << 16 | 0x8000U);
}

} // namespace zvisor::isa
