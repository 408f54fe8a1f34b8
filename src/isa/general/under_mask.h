#pragma once

#include "isa/operand.h"

namespace zvisor::isa {

/// The operand of INSERT and COMPARE CHARACTERS UNDER MASK, as many bytes as the mask has ones, left-aligned in a word.
/// With a zero mask one byte is fetched, for its exceptions, and the result is zero.
template<class C>
[[nodiscard]] auto load_under_mask(C& c, Mask m3, auto address)
{
    if (m3 == 15)
        return c.load32(address);
    auto bytes = c.load8(address) << 24;
    unsigned count = 0;
    for (unsigned i = 0; i < 4; ++i) {
        if (!(m3 & (8U >> i)))
            continue;
        if (count > 0)
            bytes = bytes | c.load8(c.offset(address, count)) << (24 - 8 * count);
        ++count;
    }
    return count == 0 ? bytes & 0U : bytes;
}

} // namespace zvisor::isa
