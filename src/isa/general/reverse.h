#pragma once

namespace zvisor::isa {

/// The bytes of a word or doubleword from right to left.
template<class C>
[[nodiscard]] auto reverse32(C& c, auto value)
{
    return (c.rol(value, 8) & 0x00ff00ffU) | (c.rol(value, 24) & 0xff00ff00U);
}
template<class C>
[[nodiscard]] auto reverse64(C& c, auto value)
{
    return c.zx(reverse32(c, c.lo(value))) << 32 | c.zx(reverse32(c, c.hi(value)));
}

} // namespace zvisor::isa
