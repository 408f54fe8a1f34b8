#pragma once

#include "protocol.h"
#include "random.h"

#include "isa/table.h"

namespace zvisor::differential {

/// One instruction in its slot, from which the states it is tried with follow.
struct Instruction {
    const isa::Row* row { nullptr };
    /// Left-aligned.
    u64 bits { 0 };
    unsigned slot { 0 };
    /// What EXECUTE executes, with its row.
    const isa::Row* target { nullptr };
    u64 target_bits { 0 };

    [[nodiscard]] u64 address() const { return slots_at + slot_size * slot + instruction_offset; }
    [[nodiscard]] u64 landing() const { return slots_at + slot_size * slot + landing_offset; }
    [[nodiscard]] u64 target_address() const { return slots_at + slot_size * slot + target_offset; }
    [[nodiscard]] Slot code() const;
};

/// A random instruction of `row`; `target` is what an EXECUTE executes.
[[nodiscard]] Instruction make_instruction(Random& random, const isa::Row& row, const isa::Row& target, unsigned slot);

/// A random state that suits the instruction: storage operands mostly in the area, lengths mostly small.
void make_state(Random& random, const Instruction& instruction, State& state);

/// Whether a row may be the target of a random EXECUTE.
[[nodiscard]] bool may_be_target(const isa::Row& row);

} // namespace zvisor::differential
