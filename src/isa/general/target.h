#pragma once

#include "isa/insn.h"

namespace zvisor::isa {

// Branch addresses under the addressing mode (PoP ch. 5, "Branch-Address Generation").

template<class C>
[[nodiscard]] auto branch_target(C& c, Relative target)
{
    return target.target & c.address_mask();
}
template<class C>
[[nodiscard]] auto branch_target(C& c, const Storage& s)
{
    return c.ea(s).at;
}
template<class C>
[[nodiscard]] auto branch_target(C& c, Gr r2)
{
    return c.g(r2) & c.address_mask();
}

/// The end of a branch on count.
template<class C>
void branch_if_not_zero(C& c, auto count, auto target)
{
    c.branch_if(c.lt_u(decltype(count) { 0 }, count), target);
}

} // namespace zvisor::isa
