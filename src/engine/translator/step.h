#pragma once

#include "cpu/op.h"

namespace zvisor {

/// An instruction of a translated block: its op, and behind it the op that comes back from its handler, with the address of the
/// next instruction.
struct Step {
    Step();
    /// Whether an op is the first of a Step.
    [[nodiscard]] static bool begins_with(const Op* op);

    Op ops[2];
    /// Instructions of the block from this one on.
    u32 remaining { 0 };
    bool on_path { false };
};

} // namespace zvisor
