#pragma once

#include "engine/code_cache.h"
#include "engine/interpreter/interpreter.h"
#include "engine/translator/emitter.h"
#include "engine/translator/runtime.h"
#include "ir/builder.h"

#include <memory>
#include <vector>

namespace zvisor {

/// Executes blocks as host code made from the recorded semantics of their instructions. What runs seldom, and everything in
/// careful mode, is left to an interpreter.
class Translator final : public Engine {
public:
    /// `observer`, if any, sees every instruction while the CPU is in careful mode; it must outlive the engine.
    explicit Translator(AbsoluteStorage& storage, Observer* observer = nullptr);
    ~Translator() override;

    void run(Cpu& cpu) override;
    void execute_target(Cpu& cpu, u64 bits, u64 address) override;
    void code_stored(u64 absolute_address, u64 length) override;
    void forget_all() override;

    /// Executes what is at Cpu::next up to an exit of its block, and takes the program interruption it ends with, if any.
    void execute_unlinked(Cpu& cpu);
    /// Executions of a block by the interpreter before it is translated, counted from now on; for tests.
    void set_patience(u8 executions);

private:
    struct Machinery;
    struct Exit {
        ExitCode code;
        u8 mode;
    };
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
        /// Numbers of the links that lead here.
        std::vector<u32> incoming;
    };
    /// What exists once the engine has its CPU.
    struct Machinery {
        explicit Machinery(const Cpu& cpu)
            : runtime(cpu)
            , emitter(runtime)
            , builder(program)
        {
        }
        Runtime runtime;
        Emitter emitter;
        ir::Program program;
        ir::Builder builder;
        /// By link number.
        std::vector<Exit> exits;
    };
    /// In CodeBlock::mode: not the interpreter's.
    static constexpr u8 translated = 0x80;

    void serve(Cpu& cpu);
    [[nodiscard]] bool run_blocks(Cpu& cpu);
    void run_block(Cpu& cpu);
    void interrupt(Cpu& cpu, const ProgramInterruption& interruption);
    [[nodiscard]] Block* find_block(Cpu& cpu, u64 address);
    [[nodiscard]] bool is_hot(u64 absolute);
    [[nodiscard]] Block* translate(Cpu& cpu, u64 address, u64 absolute);
    [[nodiscard]] bool record(Cpu& cpu, Block& block, std::vector<Step>& steps, u64 at);
    void make_room();
    void link(Cpu& cpu, u32 number, Block& block);

    CodeCache m_cache;
    Interpreter m_interpreter;
    std::unique_ptr<Machinery> m_machinery;
    std::vector<u8> m_executions;
    Cpu* m_cpu { nullptr };
    u8 m_patience { 4 };
    /// The exit the last block left by, if it may be linked to the block that is next.
    u32 m_left_by { Runtime::no_link };
    bool m_interpreting { false };
    /// The EXECUTE whose target is being executed.
    const Op* m_executing { nullptr };
    Step m_fetching;
};

} // namespace zvisor
