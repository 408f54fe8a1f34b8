#pragma once

#include "engine/translator/slow_access.h"
#include "engine/translator/step.h"
#include "ir/node.h"

#include <optional>
#include <span>
#include <vector>

namespace zvisor {

/// What translated code has in the host's registers and its frame where an operand was not found.
struct HostValues {
    static constexpr std::size_t registers_count = 10;
    static constexpr std::size_t numbers_count = 14;
    u64 registers[registers_count];
    /// Of the operand.
    u64 address;
    u64 unused;
    u64 numbers[numbers_count][2];
    u64 unused_too;
    u64 return_address;

    /// Of the frame, which lies above.
    [[nodiscard]] const u64* slots() const { return reinterpret_cast<const u64*>(this + 1); }
};

/// Where a value is then: in a register, a slot of the frame, an SSE register or among the constants of the block, by its number there.
class ValuePlace {
public:
    enum class In : u8 { nowhere, reg, slot, number, constant };
    ValuePlace() = default;
    /// `index`: below `most`.
    constexpr ValuePlace(In in, u32 index)
        : m_bits(static_cast<u16>(static_cast<u32>(in) * most + index))
    {
    }
    static constexpr u32 most = 1 << 13;
    [[nodiscard]] constexpr In in() const { return static_cast<In>(m_bits / most); }
    [[nodiscard]] constexpr u32 index() const { return m_bits % most; }

private:
    u16 m_bits { 0 };
};

/// What is done where an access of a block, not of a path, does not find its operand: described, since it is seldom done, in a fraction
/// of what code for it would take. General registers and the like are in the CPU before each instruction.
struct Miss {
    struct Code {
        ir::CodeKind kind { ir::CodeKind::memory };
        u8 width { 8 };
        ValuePlace a;
        ValuePlace b;
    };
    struct Saved {
        /// An ir::RegisterNumber.
        u8 reg;
        u8 width;
        ValuePlace value;
    };

    /// The instruction's handler if null.
    SlowAccess* access { nullptr };
    /// Where the call that looks for the operand comes back to, as an offset of code.
    u32 back { 0 };
    u32 block { 0 };
    /// Of the registers that are not in the CPU behind a store; most stores have none.
    u32 first_saved { 0 };
    u8 saved { 0 };
    u8 step { 0 };
    u8 base { 0 };
    /// The block may be stale afterwards.
    bool stores { false };
    /// When a handler loads it, the vector register that the result is in.
    u8 vector { 0 };
    /// From `back` to where the code goes on.
    u8 length { 0 };
    ValuePlace value {};
    ValuePlace expected {};
    ValuePlace result {};
    // The condition code before the access, and behind a store:
    Code before {};
    Code after {};
};
static_assert(sizeof(Miss) == 48, "there are hundreds of thousands");

/// The misses of all blocks.
class Misses {
public:
    /// A block with misses.
    struct Block {
        const Step* steps { nullptr };
        /// It is to be left when this is not 0.
        const u8* stale { nullptr };
        /// Counts accesses unless null.
        u64* slow_accesses { nullptr };
        u32 first_constant { 0 };
        u32 first_counter { 0 };
    };
    /// Those added from here on are of another block. `handlers`: counters of what handlers do, by step, unless nothing is counted.
    void begin(const Block& block, std::span<u64* const> handlers);
    /// In the order of code, since they are found by a search.
    void add(Miss miss);
    [[nodiscard]] ValuePlace constant(u64 value);
    /// Of registers that the next miss added has behind its store.
    void save(const Miss::Saved& saved) { m_saved.push_back(saved); }
    /// How many were saved.
    [[nodiscard]] u32 saved() const { return static_cast<u32>(m_saved.size()); }
    void clear();

    /// Makes the access of the call that comes back to the code at an offset. Returns the offset to go on at; none when the block is to
    /// be left for Cpu::next. Program interruptions may be thrown too.
    [[nodiscard]] std::expected<std::optional<u32>, ProgramInterruption> serve(Cpu& cpu, HostValues& values, u32 back) const;

private:
    /// What translated code had when it missed, with the constants of its block.
    struct Found {
        HostValues& values;
        const u64* constants;

        [[nodiscard]] u64 operator[](ValuePlace place) const;
        [[nodiscard]] Vr vector(ValuePlace place) const;
    };
    [[nodiscard]] const Miss& find(u32 back) const;
    static void write_register(Cpu& cpu, const Found& found, const Miss::Saved& saved);
    static void set_code(Cpu& cpu, const Found& found, const Miss::Code& code);
    [[nodiscard]] std::expected<void, ProgramInterruption> access(Cpu& cpu, const Found& found, const Miss& miss, const Block& block) const;
    void leave(Cpu& cpu, const Found& found, const Miss& miss, const Step& step) const;

    std::vector<Miss> m_all;
    /// By pieces of code, the first of the misses there or behind.
    std::vector<u32> m_first_in;
    static constexpr u32 piece = 1024;
    std::vector<Block> m_blocks;
    std::vector<Miss::Saved> m_saved;
    std::vector<u64> m_constants;
    std::vector<u64*> m_counters;
};

} // namespace zvisor
