#pragma once

#include "isa/insn.h"

#include "cpu/cpu.h"

// What instructions with interlocked updates of storage have in common.

namespace zvisor::isa {

/// The condition code of an update of `old` by `operand`; logical: an addition sets it as ADD LOGICAL does.
template<StorageUpdate Update, bool Logical = false>
void set_code_of_update(auto& c, auto old, auto operand)
{
    if constexpr (Update == StorageUpdate::bit_and)
        c.cc_zero(old & operand);
    else if constexpr (Update == StorageUpdate::bit_or)
        c.cc_zero(old | operand);
    else if constexpr (Update == StorageUpdate::bit_xor)
        c.cc_zero(old ^ operand);
    else if constexpr (Logical)
        (void)c.add_u(old, operand);
    else
        (void)c.add_s(old, operand);
}

[[nodiscard]] inline u128 join(u64 high, u64 low)
{
    return u128 { high } << 64 | low;
}

} // namespace zvisor::isa
