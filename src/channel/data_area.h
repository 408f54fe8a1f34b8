#pragma once

#include "channel/program_rules.h"

namespace zvisor {

/// The storage one CCW designates, directly or through IDAWs or MIDAWs, handed out in blocks that stay within 4 KiB (PoP ch. 15).
class DataArea {
public:
    struct Block {
        u64 address;
        u32 length;
        /// MIDAW skip: nothing is moved.
        bool skip;
    };

    DataArea(const ProgramRules& rules, const Ccw& ccw);

    /// Bytes of the CCW's count that are still to be moved.
    [[nodiscard]] u16 remaining() const { return m_remaining; }
    /// The next block of at most `want` bytes; `want` and remaining() are not zero. For READ BACKWARD blocks descend.
    [[nodiscard]] Checked<Block> next(u64 want);

private:
    [[nodiscard]] u8 open_block();
    [[nodiscard]] u8 open_idaw();
    [[nodiscard]] u8 open_midaw();
    [[nodiscard]] Checked<u64> fetch_idaw();
    [[nodiscard]] u32 idaw_block_size() const;
    [[nodiscard]] u32 within_page(u64 want) const;

    const ProgramRules* m_rules;
    Ccw m_ccw;
    u16 m_remaining;
    /// Next IDAW or MIDAW.
    u64 m_list;
    bool m_first { true };
    u64 m_address { 0 };
    /// Directly addressed data ends at 16 MiB (format 0) or 2 GiB (format 1).
    u64 m_limit { ~u64 { 0 } };
    /// Bytes left in the block that the current IDAW, MIDAW or the CCW designates.
    u32 m_block_left { 0 };
    bool m_skip { false };
};

} // namespace zvisor
