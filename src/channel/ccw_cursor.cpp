#include "channel/ccw_cursor.h"

namespace zvisor {

namespace {

template<class Format>
Checked<Ccw> decode(const ProgramRules& rules, u64 address)
{
    auto ccw = rules.fetch<Format>(address);
    if (!ccw)
        return channel_check(ccw.error());
    return Ccw::from(*ccw);
}

} // namespace

CcwCursor::CcwCursor(const ProgramRules& rules)
    : m_rules(rules)
    , m_next(rules.orb.channel_program_address)
{
}

Checked<Ccw> CcwCursor::fetch_one()
{
    u32 address = m_next;
    m_next += sizeof(Ccw1);
    u32 limit = m_rules.orb.format_1() ? 0x80000000 : 0x01000000;
    if (address % sizeof(Ccw1) != 0 || address >= limit)
        return channel_check(SubchannelStatus::program_check);
    return m_rules.orb.format_1() ? decode<Ccw1>(m_rules, address) : decode<Ccw0>(m_rules, address);
}

bool CcwCursor::transfer_is_valid(const Ccw& ccw) const
{
    if (!m_rules.orb.format_1())
        return true;
    return ccw.command == 0x08 && ccw.flags == 0 && ccw.count == 0 && !(ccw.address & 0x80000000);
}

Checked<Ccw> CcwCursor::follow_transfer()
{
    auto ccw = fetch_one();
    if (!ccw || !ccw->is_transfer_in_channel())
        return ccw;
    if (m_first || !transfer_is_valid(*ccw))
        return channel_check(SubchannelStatus::program_check);
    m_next = ccw->address;
    ccw = fetch_one();
    if (ccw && ccw->is_transfer_in_channel())
        return channel_check(SubchannelStatus::program_check);
    return ccw;
}

u8 CcwCursor::check_flags(const Ccw& ccw, bool chained_data) const
{
    const Orb& orb = m_rules.orb;
    bool zero_count_allowed = orb.format_1() && !chained_data && !ccw.has(Ccw::chain_data);
    bool modified_allowed = orb.modified_indirect_addressing() && !ccw.has(Ccw::indirect_data_address);
    bool suspend_allowed = orb.suspend_control() && !chained_data;
    bool valid = (ccw.count != 0 || zero_count_allowed) && (!ccw.has(Ccw::suspend) || suspend_allowed)
        && (!ccw.has(Ccw::modified_indirect_data_address) || modified_allowed) && !(ccw.address & 0x80000000)
        && (chained_data || (ccw.command & 0x0f) != 0);
    return valid ? 0 : SubchannelStatus::program_check;
}

Checked<Ccw> CcwCursor::fetch()
{
    auto ccw = follow_transfer();
    m_first = false;
    if (!ccw)
        return ccw;
    if (u8 status = check_flags(*ccw, false))
        return channel_check(status);
    return ccw;
}

Checked<Ccw> CcwCursor::fetch_chained_data()
{
    auto ccw = follow_transfer();
    if (!ccw)
        return ccw;
    if (u8 status = check_flags(*ccw, true))
        return channel_check(status);
    return ccw;
}

} // namespace zvisor
