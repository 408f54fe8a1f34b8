#pragma once

#include "cpu/cpu.h"

#include <algorithm>
#include <array>
#include <cstring>

// Storage operands as host memory, for instructions that work on many bytes.

namespace zvisor::isa {

/// The host view of [a, a+length) when it lies in one page whose translation is cached for the access, else null.
/// A store through it need not be reported: a page with code is never cached for stores.
template<Access Kind>
[[nodiscard]] inline u8* cached_view(Cpu& c, Address a, u64 length)
{
    const TlbEntry& entry = c.data_space().entry(a.at);
    u64 tag = Kind == Access::store ? entry.write_tag : entry.read_tag;
    return a.at - tag <= page_size - length ? reinterpret_cast<u8*>(a.at + entry.delta) : nullptr;
}

[[nodiscard]] inline u64 to_page_end(Address a)
{
    return page_size - a.at % page_size;
}

/// A storage operand of 1 to 4096 bytes: at most two parts, one a page. Making it raises its access exceptions.
class StorageOperand {
public:
    StorageOperand(Cpu& c, Address a, u64 length, Access access)
        : m_length(length)
        , m_first(std::min(length, to_page_end(a)))
    {
        m_part[0] = c.host_view(a, m_first, access);
        if (m_first < length)
            m_part[1] = c.host_view(c.offset(a, m_first), length - m_first, access) - m_first;
    }

    [[nodiscard]] u64 length() const { return m_length; }
    [[nodiscard]] u8* at(u64 index) const { return m_part[index >= m_first] + index; }
    [[nodiscard]] u8& operator[](u64 index) const { return *at(index); }
    /// How many bytes from `index` on are adjacent in host memory.
    [[nodiscard]] u64 run(u64 index) const { return (index < m_first ? m_first : m_length) - index; }

    /// Reports that the operand was stored into.
    void stored(Cpu& c) const
    {
        c.stored(m_part[0], m_first);
        if (m_first < m_length)
            c.stored(m_part[1] + m_first, m_length - m_first);
    }

private:
    u64 m_length;
    u64 m_first;
    // The second part is kept as if the first one's bytes were before it.
    std::array<u8*, 2> m_part {};
};

/// Does `operate(to, from, length)` on the pieces of two operands of equal length that are adjacent in both, left to right.
template<class Operate>
void for_each_piece(const StorageOperand& to, const StorageOperand& from, Operate operate)
{
    for (u64 i = 0; i < to.length();) {
        u64 length = std::min(to.run(i), from.run(i));
        operate(to.at(i), from.at(i), length);
        i += length;
    }
}

template<class T>
[[nodiscard]] inline T load_host(const u8* from)
{
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
template<class T>
inline void store_host(u8* to, T value)
{
    std::memcpy(to, &value, sizeof value);
}

/// Copies as if byte by byte from the left: an overlap with the target on the right propagates bytes.
void propagate(u8* to, const u8* from, u64 length);

/// Copies `length` (1 or more) bytes as if one by one from the left.
inline void copy_left_to_right(u8* to, const u8* from, u64 length)
{
    auto distance = static_cast<u64>(to - from);
    if (distance - 1 < length - 1) {
        propagate(to, from, length);
    } else if (length > 16) {
        std::memmove(to, from, length);
    } else if (length >= 8) {
        auto first = load_host<u64>(from);
        auto last = load_host<u64>(from + length - 8);
        store_host(to, first);
        store_host(to + length - 8, last);
    } else if (length >= 4) {
        auto first = load_host<u32>(from);
        auto last = load_host<u32>(from + length - 4);
        store_host(to, first);
        store_host(to + length - 4, last);
    } else if (length >= 2) {
        auto first = load_host<u16>(from);
        u8 last = from[length - 1];
        store_host(to, first);
        to[length - 1] = last;
    } else {
        *to = *from;
    }
}

/// Index of the first byte in which two areas differ; `length` when they are equal.
[[nodiscard]] u64 first_difference(const u8* x, const u8* y, u64 length);
/// Index of the first byte that is not `value`; `length` when all are.
[[nodiscard]] u64 first_other(const u8* x, u8 value, u64 length);

/// A register pair with an address and the number of bytes left there, as MVCLE, CKSM, TRE … use it: 64-bit lengths
/// in the 64-bit addressing mode, 32-bit ones otherwise.
struct LongOperand {
    u8 r;
    Address at;
    u64 length;

    LongOperand(const Cpu& c, u8 pair)
        : r(pair)
        , at(c.register_address(pair))
        , length(c.mode() & ExecutionMode::amode_64 ? c.g(pair + 1) : c.w(pair + 1))
    {
    }
    void advance(const Cpu& c, u64 bytes)
    {
        at = c.offset(at, bytes);
        length -= bytes;
    }
    /// Bytes of the operand in its current page.
    [[nodiscard]] u64 part() const { return std::min(length, to_page_end(at)); }
    void put(Cpu& c) const
    {
        c.put_address(r, at.at);
        if (c.mode() & ExecutionMode::amode_64)
            c.g(r + 1, length);
        else
            c.w(r + 1, static_cast<u32>(length));
    }
};

/// MVCL and CLCL keep lengths in bits 40-63.
inline constexpr u32 short_length_mask = 0xffffff;

[[nodiscard]] inline LongOperand short_length_operand(const Cpu& c, u8 pair)
{
    LongOperand operand(c, pair);
    operand.length = c.w(static_cast<u8>(pair + 1)) & short_length_mask;
    return operand;
}

inline void put_short_length_operand(Cpu& c, const LongOperand& operand)
{
    auto length_register = static_cast<u8>(operand.r + 1);
    c.put_address(operand.r, operand.at.at);
    c.w(length_register, (c.w(length_register) & ~short_length_mask) | static_cast<u32>(operand.length));
}

/// Runs `step` until it returns true (the instruction is complete, its condition code set) or a CPU-determined amount
/// of work is done: then `commit` puts the progress into registers and the condition code is 3. An exception met after some
/// progress is left to the next execution, so that one which is raised finds nothing changed.
template<class Step, class Commit>
void cpu_determined(Cpu& c, unsigned most_steps, Step step, Commit commit)
{
    for (unsigned done = 0; done < most_steps; ++done) {
        try {
            if (step())
                return;
        } catch (const ProgramInterruption&) {
            if (done == 0)
                throw;
            break;
        }
    }
    commit();
    c.cc(3);
}

/// An address as TRT and EDMK put it into general register 1: in the 24-bit addressing mode bits 32-39 stay too.
inline void put_result_address(Cpu& c, u8 r, u64 address)
{
    if (c.mode() & (ExecutionMode::amode_64 | ExecutionMode::amode_31))
        c.put_address(r, address);
    else
        c.w(r, (c.w(r) & 0xff000000) | static_cast<u32>(address));
}

/// Steps of one page part, and steps of one character, that an instruction does before condition code 3.
inline constexpr unsigned most_parts = 16;
inline constexpr unsigned most_characters = 4096;

/// Bits 56-63 of general register 0, as string instructions take a character there; bits 32-55 must be zero.
[[nodiscard]] inline u8 character_in_register_0(Cpu& c)
{
    if (c.w(0) > 0xff)
        c.specification();
    return static_cast<u8>(c.w(0));
}

} // namespace zvisor::isa
