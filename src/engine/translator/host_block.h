#pragma once

#include "engine/code_cache.h"
#include "engine/translator/exits.h"
#include "engine/translator/runtime.h"
#include "engine/translator/step.h"
#include "engine/translator/translation_statistics.h"
#include "engine/translator/tree.h"

#include <memory>
#include <unordered_map>

namespace zvisor {

struct HostBlock;

/// What translated blocks of one CPU are in and how they are linked.
struct HostBlocks {
    HostBlocks(const Cpu& cpu, std::size_t code_bytes, bool in_one_piece, TranslationStatistics* counts)
        : runtime(cpu, code_bytes, in_one_piece)
        , statistics(counts)
    {
    }
    Runtime runtime;
    Exits exits;
    /// The paths of exits that are counted, by link number.
    std::unordered_map<u32, HostBlock*> growing;
    /// Null when nothing is counted.
    TranslationStatistics* statistics;
};

/// A block's host code.
struct HostBlock final : CodeBlock {
    explicit HostBlock(HostBlocks& others)
        : all(others)
    {
    }
    void retire() override;

    HostBlocks& all;
    std::unique_ptr<Step[]> steps;
    const void* code { nullptr };
    u8* is_left { nullptr };
    bool is_path { false };
    /// Until a path is made of it, less than 0 then; none when there will be none.
    i32* executions { nullptr };
    /// Of a path that locates operands: `executions` is one of these.
    PathCounters* path { nullptr };
    /// Of a loop with computed branches: what `executions` begins with. What comes in that often may go other ways by now.
    i32 entries { 0 };
    /// Of a path: what it is made of, and its exits that are counted.
    std::unique_ptr<Tree> tree;
    std::unordered_map<u32, Tree::Exit> counted;
    /// Those that lead here.
    Exits::Incoming incoming { *this };
};

} // namespace zvisor
