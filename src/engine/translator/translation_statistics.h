#pragma once

#include "cpu/engine_statistics.h"
#include "engine/translation_observer.h"
#include "engine/translator/emitter.h"

#include <chrono>
#include <deque>
#include <set>
#include <utility>
#include <vector>

namespace zvisor {

/// Keeps the figures of one translator, and the counters that translated code increments.
class TranslationStatistics {
public:
    /// Begins a block.
    void begin() { m_began = std::chrono::steady_clock::now(); }
    /// Its code is there.
    void made() { m_sum.nanoseconds += static_cast<u64>((std::chrono::steady_clock::now() - m_began).count()); }
    /// Where the code of the block that was begun counts; the counters are there until all code is forgotten.
    [[nodiscard]] BlockCounters counters(std::span<const GuestInstruction> instructions);
    /// Ends the block, which stands at `absolute`. `counting` is not taken for code.
    void end(const TranslatedBlock& block, u64 absolute, std::span<const CountingCode> counting);

    void dropped() { ++m_sum.dropped; }
    /// No code is left.
    void started_over();
    /// A block was left before so many of its instructions.
    void interrupted(u32 not_executed, bool on_path)
    {
        m_interrupted += not_executed;
        m_interrupted_on_paths += on_path ? not_executed : 0;
    }
    void interpreted(u64 instructions) { m_sum.interpreted += instructions; }

    [[nodiscard]] EngineStatistics sum() const;

private:
    /// What an execution was less that left early, or more by an arm.
    struct EarlyExit {
        /// Whose branch it is.
        u32 step;
        u64 instructions;
        /// Negative when leaving takes more than staying.
        i64 host_instructions;
    };
    /// A block up to its loop, or a round of its loop.
    struct Part {
        u64 count { 0 };
        u64 instructions { 0 };
        u64 host_instructions { 0 };
    };
    struct Executions {
        bool is_path { false };
        Part path;
        Part loop;
        /// By step.
        std::vector<u64> exits;
        std::vector<EarlyExit> early;
        std::vector<EarlyExit> arms;
    };
    class HostCount;

    static void add_parts(Executions& to, const TranslatedBlock& block, const HostCount& host);
    [[nodiscard]] static std::vector<EarlyExit> early_exits(const TranslatedBlock& block, const HostCount& host);
    static void add(EngineStatistics& to, const std::deque<Executions>& blocks);

    EngineStatistics m_sum;
    u64 m_interrupted { 0 };
    u64 m_interrupted_on_paths { 0 };
    std::deque<Executions> m_blocks;
    /// Absolute and virtual addresses of blocks there have been.
    std::vector<u64*> m_handlers;
    std::set<std::pair<u64, u64>> m_places;
    std::chrono::steady_clock::time_point m_began;
};

} // namespace zvisor
