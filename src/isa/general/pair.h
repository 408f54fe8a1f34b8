#pragma once

#include "isa/operand.h"

namespace zvisor::isa {

/// The odd register of an even-odd pair.
[[nodiscard]] constexpr u8 second_of(GrPair r1)
{
    return static_cast<u8>(r1.number + 1);
}

/// Bits 32-63 of both registers of a pair as one value of 64 bits.
template<class C>
[[nodiscard]] auto words_of(C& c, GrPair r1)
{
    return c.zx(c.w(r1)) << 32 | c.zx(c.w(second_of(r1)));
}
template<class C>
void put_words(C& c, GrPair r1, auto value)
{
    c.w(r1, c.hi(value));
    c.w(second_of(r1), c.lo(value));
}

} // namespace zvisor::isa
