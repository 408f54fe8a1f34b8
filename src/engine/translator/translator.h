#pragma once

#include "base/host_pages.h"
#include "engine/code_cache.h"
#include "engine/engine_options.h"
#include "engine/interpreter/interpreter.h"
#include "engine/translator/emitter.h"
#include "engine/translator/exits.h"
#include "engine/translator/runtime.h"
#include "engine/translator/translation_statistics.h"
#include "engine/translator/tree.h"
#include "ir/builder.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
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
    [[nodiscard]] EngineStatistics statistics() const override;

    /// Executes what is at Cpu::next up to an exit of its block, and takes the program interruption it ends with, if any.
    void execute_unlinked(Cpu& cpu);
    /// Executions of a block by the interpreter before it is translated, counted from now on; for tests.
    void set_patience(u8 executions);
    /// Executions of a translated block until the path from it is; for tests.
    void set_path_patience(i32 executions) { m_path_patience = executions; }

private:
    struct Machinery;
    struct Block final : CodeBlock {
        explicit Block(Machinery& made_by)
            : machinery(made_by)
        {
        }
        void retire() override;

        Machinery& machinery;
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
    /// What exists once the engine has its CPU.
    struct Machinery {
        Machinery(const Cpu& cpu, std::size_t code_bytes, bool in_one_piece, TranslationStatistics* counts)
            : runtime(cpu, code_bytes, in_one_piece)
            , emitter(runtime)
            , builder(program)
            , statistics(counts)
        {
        }
        Runtime runtime;
        Emitter emitter;
        ir::Program program;
        ir::Builder builder;
        Exits exits;
        /// The paths of exits that are counted, by link number.
        std::unordered_map<u32, Block*> growing;
        /// The instructions of the block that is being translated.
        std::vector<GuestInstruction> instructions;
        /// Null when nothing is counted.
        TranslationStatistics* statistics { nullptr };
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
        /// Block::entries of the path, if it is a loop with computed branches.
        i32 entries { 0 };

        /// After how many blocks it repeats itself; 0 when it does not.
        [[nodiscard]] std::size_t period() const;
        /// How often it has been at an address since it was back last.
        [[nodiscard]] std::ptrdiff_t rounds(u64 address) const;
        /// The first `count` blocks, which go on at `end`, become the stem or an arm.
        void add_segment(std::size_t count, u64 end);
    };
    /// A block while it is recorded.
    struct Recording {
        std::unique_ptr<Block> block;
        std::vector<Step> steps;
        /// Of the steps, the first of each part: those before the loop, which may be none, a round of the loop or else the stem, and arms.
        std::vector<u32> parts { 0 };
        /// The segment of each part, the stem for those before the loop.
        std::vector<u32> segments { 0 };
        bool is_loop { false };
        /// The first instruction may branch.
        bool begins_with_branch { false };
        /// By segment, which of the exits that the builder keeps leads there.
        std::vector<std::optional<std::size_t>> kept;
        /// By segment, where the program has what it became.
        std::vector<ir::Id> first_nodes { 0 };
        /// Of the next instruction.
        u64 at { 0 };
        /// The last instruction may have branched.
        bool branched { false };

        /// Of the next instruction in storage.
        [[nodiscard]] u64 absolute() const { return block->absolute + (at - block->address); }
        /// Steps of a part.
        [[nodiscard]] u32 count(std::size_t part) const
        {
            auto end = part + 1 < parts.size() ? parts[part + 1] : steps.size();
            return static_cast<u32>(end - parts[part]);
        }
        /// Of the part that is being recorded, and of them all.
        [[nodiscard]] u32 count() const { return count(parts.size() - 1); }
        void begin_part(u32 segment);
        /// Which instruction of which segment a step is.
        [[nodiscard]] Tree::Exit place(u32 step) const;
    };
    /// In CodeBlock::mode: not the interpreter's.
    static constexpr u8 translated = 0x80;

    [[nodiscard]] std::unique_ptr<Machinery> make_machinery(const Cpu& cpu) const;
    void serve(Cpu& cpu);
    [[nodiscard]] bool run_blocks(Cpu& cpu);
    void run_block(Cpu& cpu);
    void enter(Cpu& cpu, const Block& block);
    void interrupt(Cpu& cpu, const ProgramInterruption& interruption);
    [[nodiscard]] Block* find_block(Cpu& cpu, u64 address);
    [[nodiscard]] Block* recall_block(const Cpu& cpu, u64 address, u64 absolute) const;
    [[nodiscard]] bool is_hot(u64 absolute);
    [[nodiscard]] Block* translate(Cpu& cpu, u64 address, u64 absolute);
    [[nodiscard]] Recording record_block(Cpu& cpu, u64 address, u64 absolute);
    [[nodiscard]] Recording begin_recording(Cpu& cpu, u64 address, u64 absolute);
    [[nodiscard]] static bool crosses_page(const Cpu& cpu, u64 absolute);
    void mark_next(Cpu& cpu, Recording& recording);
    [[nodiscard]] bool record(Cpu& cpu, Recording& recording, std::optional<u64> goes_on_at = {}, bool keeps_exit = false);
    void count_executions(Block& block);
    Block* end_recording(Recording& recording, bool is_path);
    [[nodiscard]] bool begin_path(Cpu& cpu, const Block& block);
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
    [[nodiscard]] std::ptrdiff_t guards_to(const Recording& recording) const;
    [[nodiscard]] bool is_long(const Recording& recording) const;
    [[nodiscard]] bool has_path(Cpu& cpu, u64 address) const;
    void translate_path(Cpu& cpu);
    void restart(Recording& recording);
    void record_tree(Cpu& cpu, Recording& recording);
    void record_segments(Cpu& cpu, Recording& recording, ir::Rounds* noted);
    [[nodiscard]] bool record_segment(Cpu& cpu, Recording& recording, const Segment& segment);
    void count_exits(Tree& tree, const Recording& recording, std::vector<i32*>& left);
    void begin_fetching(Cpu& cpu, u64 address);
    void begin_recording_anew(const Block& block);
    [[nodiscard]] const u8* emit(const Recording& recording, std::span<i32* const> exits_left);
    void tell(const Recording& recording, const u8* code);
    void interpret(Cpu& cpu);
    void note_interpreted(const Cpu& cpu);
    void make_room(Cpu& cpu);
    void start_over();
    void begin_anew();
    void forget_executions();
    void clear_executions();
    void link(Cpu& cpu, u32 number, Block& block);

    EngineOptions m_options;
    CodeCache m_cache;
    Interpreter m_interpreter;
    /// Null when nothing is counted.
    std::unique_ptr<TranslationStatistics> m_statistics;
    std::unique_ptr<Machinery> m_machinery;
    /// How often blocks were interpreted, by a hash of where they are; the host has no memory for what is zero from the beginning.
    HostTable<u8> m_executions;
    /// What they count from.
    u8 m_forgotten { 0 };
    /// The highest of them.
    u8 m_most_counted { 0 };
    Cpu* m_cpu { nullptr };
    u8 m_patience { executions_before_translation };
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
    /// The EXECUTE whose target is being executed.
    const Op* m_executing { nullptr };
    Step m_fetching;
};

} // namespace zvisor
