#pragma once

// xbyak otherwise defines members named and, or, not.
#define XBYAK_NO_OP_NAMES
#include <xbyak/xbyak.h>

#include "base/types.h"

namespace zvisor {

/// x86 condition codes as instructions encode them; the lowest bit negates.
enum class HostCondition : u8 {
    overflow = 0,
    below = 2,
    equal = 4,
    below_or_equal = 6,
    sign = 8,
    parity = 10,
    less = 12,
    less_or_equal = 14
};

[[nodiscard]] constexpr HostCondition operator!(HostCondition condition)
{
    return static_cast<HostCondition>(static_cast<u8>(condition) ^ 1);
}

/// A place in code that near jumps lead to, from before and behind it. Until it is bound, the jumps are a list through the fields of
/// their distances: blocks have many, and nothing is allocated for them.
class JumpTarget {
public:
    /// Where it is bound, or null.
    [[nodiscard]] const u8* at() const { return m_at; }
    /// Whether jumps lead to nowhere until it is bound.
    [[nodiscard]] bool is_awaited() const { return m_last != nullptr; }

private:
    friend class Assembler;
    const u8* m_at { nullptr };
    /// The field of the last jump from before.
    u8* m_last { nullptr };
};

/// Host instructions by condition, over xbyak.
class Assembler : public Xbyak::CodeGenerator {
public:
    Assembler(void* at, std::size_t size)
        : CodeGenerator(size, at)
    {
    }

    void jump(JumpTarget& to);
    void jump_if(HostCondition condition, JumpTarget& to);
    /// Here is where a target's jumps lead; once.
    void bind(JumpTarget& target);
    void set_if(HostCondition condition, const Xbyak::Reg8& to);
    void move_if(HostCondition condition, const Xbyak::Reg& to, const Xbyak::Operand& from);
    /// Compares with a constant of 4 bytes that is put in later: returns where it is.
    [[nodiscard]] const u8* compare_wide(const Xbyak::Address& with);
    /// Reverses the bytes of a register of 4 or 8.
    void reverse(const Xbyak::Reg& reg);
    /// Moves between a register and storage with the bytes reversed; `movbe`: the host has the instruction for it.
    void load_reversed(const Xbyak::Reg& to, const Xbyak::Address& from, bool movbe);
    void store_reversed(const Xbyak::Address& to, const Xbyak::Reg& from, const Xbyak::Reg& scratch, bool movbe);
    /// The shortest move of a constant that changes no flags.
    void move_constant(const Xbyak::Reg64& to, u64 value);

private:
    void put_distance(JumpTarget& to);
};

} // namespace zvisor
