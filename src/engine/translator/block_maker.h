#pragma once

#include "engine/engine_options.h"
#include "engine/translator/emitter.h"
#include "engine/translator/host_block.h"
#include "ir/builder.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace zvisor {

/// A block that is to be made.
struct BlockOrder {
    u64 address { 0 };
    u64 absolute { 0 };
    /// That of the CodeBlock.
    u8 mode { 0 };
    /// Absolute address of the next page, if the first instruction goes on in it.
    std::optional<u64> second_page {};
    /// Executions until a path is made of it.
    i32 path_patience { 0 };
    /// Of a path only.
    std::unique_ptr<Tree> tree;
    /// HostBlock::entries of a path that may go other ways.
    i32 entries { 0 };
};

/// Whether the instruction at an absolute address goes on in the next page.
[[nodiscard]] bool crosses_page(const AbsoluteStorage& storage, u64 absolute);

/// A block while it is recorded, and what of it is known afterwards.
struct Recording {
    std::unique_ptr<HostBlock> block;
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

/// Makes host code of guest code: has a block's instructions recorded, and emits what was recorded. It touches nothing of the CPU,
/// and of what the CPU's thread has only what that leaves alone meanwhile: the runtime's memory beyond the code there is.
class BlockMaker {
public:
    /// In CodeBlock::mode: not the interpreter's.
    static constexpr u8 translated = 0x80;

    /// `marked`: somebody looks at marks.
    BlockMaker(HostBlocks& all, AbsoluteStorage& storage, const FacilitySet& facilities, bool marked)
        : m_all(all)
        , m_storage(storage)
        , m_facilities(facilities)
        , m_marked(marked)
        , m_emitter(all.runtime)
        , m_builder(m_program)
    {
    }

    /// One for the same whose tables have not grown yet.
    [[nodiscard]] std::unique_ptr<BlockMaker> renewed() const
    {
        return std::make_unique<BlockMaker>(m_all, m_storage, m_facilities, m_marked);
    }

    /// The pages are watched. Each instruction is marked before it is read, so that a store is either seen here or noticed.
    void make(BlockOrder order);
    /// What was made last: its block is anybody's to take.
    [[nodiscard]] Recording& made() { return m_recording; }
    // The same for, while nothing else is made:
    /// Where its code is, at writable addresses.
    [[nodiscard]] const u8* code() const { return m_code; }
    [[nodiscard]] std::span<const ExitCode> exits() const { return m_emitter.exits(); }
    /// Tells the runtime what is done where its accesses miss.
    void describe_misses() { m_emitter.describe_misses(); }
    /// As those who look on are told of it.
    [[nodiscard]] TranslatedBlock described(const Cpu& cpu) const;
    [[nodiscard]] std::span<const CountingCode> counting() const { return m_emitter.counting(); }

private:
    void begin();
    void begin_anew();
    void mark_next();
    [[nodiscard]] u64 fetch() const;
    [[nodiscard]] bool next_crosses_page() const;
    [[nodiscard]] bool record(std::optional<u64> goes_on_at = {}, bool keeps_exit = false);
    void record_block();
    void record_tree();
    void record_segments(ir::Rounds* noted);
    [[nodiscard]] bool record_segment(const Segment& segment);
    void restart();
    [[nodiscard]] std::ptrdiff_t guards_to_here() const;
    [[nodiscard]] bool is_long() const;
    [[nodiscard]] u64 head() const { return m_order.address; }
    void put_steps();
    void count_executions();
    void count_exits();
    void emit();

    HostBlocks& m_all;
    AbsoluteStorage& m_storage;
    const FacilitySet& m_facilities;
    bool m_marked;
    Emitter m_emitter;
    ir::Program m_program;
    ir::Builder m_builder;
    /// The instructions of the block that is being made.
    std::vector<GuestInstruction> m_instructions;
    BlockOrder m_order;
    Recording m_recording;
    std::vector<u32> m_arm_counts;
    /// Of a path that may have more arms: see BlockCode.
    std::vector<i32*> m_exits_left;
    BlockCode m_block_code;
    const u8* m_code { nullptr };
};

} // namespace zvisor
