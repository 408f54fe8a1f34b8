#include "channel/data_area.h"

#include <algorithm>

namespace zvisor {

DataArea::DataArea(const ProgramRules& rules, const Ccw& ccw)
    : m_rules(&rules)
    , m_ccw(ccw)
    , m_remaining(ccw.count)
    , m_list(ccw.address)
{
}

u32 DataArea::idaw_block_size() const
{
    return m_rules->orb.format_2_idaws() && !m_rules->orb.idaw_2k_blocks() ? 4096 : 2048;
}

Checked<u64> DataArea::fetch_idaw()
{
    bool format_2 = m_rules->orb.format_2_idaws();
    u64 size = format_2 ? sizeof(u64) : sizeof(u32);
    u64 address = m_list;
    m_list += size;
    if (address % size != 0)
        return channel_check(SubchannelStatus::program_check);
    if (format_2)
        return m_rules->fetch<Be<u64>>(address);
    auto idaw = m_rules->fetch<Be<u32>>(address);
    if (!idaw)
        return channel_check(idaw.error());
    if (*idaw & 0x80000000)
        return channel_check(SubchannelStatus::program_check);
    return u64 { *idaw };
}

u8 DataArea::open_idaw()
{
    auto idaw = fetch_idaw();
    if (!idaw)
        return idaw.error();
    u32 size = idaw_block_size();
    u32 offset = static_cast<u32>(*idaw % size);
    bool backward = m_ccw.is_read_backward();
    if (!m_first && offset != (backward ? size - 1 : 0))
        return SubchannelStatus::program_check;
    m_address = *idaw;
    m_block_left = backward ? offset + 1 : size - offset;
    return 0;
}

u8 DataArea::open_midaw()
{
    if (m_list % sizeof(Midaw) != 0 || m_ccw.is_read_backward() || (!m_first && m_list % page_size == 0))
        return SubchannelStatus::program_check;
    auto midaw = m_rules->fetch<Midaw>(m_list);
    if (!midaw)
        return midaw.error();
    m_list += sizeof(Midaw);
    m_skip = midaw->flags & Midaw::skip;
    bool last = midaw->flags & Midaw::last;
    bool crosses = midaw->address % page_size + midaw->count > page_size;
    bool reserved = midaw->reserved != decltype(midaw->reserved) {} || (midaw->flags & 0x1f);
    if (midaw->count == 0 || midaw->count > m_remaining || last != (midaw->count == m_remaining) || reserved || (crosses && !m_skip))
        return SubchannelStatus::program_check;
    m_address = midaw->address;
    m_block_left = midaw->count;
    return 0;
}

u8 DataArea::open_block()
{
    if (m_ccw.has(Ccw::indirect_data_address))
        return open_idaw();
    if (m_ccw.has(Ccw::modified_indirect_data_address))
        return open_midaw();
    m_address = m_ccw.address;
    m_block_left = m_remaining;
    m_limit = m_rules->orb.format_1() ? 0x80000000 : 0x01000000;
    return 0;
}

u32 DataArea::within_page(u64 want) const
{
    u64 offset = m_address % page_size;
    u64 room = m_ccw.is_read_backward() ? offset + 1 : page_size - offset;
    return static_cast<u32>(std::min({ want, room, u64 { m_block_left }, u64 { m_remaining } }));
}

Checked<DataArea::Block> DataArea::next(u64 want)
{
    if (m_block_left == 0) {
        if (u8 status = open_block())
            return channel_check(status);
        m_first = false;
    }
    u32 length = within_page(want);
    bool backward = m_ccw.is_read_backward();
    u64 address = backward ? m_address - (length - 1) : m_address;
    bool skip = m_skip || (m_ccw.has(Ccw::skip) && !m_ccw.is_output());
    if (!skip && address >= m_limit)
        return channel_check(SubchannelStatus::program_check);
    if (u8 status = skip ? u8 { 0 } : m_rules->check_data(address, length, !m_ccw.is_output()))
        return channel_check(status);
    m_address = backward ? m_address - length : m_address + length;
    m_block_left -= length;
    m_remaining = static_cast<u16>(m_remaining - length);
    return Block { address, length, skip };
}

} // namespace zvisor
