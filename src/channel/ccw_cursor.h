#pragma once

#include "channel/program_rules.h"

namespace zvisor {

/// Walks the CCWs of a channel program: fetching, both formats, transfer in channel (PoP ch. 15).
class CcwCursor {
public:
    explicit CcwCursor(const ProgramRules& rules);

    /// Fetches the next CCW. The first of a program must not be a TRANSFER IN CHANNEL, nor may one lead to another.
    [[nodiscard]] Checked<Ccw> fetch();
    /// As `fetch`, for the CCW that continues a data area.
    [[nodiscard]] Checked<Ccw> fetch_chained_data();

    /// Address after the last CCW that was used, as it goes into the subchannel-status word.
    [[nodiscard]] u32 next_address() const { return m_next; }
    /// Status modifier: the next CCW is passed over.
    void skip_one() { m_next += sizeof(Ccw1); }
    /// The last CCW is to be fetched again (suspension).
    void step_back() { m_next -= static_cast<u32>(sizeof(Ccw1)); }

    [[nodiscard]] const ProgramRules& rules() const { return m_rules; }

private:
    [[nodiscard]] Checked<Ccw> fetch_one();
    [[nodiscard]] Checked<Ccw> follow_transfer();
    [[nodiscard]] bool transfer_is_valid(const Ccw& ccw) const;
    [[nodiscard]] u8 check_flags(const Ccw& ccw, bool chained_data) const;

    ProgramRules m_rules;
    u32 m_next;
    bool m_first { true };
};

} // namespace zvisor
