#pragma once

#include "isa/insn.h"

#include "cpu/cpu.h"

namespace zvisor::isa {

/// The order by which two values are compared.
struct SignedOrder {
    [[nodiscard]] static auto low(auto& c, auto x, auto y) { return c.lt_s(x, y); }
};
struct UnsignedOrder {
    [[nodiscard]] static auto low(auto& c, auto x, auto y) { return c.lt_u(x, y); }
};

/// Whether `x` and `y` are in one of the relations a mask names: 8 equal, 4 x low, 2 x high.
template<class Order>
[[nodiscard]] bool related(Cpu& c, auto x, auto y, Mask mask)
{
    auto code = static_cast<unsigned>(Order::low(c, x, y)) | static_cast<unsigned>(Order::low(c, y, x)) << 1;
    return mask >> (3 - code) & 1;
}

/// Branches when `x` and `y` are so related.
template<class Order>
void branch_if_related(Cpu& c, auto x, auto y, Mask mask, u64 target)
{
    c.branch_if(related<Order>(c, x, y, mask), target);
}
/// The same for a builder, which knows the mask and makes one comparison of it.
template<class Order, class C>
void branch_if_related(C& c, auto x, auto y, Mask mask, auto target)
{
    auto equal = [&c, x, y] { return c.lt_u(x ^ y, decltype(x ^ y) { 1 }); };
    switch (mask & 14) {
    case 8:
        return c.branch_if(equal(), target);
    case 6:
        return c.branch_if(!equal(), target);
    case 4:
        return c.branch_if(Order::low(c, x, y), target);
    case 10:
        return c.branch_if(!Order::low(c, x, y), target);
    case 2:
        return c.branch_if(Order::low(c, y, x), target);
    case 12:
        return c.branch_if(!Order::low(c, y, x), target);
    case 14:
        return c.branch(target);
    default:
        return;
    }
}

} // namespace zvisor::isa
