#include "channel/channel_program.h"

#include "base/verify.h"

namespace zvisor {

ChannelProgram::ChannelProgram(const ProgramRules& rules)
    : m_cursor(rules)
{
}

ChannelProgram::Progress ChannelProgram::run(Device& device, ProgramObserver& observer, unsigned quantum)
{
    for (unsigned done = 0; done < quantum && !observer.stop_requested(); ++done) {
        Next next = step(device, observer);
        if (next == Next::end)
            return Progress::ended;
        if (next == Next::suspend)
            return Progress::suspended;
    }
    return Progress::interrupted;
}

Checked<Ccw> ChannelProgram::next_command(ProgramObserver& observer, bool& suspended)
{
    auto ccw = m_cursor.fetch();
    // A CCW whose suspend flag meets a pending resume function is fetched anew, as at any resumption.
    while (ccw && ccw->has(Ccw::suspend)) {
        m_cursor.step_back();
        if (!observer.take_resume()) {
            suspended = true;
            return ccw;
        }
        ccw = m_cursor.fetch();
    }
    return ccw;
}

ChannelProgram::Next ChannelProgram::step(Device& device, ProgramObserver& observer)
{
    bool suspended = false;
    auto ccw = next_command(observer, suspended);
    if (suspended)
        return Next::suspend;
    if (!ccw) {
        m_ending = { {}, ccw.error(), 0 };
        return Next::end;
    }
    if (ccw->has(Ccw::program_controlled_interruption))
        observer.program_controlled_interruption();
    if (m_first)
        observer.first_command_accepted();
    m_first = false;
    ByteStream data(m_cursor, *ccw, [&] { observer.program_controlled_interruption(); });
    DeviceStatus status = device.execute(ccw->command, data);
    return conclude(status, data, observer);
}

bool ChannelProgram::is_incorrect_length(const ByteStream& data) const
{
    const Ccw& ccw = data.ccw();
    const Orb& orb = m_cursor.rules().orb;
    bool immediate = !data.was_used();
    if (immediate && (!orb.format_1() || orb.incorrect_length_suppression_mode()))
        return false;
    bool wrong = data.remaining() != 0 || data.was_short();
    bool suppressed = ccw.has(Ccw::suppress_length_indication) && !(ccw.has(Ccw::chain_data) && !immediate);
    return wrong && !suppressed;
}

ChannelProgram::Next ChannelProgram::conclude(DeviceStatus status, ByteStream& data, ProgramObserver& observer)
{
    VERIFY(status.has(DeviceStatus::device_end));
    data.settle();
    u8 channel_status = data.subchannel_status();
    if (channel_status == 0 && is_incorrect_length(data))
        channel_status = SubchannelStatus::incorrect_length;
    m_ending = { status, channel_status, data.remaining() };
    observer.command_ended(data.ccw(), m_ending);
    constexpr u8 expected = DeviceStatus::channel_end | DeviceStatus::device_end | DeviceStatus::status_modifier;
    bool chains = data.ccw().has(Ccw::chain_command) && !data.ccw().has(Ccw::chain_data);
    if (!chains || channel_status != 0 || (status.value & ~expected))
        return Next::end;
    if (status.has(DeviceStatus::status_modifier))
        m_cursor.skip_one();
    return Next::chain;
}

} // namespace zvisor
