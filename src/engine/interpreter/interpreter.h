#pragma once

#include "base/host_pages.h"
#include "cpu/cpu.h"
#include "cpu/engine.h"
#include "engine/code_cache.h"
#include "engine/observer.h"
#include "isa/table.h"

#include <memory>
#include <memory_resource>
#include <new>
#include <span>
#include <vector>

namespace zvisor {

struct Block;

/// What the blocks of an interpreter have in common.
struct Blocks {
    static constexpr std::size_t most_positions = 8192;

    explicit Blocks(std::pmr::memory_resource& from)
        : memory(from)
    {
    }
    /// The block that was found last by the address of its first instruction, or by another one that shares its place; or null.
    [[nodiscard]] Block*& position(u64 address) { return positions[address / 2 % most_positions]; }

    std::pmr::memory_resource& memory;
    HostTable<Block*> positions { most_positions };
    /// Those that are in the cache.
    std::size_t known { 0 };
};

/// Decoded instructions, ended by an op that leaves.
struct Block final : CodeBlock {
    /// With a copy of the ops behind it.
    [[nodiscard]] static std::unique_ptr<Block> make(Blocks& all, std::span<const Op> ops);
    void operator delete(Block* block, std::destroying_delete_t);
    void retire() override;

    [[nodiscard]] Op* ops() { return std::launder(reinterpret_cast<Op*>(this + 1)); }

    /// Cpu::code_stamp when it was found last.
    u64 stamp { 0 };
    Blocks& all;

private:
    explicit Block(Blocks& others)
        : all(others)
    {
    }
    [[nodiscard]] static std::size_t size(std::size_t op_count) { return sizeof(Block) + op_count * sizeof(Op); }
};

/// Executes predecoded blocks: each op calls its row's handler, which goes on to the next op.
class Interpreter final : public Engine {
public:
    /// `observer`, if any, sees every instruction while the CPU is in careful mode; it must outlive the engine.
    explicit Interpreter(AbsoluteStorage& storage, Observer* observer = nullptr);
    /// Works beside another engine of the same CPU, with its cache.
    Interpreter(CodeCache& shared, Observer* observer);
    ~Interpreter() override;

    void run(Cpu& cpu) override;
    void execute_target(Cpu& cpu, u64 bits, u64 address) override;
    void code_stored(u64 absolute_address, u64 length) override;
    void forget_all() override;
    void give_memory_back() override;
    /// Another engine executes what is at an address from now on.
    void forget(const BlockKey& key);

    /// Executes the block at Cpu::next, or one instruction in careful mode.
    void execute_block(Cpu& cpu);
    /// Swaps PSWs for what was thrown out of execute_block.
    void interrupt(Cpu& cpu, const ProgramInterruption& interruption);

private:
    struct Target {
        u64 bits; // 0 is no instruction's
        u8 mode;
        Op ops[2];
    };
    static constexpr std::size_t targets = 256;

    [[nodiscard]] bool run_blocks(Cpu& cpu);
    [[nodiscard]] Block* block_at(Cpu& cpu, u64 address);
    [[nodiscard]] Block* find_block(Cpu& cpu, u64 address);
    void make_room();
    [[nodiscard]] Block* make_block(Cpu& cpu, u64 address, u64 absolute);
    [[nodiscard]] std::unique_ptr<Block> decode_block(Cpu& cpu, u64 address, u64 absolute);
    void step(Cpu& cpu, Block& block);
    void count_partial_block(Cpu& cpu);

    std::unique_ptr<CodeCache> m_own_cache;
    CodeCache& m_cache;
    Blocks m_blocks { m_cache.memory() };
    HostTable<Target> m_targets { targets };
    Block* m_current { nullptr };
    /// Of the block that is being decoded.
    std::vector<Op> m_decoded;
    Observer* m_observer;
    Op m_fetching;
};

} // namespace zvisor
