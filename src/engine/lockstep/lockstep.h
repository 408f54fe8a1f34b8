#pragma once

#include "engine/interpreter/interpreter.h"
#include "engine/lockstep/compared_state.h"
#include "engine/lockstep/store_log.h"
#include "engine/translator/translator.h"

#include <string>
#include <unordered_set>
#include <vector>

namespace zvisor {

/// Executes every block twice, by the translator and from the same state by the interpreter, and ends the process where they differ.
///
/// Storage the translator changed is put back for the interpreter, which executes as many instructions. A block with an instruction
/// that acts on more than the CPU and storage, or reads a clock, is not executed again, and counted as skipped. A difference is looked
/// for again before it counts, since a device may change storage between the executions. For one CPU.
class Lockstep final : public Engine {
public:
    explicit Lockstep(AbsoluteStorage& storage);
    /// Prints what was compared on the standard error stream.
    ~Lockstep() override;

    void run(Cpu& cpu) override;
    void execute_target(Cpu& cpu, u64 bits, u64 address) override;
    void code_stored(u64 absolute_address, u64 length) override;
    void prepare(Cpu& cpu) override { m_translator.prepare(cpu); }
    void forget_all() override;

    struct Tally {
        u64 blocks { 0 };
        u64 instructions { 0 };
        u64 skipped { 0 };
        u64 skipped_instructions { 0 };
        /// Differed once and not again.
        u64 unsteady { 0 };
    };
    [[nodiscard]] const Tally& tally() const { return m_tally; }

private:
    enum class Verdict : u8 { equal, different, skipped };

    /// Stops the interpreter in front of what must not be done twice, and notes the way.
    class Way final : public Observer {
    public:
        bool before_instruction(Cpu& cpu, u64 address, u64 bits, const isa::Row* row) override;
        struct Instruction {
            u64 address;
            u64 bits;
        };
        std::vector<Instruction> instructions;
        bool once_only { false };
        std::unordered_set<const isa::Row*> once_only_rows;
    };

    void execute_block(Cpu& cpu);
    [[nodiscard]] Verdict compare(Cpu& cpu, const ComparedState& before);
    void interpret(Cpu& cpu, const ComparedState& until);
    void step(Cpu& cpu);
    [[noreturn]] void report(const ComparedState& before) const;

    Way m_way;
    Translator m_translator;
    Interpreter m_interpreter;
    StoreLog m_stores;
    Cpu* m_cpu { nullptr };
    bool m_interpreting { false };
    std::string m_differences;
    Tally m_tally;
};

} // namespace zvisor
