#pragma once

#include "base/types.h"

#include <algorithm>
#include <compare>
#include <map>
#include <vector>

namespace zvisor {

/// Blocks that are executed one after the other.
struct Segment {
    struct Part {
        u64 address;
        /// Instructions.
        u32 count;
    };
    std::vector<Part> blocks;
    /// Where it goes on behind the last one.
    u64 end { 0 };
    // Of an arm:
    /// The segment it leaves, by number.
    u32 from { 0 };
    /// At which of its instructions.
    u32 exit { 0 };
};

/// What a path is made of: its stem, which is executed from one place on, and arms, each from where a branch goes another way than the path
/// does up to where the path begins, or as far as it was followed.
struct Tree {
    /// A branch by its segment and which of the instructions there it is.
    struct Exit {
        u32 segment;
        u32 instruction;

        auto operator<=>(const Exit&) const = default;
    };
    /// The stem first; an arm behind the segment it leaves.
    std::vector<Segment> segments;
    /// In the runtime's data: how often an exit may be taken until it is followed.
    std::map<Exit, i32*> left;
    /// How many of the segments there is code for.
    std::size_t translated { 0 };
    /// The stem has been executed twice, with all its computed branches.
    bool repeats { false };
    /// Operands near each other are located once.
    bool locates { false };

    /// The segment that leaves by an exit, by number; how many there are when none does.
    [[nodiscard]] std::size_t arm_at(const Exit& exit) const
    {
        auto leaves = [&](const Segment& arm) { return arm.from == exit.segment && arm.exit == exit.instruction; };
        return static_cast<std::size_t>(std::find_if(segments.begin() + 1, segments.end(), leaves) - segments.begin());
    }
    [[nodiscard]] bool has_arm(const Exit& exit) const { return arm_at(exit) < segments.size(); }
    /// Whether more arms may come before there is code for the last ones.
    [[nodiscard]] bool waits() const { return translated && (segments.size() - translated) * 2 < translated; }
};

} // namespace zvisor
