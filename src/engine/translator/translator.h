#pragma once

#include "base/host_pages.h"
#include "engine/code_cache.h"
#include "engine/engine_options.h"
#include "engine/interpreter/interpreter.h"
#include "engine/translator/block_maker.h"
#include "engine/translator/translation_statistics.h"
#include "engine/translator/worker.h"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace zvisor {

/// Executes blocks as host code made from the recorded semantics of their instructions. What runs seldom, and everything in
/// careful mode, is left to an interpreter.
class Translator final : public Engine {
public:
    explicit Translator(AbsoluteStorage& storage, const EngineOptions& options = {});
    ~Translator() override;

    void prepare(Cpu& cpu) override { serve(cpu); }
    void run(Cpu& cpu) override;
    void execute_target(Cpu& cpu, u64 bits, u64 address) override;
    void code_stored(u64 absolute_address, u64 length) override;
    void forget_all() override;
    void give_memory_back() override;
    [[nodiscard]] bool rests() const override { return m_rest.has_value(); }
    [[nodiscard]] EngineStatistics statistics() const override;

    /// Executes what is at Cpu::next up to an exit of its block, and takes the program interruption it ends with, if any.
    void execute_unlinked(Cpu& cpu);
    /// Executions of a block by the interpreter before it is translated, counted from now on; for tests.
    void set_patience(u8 executions);
    /// Executions of a translated block until the path from it is; for tests.
    void set_path_patience(i32 executions) { m_path_patience = executions; }

    /// After how many blocks what is made beside is waited for and taken, or else it is when it is there; for tests.
    void set_delay(u64 blocks) { m_delay = blocks; }

private:
    using Clock = std::chrono::steady_clock;
    /// What exists once the engine has its CPU.
    struct Machinery {
        Machinery(const Cpu& cpu, AbsoluteStorage& storage, const EngineOptions& options, TranslationStatistics* statistics);
        HostBlocks all;
        std::unique_ptr<BlockMaker> maker;
    };
    /// What is being made, and what happened since it was ordered to storage it is made of.
    struct Order {
        BlockOrder block;
        std::array<u64, 2> pages;
        std::vector<StorageRange> stores;
        /// Code of its pages was dropped: it may not have been told of all stores.
        bool is_outdated { false };
        Clock::time_point given;
        /// Blocks since then.
        u64 executed { 0 };
    };
    /// What is executed from one place on, block by block, until it repeats itself or cannot be followed; or an arm from its exit on.
    struct Path {
        /// Those followed; none when nothing is.
        std::vector<u64> blocks;
        /// Where the path begins, an arm's too.
        u64 head { 0 };
        /// That in storage.
        u64 absolute { 0 };
        u64 stamp { 0 };
        /// Of the first block, or of the arm's exit: those until it is tried again. Stays when the block is dropped, null when all were.
        i32* executions { nullptr };
        /// Cpu::retired before each block, and behind the last one.
        std::vector<u64> retired;
        /// The first of the blocks another path is known from.
        std::optional<std::size_t> known;
        /// Of the block where it was back for the first time.
        std::optional<std::size_t> back;
        /// What there is already.
        Tree tree;
        // Of an arm:
        std::optional<Tree::Exit> exit;
        /// The number of that link.
        u32 worn { 0 };
        /// HostBlock::entries of the path, if it is a loop with computed branches.
        i32 entries { 0 };

        /// After how many blocks it repeats itself; 0 when it does not.
        [[nodiscard]] std::size_t period() const;
        /// How often it has been at an address since it was back last.
        [[nodiscard]] std::ptrdiff_t rounds(u64 address) const;
        /// The first `count` blocks, which go on at `end`, become the stem or an arm.
        void add_segment(std::size_t count, u64 end);
    };
    /// What the CPU had waited when it was last seen to rest, and Cpu::retired then.
    struct Rest {
        std::chrono::nanoseconds waited;
        u64 retired;
    };
    static constexpr u8 translated = BlockMaker::translated;

