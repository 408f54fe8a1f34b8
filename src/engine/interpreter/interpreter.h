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

/// Decoded instructions, ended by an op that leaves.
struct Block final : CodeBlock {
    /// With a copy of the ops behind it; `counter` is Interpreter::m_known.
    [[nodiscard]] static std::unique_ptr<Block> make(std::pmr::memory_resource& memory, std::span<const Op> ops, std::size_t& counter);
    void operator delete(Block* block, std::destroying_delete_t);
    void retire() override;

    Op* ops;
    std::size_t& known;
    std::pmr::memory_resource& memory;

private:
    Block(std::pmr::memory_resource& from, Op* behind, std::size_t& counter)
        : ops(behind)
        , known(counter)
        , memory(from)
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

    void run(Cpu& cpu) override;
    void execute_target(Cpu& cpu, u64 bits, u64 address) override;
    void code_stored(u64 absolute_address, u64 length) override;
    void forget_all() override;
    void give_memory_back() override;
    /// Blocks have been dropped: none is remembered by its address from now on.
    void forget_positions() { ++m_drops; }

    /// Another engine executes what is at an address from now on.
    void forget(const BlockKey& key);

    /// Executes the block at Cpu::next, or one instruction in careful mode.
    void execute_block(Cpu& cpu);
    /// Swaps PSWs for what was thrown out of execute_block.
    void interrupt(Cpu& cpu, const ProgramInterruption& interruption);

private:
    struct Position {
        u64 address;
        u64 stamp; // 0 is none's
        u64 drops;
        Block* block;
    };
    struct Target {
        u64 bits; // 0 is no instruction's
        u8 mode;
        Op ops[2];
    };
    static constexpr std::size_t positions = 8192;
    static constexpr std::size_t targets = 256;

    [[nodiscard]] bool run_blocks(Cpu& cpu);
    [[nodiscard]] Block* block_at(Cpu& cpu, u64 address);
    [[nodiscard]] Block* find_block(Cpu& cpu, u64 address, Position& position);
    void make_room();
    [[nodiscard]] Block* make_block(Cpu& cpu, u64 address, u64 absolute);
    [[nodiscard]] std::unique_ptr<Block> decode_block(Cpu& cpu, u64 address, u64 absolute);
    void step(Cpu& cpu, Block& block);
    void count_partial_block(Cpu& cpu);

    /// Of its blocks, those in the cache.
    std::size_t m_known { 0 };
    std::unique_ptr<CodeCache> m_own_cache;
    CodeCache& m_cache;
    HostTable<Position> m_positions { positions };
    HostTable<Target> m_targets { targets };
    /// How often blocks were dropped.
    u64 m_drops { 0 };
    Block* m_current { nullptr };
    /// Of the block that is being decoded.
    std::vector<Op> m_decoded;
    Observer* m_observer;
    Op m_fetching;
};

} // namespace zvisor
