#pragma once

#include "isa/general/relative.h"

namespace zvisor::isa {

// Second operands of instructions for which their kind does not matter: a register, storage, or an immediate.

/// A byte, in the rightmost position of a word.
template<class C>
[[nodiscard]] auto get_byte(C& c, Gr r)
{
    return c.zx8(c.w(r));
}
template<class C>
[[nodiscard]] auto get_byte(C& c, const Storage& s)
{
    return c.load8(c.ea(s));
}

/// A halfword, in the rightmost position of a word; what is left of it is not defined for a register.
template<class C>
[[nodiscard]] auto get_halfword(C& c, Gr r)
{
    return c.w(r);
}
template<class C>
[[nodiscard]] auto get_halfword(C& c, const Storage& s)
{
    return c.load16(c.ea(s));
}
template<class C>
[[nodiscard]] auto get_halfword(C& c, Relative operand)
{
    return c.zx16(fetch_relative<u16>(c, operand));
}
template<class C>
[[nodiscard]] auto get_halfword(C&, Signed i)
{
    return static_cast<u32>(i.value);
}

/// A signed halfword, extended to a word and to a doubleword.
template<class C>
[[nodiscard]] auto get32_from16(C& c, auto source)
{
    return c.sx16(get_halfword(c, source));
}
template<class C>
[[nodiscard]] auto get64_from16(C& c, auto source)
{
    return c.sx(c.sx16(get_halfword(c, source)));
}

/// A word extended to a doubleword: with its sign, or with zeros.
template<class C>
[[nodiscard]] auto get64_from32(C& c, auto source)
{
    return c.sx(get32(c, source));
}
template<class C>
[[nodiscard]] auto get64_from32_unsigned(C& c, auto source)
{
    return c.zx(get32(c, source));
}

} // namespace zvisor::isa
