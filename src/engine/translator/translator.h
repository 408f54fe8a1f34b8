#pragma once

#include "base/host_pages.h"
#include "engine/code_cache.h"
#include "engine/engine_options.h"
#include "engine/interpreter/interpreter.h"
#include "engine/translator/emitter.h"
#include "engine/translator/exits.h"
#include "engine/translator/runtime.h"
#include "engine/translator/translation_statistics.h"
#include "ir/builder.h"

#include <algorithm>
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
        /// The instructions of the block that is being translated.
        std::vector<GuestInstruction> instructions;
        /// Null when nothing is counted.
        TranslationStatistics* statistics { nullptr };
    };
    /// What is executed from one place on, block by block, until it repeats itself or cannot be followed.
    struct Path {
        std::vector<u64> blocks;
        /// Where it goes on behind the last block.
        u64 end { 0 };
        /// Of the first block in storage.
        u64 absolute { 0 };
        u64 stamp { 0 };
        /// Of the first block: those until it is tried again. Stays when the block is dropped, null when all were.
        i32* executions { nullptr };
        /// Cpu::retired before each block, and behind the last one.
        std::vector<u64> retired;
        /// The first of the blocks another path is known from.
        std::optional<std::size_t> known;
        /// Of the block where it was back for the first time.
        std::optional<std::size_t> back;
        bool is_loop { false };
        bool repeats { false };
        /// Whether operands near each other are located once.
        bool locates { false };
        /// Block::entries of the path, if it is a loop with computed branches.
        i32 entries { 0 };

        /// After how many blocks it repeats itself; 0 when it does not.
        [[nodiscard]] std::size_t period() const;
        /// How often it has been at an address since it was back last.
        [[nodiscard]] std::ptrdiff_t rounds(u64 address) const;
    };
    /// A block while it is recorded.
    struct Recording {
        std::unique_ptr<Block> block;
        std::vector<Step> steps;
        /// Of the steps, those before its loop.
        std::size_t before_loop { 0 };
        /// Of the next instruction.
        u64 at { 0 };
        /// The last instruction may have branched.
        bool branched { false };

        /// Of the next instruction in storage.
        [[nodiscard]] u64 absolute() const { return block->absolute + (at - block->address); }
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
    [[nodiscard]] bool record(Cpu& cpu, Recording& recording, std::optional<u64> goes_on_at = {});
    void count_executions(Block& block);
    Block* end_recording(Recording& recording, bool is_path);
    [[nodiscard]] bool begin_path(Cpu& cpu, const Block& block);
    void follow_path(Cpu& cpu);
    void abandon_path();
    void come_back(Cpu& cpu);
    void go_on(Cpu& cpu);
    void end_path(Cpu& cpu);
    void end_loop(Cpu& cpu, std::size_t count);
    [[nodiscard]] bool ends_path(const Cpu& cpu, u64 address) const;
    [[nodiscard]] bool is_long(const Cpu& cpu) const;
    [[nodiscard]] bool is_long(const Recording& recording) const;
    [[nodiscard]] bool has_path(Cpu& cpu, u64 address) const;
    void translate_path(Cpu& cpu);
    void record_rounds(Cpu& cpu, Recording& recording);
    [[nodiscard]] bool record_path(Cpu& cpu, Recording& recording);
    void begin_fetching(Cpu& cpu, u64 address);
    [[nodiscard]] const u8* emit(const Recording& recording);
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
    i32 m_path_patience { 50'000 };
    /// What is being followed; no blocks when nothing is.
    Path m_path;
    /// The exit the last block left by, if it may be linked to the block that is next.
    u32 m_left_by { Runtime::no_exit };
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
