#pragma once

#include "ir/node.h"

#include <array>
#include <optional>
#include <vector>

namespace zvisor::ir {

/// What rounds of a loop do, together, that begin with nothing known.
struct Rounds {
    struct Register {
        // What is known of it where a round ends, see Builder:
        bool full { false };
        bool half { false };
        bool whole { false };
        /// A general register's half is newer than what is known of all of it: in the first round that was noted.
        bool apart { false };
        bool is_changed { false };
        /// What it has is not in the CPU where some rounds end: something of it, or of a general register more than its right half.
        bool is_dirty { false };
        bool full_is_put { false };
        /// Bits 64-127 are zeros, in all rounds.
        bool right_is_zero { true };
    };
    /// Operands near each other whose base a round does not change.
    struct Near {
        /// A general register; none for the constant address of a page.
        std::optional<u8> base;
        u64 page { 0 };
        /// In the space of instructions.
        bool in_code { false };
        i64 begin { 0 };
        i64 end { 0 };
        bool stores { false };
    };
    /// How many were noted.
    u32 count { 0 };
    /// So does the first of their instructions: its handler may go on elsewhere than behind it.
    bool begins_with_branch { false };
    /// A handler was called in the first.
    bool has_called { false };
    // Of the first, too:
    bool data_space { false };
    bool code_space { false };
    bool bfp_state { false };
    std::vector<Near> located;
    /// How the condition code is known, and those of its operands that are constants. There is no second one where `b` is 0.
    CodeState code;
    std::optional<u64> code_a;
    std::optional<u64> code_b;

    std::array<Register, RegisterNumber::count> registers;

    /// Whether something is known only behind a first round.
    [[nodiscard]] bool need_first() const;
};

} // namespace zvisor::ir
