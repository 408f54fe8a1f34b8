#pragma once

#include "base/types.h"

namespace zvisor {

/// A vector register; its leftmost doubleword `hi` is the floating-point register of the same number.
struct alignas(16) Vr {
    u64 lo { 0 };
    u64 hi { 0 };

    friend bool operator==(const Vr&, const Vr&) = default;
};

/// A storage address as an instruction formed it: addressing mode applied, with the register whose access register
/// designates the space in access-register mode (16: none, the primary space).
struct Address {
    u64 at { 0 };
    u8 base { 16 };
};

/// What decoding depends on: blocks made under one mode are not run under another.
struct ExecutionMode {
    static constexpr u8 amode_64 = 0x01;
    static constexpr u8 amode_31 = 0x02;
    static constexpr u8 problem = 0x04;
    /// CR0 bit 45: all sixteen floating-point registers and BFP may be used.
    static constexpr u8 afp_registers = 0x08;
    /// CR0 bits 45 and 46: vector instructions may be used.
    static constexpr u8 vector = 0x10;
    /// One instruction at a time, with checks around each: PER, tracing, a debugger.
    static constexpr u8 careful = 0x20;
    /// The program mask has the bit for fixed-point overflow.
    static constexpr u8 overflow = 0x40;
};

/// Which cached translations go: all, those of `count` pages from the page of `value` on whose page-table entries begin at
/// `entry` (what IPTE names), or those of the address space whose control element is `value`.
struct Purge {
    enum class Kind : u8 { all, pages, space };
    Kind kind { Kind::all };
    u64 value { 0 };
    u64 entry { 0 };
    u64 count { 1 };

    /// Takes in another that names nothing else, or the pages behind; false when it cannot.
    [[nodiscard]] bool extend(const Purge& other)
    {
        if (kind != other.kind || kind == Kind::all)
            return kind == Kind::all;
        if (kind == Kind::space)
            return value == other.value;
        if (other.value != value + count * 4096 || other.entry != entry + count * 8)
            return false;
        count += other.count;
        return true;
    }
};

/// Reasons why a CPU must leave its blocks and look around.
struct Pending {
    static constexpr u32 interruption = 0x01;
    static constexpr u32 request = 0x02;
    static constexpr u32 timer = 0x04;
    static constexpr u32 state_change = 0x08;
    static constexpr u32 wait = 0x10;
    static constexpr u32 pause = 0x20;
    /// The physical CPU is to be given back (Dispatching).
    static constexpr u32 give_back = 0x40;
    /// The engine has something to look at between two blocks.
    static constexpr u32 engine = 0x80;
};

/// States of a CPU (PoP ch. 4, "CPU States"); a wait with every interruption disabled is told apart, since only an order ends it.
enum class RunState : u8 { stopped, operating, check_stop, disabled_wait };

struct StorageRange {
    u64 address { 0 };
    u64 length { 0 };
};

} // namespace zvisor