    void make_machinery(Cpu& cpu);
    void serve(Cpu& cpu);
    [[nodiscard]] bool run_blocks(Cpu& cpu);
    void run_block(Cpu& cpu);
    void enter(Cpu& cpu, const HostBlock& block);
    void interrupt(Cpu& cpu, const ProgramInterruption& interruption);
    [[nodiscard]] std::expected<HostBlock*, ProgramInterruption> find_block(Cpu& cpu, u64 address);
    [[nodiscard]] HostBlock* recall_block(const Cpu& cpu, u64 address, u64 absolute) const;
    [[nodiscard]] bool is_hot(u64 absolute);
    [[nodiscard]] HostBlock* translate(Cpu& cpu, u64 address, u64 absolute);
    HostBlock* give(BlockOrder order);
    HostBlock* make_here();
    HostBlock* take();
    void take_if_done();
    void call_cpu();
    void wait_for_order();
    void abandon_order();
    [[nodiscard]] bool is_outdated(const HostBlock& block) const;
    void note_store(StorageRange range, bool dropped);
    void tell();
    [[nodiscard]] bool begin_path(Cpu& cpu, const HostBlock& block);
    [[nodiscard]] bool begin_arm(Cpu& cpu);
    void follow_path(Cpu& cpu);
    void follow_arm(Cpu& cpu);
    void abandon_path();
    void come_back(Cpu& cpu);
    void go_on(Cpu& cpu);
    void end_path(Cpu& cpu);
    void end_segment(Cpu& cpu, std::size_t count, u64 end);
    [[nodiscard]] bool ends_path(const Cpu& cpu, u64 address) const;
    [[nodiscard]] bool is_long(const Cpu& cpu) const;
    [[nodiscard]] bool has_path(Cpu& cpu, u64 address) const;
    void translate_path(Cpu& cpu);
    void begin_fetching(Cpu& cpu, u64 address);
    void interpret(Cpu& cpu);
    void note_interpreted(const Cpu& cpu);
    void make_room(Cpu& cpu);
    void start_over();
    void begin_anew();
    void forget_executions();
    void clear_executions();
    [[nodiscard]] bool goes_on_resting(const Cpu& cpu);
    void link(Cpu& cpu, u32 number, HostBlock& block);

    EngineOptions m_options;
    AbsoluteStorage& m_storage;
    CodeCache m_cache;
    Interpreter m_interpreter;
    /// Null when nothing is counted.
    std::unique_ptr<TranslationStatistics> m_statistics;
    std::unique_ptr<Machinery> m_machinery;
    /// None when nothing is being made. The maker and what it is made of are left alone until it is done.
    std::optional<Order> m_order;
    /// Makes it, unless that is for the CPU's thread.
    std::unique_ptr<Worker> m_worker;
    std::atomic<u64> m_delay { 0 };
    /// Orders that the worker does not get.
    u32 m_made_here { 0 };
    /// How often blocks were interpreted, by a hash of where they are; the host has no memory for what is zero from the beginning.
    HostTable<u8> m_executions;
    /// What they count from.
    u8 m_forgotten { 0 };
    /// The highest of them.
    u8 m_most_counted { 0 };
    Cpu* m_cpu { nullptr };
    /// Executions of a block before it is translated: the most when the CPU's thread does that in the worker's place.
    u8 m_least_patience;
    u8 m_most_patience { executions_before_translation };
    u8 m_patience;
    i32 m_path_patience { 25'000 };
    /// What is being followed; no blocks when nothing is.
    Path m_path;
    /// The exit the last block left by, if it may be linked to the block that is next.
    u32 m_left_by { Runtime::no_exit };
    /// The exit that a path was left by, taken often enough to be followed, and Cpu::code_stamp then.
    u32 m_worn_exit { Runtime::no_exit };
    u64 m_worn_stamp { 0 };
    /// The upper halves of the generations that exits are linked under.
    u64 m_generations { 0 };
    bool m_interpreting { false };
    /// Cpu::retired when the interpreter was last entered.
    u64 m_retired_before { 0 };
    /// Since memory was given back: what an idle CPU executes is interpreted, as code for it would need more memory.
    std::optional<Rest> m_rest;
    /// The EXECUTE whose target is being executed.
    const Op* m_executing { nullptr };
    Step m_fetching;
};

} // namespace zvisor
