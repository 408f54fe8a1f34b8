#include "channel/subchannel.h"

#include <fmt/format.h>

#include <utility>

namespace zvisor {

namespace {

/// The only path of a device: path 0 of its subchannel.
constexpr u8 only_path = 0x80;
/// Commands one program may run before another gets its turn.
constexpr unsigned turn_quantum = 256;

constexpr u32 condition_fields = ScswBit::functions | ScswBit::activities | ScswBit::statuses;

} // namespace

Subchannel::Subchannel(SubchannelContext context, SubsystemId id, u16 device_number, u8 channel_path, std::unique_ptr<Device> device)
    : m_context(context)
    , m_id(id)
    , m_device_number(device_number)
    , m_channel_path(channel_path)
    , m_device(std::move(device))
    , m_schib(initial_schib())
{
    m_device->attached(*this);
}

Subchannel::~Subchannel()
{
    request_stop();
    m_context.saps.wait_idle(*this);
}

Schib Subchannel::initial_schib() const
{
    Schib schib {};
    schib.pmcw.flags = Pmcw::device_number_valid_bit;
    schib.pmcw.device_number = m_device_number;
    schib.pmcw.logical_path_mask = only_path;
    schib.pmcw.path_installed_mask = only_path;
    schib.pmcw.path_operational_mask = 0xff;
    schib.pmcw.path_available_mask = only_path;
    schib.pmcw.channel_paths[0] = m_channel_path;
    return schib;
}

bool Subchannel::operational() const
{
    return m_schib.pmcw.device_number_valid() && m_schib.pmcw.enabled();
}

void Subchannel::request_stop()
{
    m_stop = true;
    m_device->halt_signal();
}

u8 Subchannel::start(const Orb& orb)
{
    std::lock_guard lock(m_mutex);
    if (!operational() || !(orb.logical_path_mask() & m_schib.pmcw.path_available_mask))
        return 3;
    if (has(ScswBit::status_pending))
        return 1;
    if (has(ScswBit::functions))
        return 2;
    m_orb = orb;
    m_resume = false;
    m_stop = false;
    constexpr u32 copied = word_mask<0, 4> | word_mask<8, 12>;
    m_schib.pmcw.interruption_parameter = orb.interruption_parameter;
    m_schib.scsw = {};
    m_schib.scsw.control = (orb.flags & copied) | ScswBit::start_function | ScswBit::start_pending;
    m_context.saps.request(*this);
    return 0;
}

u8 Subchannel::halt()
{
    std::lock_guard lock(m_mutex);
    if (!operational())
        return 3;
    u32 status = m_schib.scsw.status();
    if ((status & ScswBit::status_pending) && !(status & ScswBit::intermediate_status))
        return 1;
    if (has(ScswBit::halt_function | ScswBit::clear_function))
        return 2;
    m_schib.scsw.set(ScswBit::halt_function | ScswBit::halt_pending);
    if (status & ScswBit::status_pending) {
        m_schib.scsw.reset(ScswBit::statuses);
        m_context.interruptions.remove(m_id);
    }
    request_stop();
    m_context.saps.request(*this);
    return 0;
}

u8 Subchannel::clear()
{
    std::lock_guard lock(m_mutex);
    if (!operational())
        return 3;
    m_schib.scsw.reset(condition_fields);
    m_schib.scsw.set(ScswBit::clear_function | ScswBit::clear_pending);
    m_context.interruptions.remove(m_id);
    request_stop();
    m_context.saps.request(*this);
    return 0;
}

u8 Subchannel::resume()
{
    std::lock_guard lock(m_mutex);
    if (!operational())
        return 3;
    if (has(ScswBit::status_pending) && !has(ScswBit::intermediate_status))
        return 1;
    bool applicable = (m_schib.scsw.control & ScswBit::functions) == ScswBit::start_function && m_orb.suspend_control();
    if (!applicable || has(ScswBit::resume_pending))
        return 2;
    m_schib.scsw.set(ScswBit::resume_pending);
    m_resume = true;
    m_context.saps.request(*this);
    return 0;
}

u8 Subchannel::cancel()
{
    std::lock_guard lock(m_mutex);
    if (!operational())
        return 3;
    if (has(ScswBit::status_pending))
        return 1;
    bool startable = (m_schib.scsw.control & ScswBit::functions) == ScswBit::start_function;
    if (!startable || has(ScswBit::subchannel_active))
        return 2;
    m_schib.scsw.reset(condition_fields);
    return 0;
}

u8 Subchannel::modify(const Schib& schib)
{
    std::unique_lock lock(m_mutex);
    if (!m_schib.pmcw.device_number_valid())
        return 0;
    if (has(ScswBit::status_pending))
        return 1;
    if (has(ScswBit::functions))
        return 2;
    Pmcw& pmcw = m_schib.pmcw;
    bool was_enabled = pmcw.enabled();
    pmcw.interruption_parameter = schib.pmcw.interruption_parameter;
    pmcw.flags = static_cast<u16>((pmcw.flags & ~Pmcw::modifiable_flags) | (schib.pmcw.flags & Pmcw::modifiable_flags));
    pmcw.logical_path_mask = schib.pmcw.logical_path_mask;
    pmcw.path_operational_mask = schib.pmcw.path_operational_mask;
    pmcw.measurement_block_index = schib.pmcw.measurement_block_index;
    pmcw.characteristics
        = (pmcw.characteristics & ~Pmcw::modifiable_characteristics) | (schib.pmcw.characteristics & Pmcw::modifiable_characteristics);
    m_schib.measurement_block_address = schib.measurement_block_address;
    bool disabled = was_enabled && !pmcw.enabled();
    if (disabled)
        m_held_alert.reset();
    lock.unlock();
    if (disabled)
        m_device->disabled();
    return 0;
}

Schib Subchannel::store() const
{
    std::lock_guard lock(m_mutex);
    return m_schib;
}

u8 Subchannel::test(Irb& irb)
{
    std::lock_guard lock(m_mutex);
    if (!operational())
        return 3;
    irb = { m_schib.scsw, m_esw, m_extended_control };
    irb.esw.last_path_used_mask = m_schib.pmcw.last_path_used_mask;
    if (!has(ScswBit::status_pending))
        return 1;
    clear_status();
    present_held_alert();
    return 0;
}

/// PoP ch. 14, TEST SUBCHANNEL: what is cleared depends on whether the status is more than intermediate.
void Subchannel::clear_status()
{
    Scsw& scsw = m_schib.scsw;
    bool only_intermediate = scsw.status() == (ScswBit::intermediate_status | ScswBit::status_pending);
    bool program_goes_on = only_intermediate && !scsw.has(ScswBit::halt_function);
    scsw.reset(ScswBit::statuses | ScswBit::zero_condition_code | ScswBit::extended_control | ScswBit::extended_status_format_0);
    scsw.subchannel_status = 0;
    m_context.interruptions.remove(m_id);
    m_extended_control = {};
    m_esw = {};
    if (program_goes_on)
        return;
    scsw.reset(ScswBit::path_not_operational | ScswBit::functions | ScswBit::resume_pending | ScswBit::start_pending | ScswBit::halt_pending
        | ScswBit::clear_pending | ScswBit::suspended);
    scsw.device_status = 0;
}

void Subchannel::make_pending(u32 status)
{
    m_schib.scsw.set(status | ScswBit::status_pending);
    m_context.interruptions.add(m_id, m_schib.pmcw.isc(), m_schib.pmcw.interruption_parameter);
}

void Subchannel::present_alert(DeviceStatus status)
{
    std::lock_guard lock(m_mutex);
    if (!operational())
        return;
    // Concurrent alerts merge; the status reaches the program when the present function is done.
    m_held_alert = DeviceStatus { static_cast<u8>(status.value | (m_held_alert ? m_held_alert->value : 0)) };
    present_held_alert();
}

void Subchannel::present_held_alert()
{
    if (!m_held_alert || has(ScswBit::status_pending | ScswBit::functions))
        return;
    m_schib.scsw = {};
    m_schib.scsw.device_status = m_held_alert->value;
    m_held_alert.reset();
    make_pending(ScswBit::alert_status);
}

void Subchannel::raise_adapter_interruption(u8 isc)
{
    m_context.interruptions.add_adapter(isc, false);
}

void Subchannel::system_reset()
{
    request_stop();
    {
        std::lock_guard lock(m_mutex);
        m_schib.scsw = {};
    }
    m_context.saps.wait_idle(*this);
    {
        std::lock_guard lock(m_mutex);
        m_context.interruptions.remove(m_id);
        m_schib = initial_schib();
        m_esw = {};
        m_extended_control = {};
        m_held_alert.reset();
        m_program.reset();
        m_stop = false;
    }
    m_device->reset();
}

bool Subchannel::may_run() const
{
    return has(ScswBit::start_function) && !has(ScswBit::suspended | ScswBit::halt_pending | ScswBit::clear_pending)
        && has(ScswBit::subchannel_active);
}

void Subchannel::begin()
{
    Scsw& scsw = m_schib.scsw;
    constexpr u32 active = ScswBit::subchannel_active | ScswBit::device_active;
    if (scsw.has(ScswBit::start_pending)) {
        u8 mode = m_orb.address_limit_checking() ? m_schib.pmcw.limit_mode() : u8 { 0 };
        AddressLimit limit { static_cast<AddressLimit::Mode>(mode), m_context.address_limit };
        m_program.emplace(ProgramRules { m_context.storage, m_orb, limit });
        scsw.reset(ScswBit::start_pending);
        scsw.set(active);
        m_schib.pmcw.last_path_used_mask = only_path;
        m_connected_since = std::chrono::steady_clock::now();
    } else if (scsw.has(ScswBit::suspended) && m_resume) {
        m_resume = false;
        scsw.reset(ScswBit::suspended | ScswBit::resume_pending);
        scsw.set(active);
        m_connected_since = std::chrono::steady_clock::now();
    }
}

bool Subchannel::serve()
{
    {
        std::lock_guard lock(m_mutex);
        if (has(ScswBit::clear_pending)) {
            perform_clear();
            return false;
        }
        if (has(ScswBit::halt_pending)) {
            perform_halt();
            return false;
        }
        begin();
        if (!may_run())
            return false;
    }
    auto progress = m_program->run(*m_device, *this, turn_quantum);
    std::lock_guard lock(m_mutex);
    if (may_run())
        note_progress(progress);
    return has(ScswBit::clear_pending | ScswBit::halt_pending) || may_run();
}

void Subchannel::note_progress(ChannelProgram::Progress progress)
{
    if (progress != ChannelProgram::Progress::interrupted)
        m_context.monitor.function_ended(m_schib, std::chrono::steady_clock::now() - m_connected_since);
    if (progress == ChannelProgram::Progress::ended)
        finish();
    else if (progress == ChannelProgram::Progress::suspended)
        suspend();
}

void Subchannel::finish()
{
    const ProgramEnding& ending = m_program->ending();
    Scsw& scsw = m_schib.scsw;
    scsw.ccw_address = m_program->next_address();
    scsw.device_status = ending.device_status.value;
    scsw.subchannel_status |= ending.subchannel_status;
    scsw.count = ending.residual_count;
    scsw.reset(ScswBit::activities);
    constexpr u8 usual
        = DeviceStatus::channel_end | DeviceStatus::device_end | DeviceStatus::unit_exception | DeviceStatus::status_modifier;
    bool alert = (ending.device_status.value & ~usual) || ending.subchannel_status;
    store_sense(ending.device_status);
    m_program.reset();
    make_pending(ScswBit::primary_status | ScswBit::secondary_status | (alert ? ScswBit::alert_status : 0));
}

void Subchannel::store_sense(DeviceStatus status)
{
    if (!status.has(DeviceStatus::unit_check) || !m_schib.pmcw.concurrent_sense())
        return;
    m_extended_control = m_device->take_sense();
    m_esw.extended_report = Esw::concurrent_sense | u32 { concurrent_sense_size } << 16;
    m_schib.scsw.set(ScswBit::extended_control | ScswBit::extended_status_format_0);
}

void Subchannel::suspend()
{
    Scsw& scsw = m_schib.scsw;
    scsw.reset(ScswBit::subchannel_active | ScswBit::device_active);
    scsw.set(ScswBit::suspended);
    scsw.ccw_address = m_program->next_address() + static_cast<u32>(sizeof(Ccw1));
    if (m_resume)
        m_context.saps.request(*this);
    if (!m_orb.suppress_suspended_interruption())
        make_pending(ScswBit::intermediate_status);
}

void Subchannel::perform_clear()
{
    m_program.reset();
    m_stop = false;
    m_schib.scsw = {};
    m_schib.scsw.set(ScswBit::clear_function);
    m_schib.pmcw.path_not_operational_mask = 0;
    m_schib.pmcw.last_path_used_mask = 0;
    m_esw = {};
    m_extended_control = {};
    make_pending(0);
}

void Subchannel::perform_halt()
{
    Scsw& scsw = m_schib.scsw;
    bool was_active = m_program.has_value() && !scsw.has(ScswBit::suspended);
    u8 device_status = was_active ? normal_ending.value : u8 { 0 };
    if (m_program)
        scsw.ccw_address = m_program->next_address();
    m_program.reset();
    m_stop = false;
    scsw.reset(ScswBit::activities);
    scsw.device_status = device_status;
    scsw.count = 0;
    make_pending(was_active ? ScswBit::primary_status | ScswBit::secondary_status : 0);
}

void Subchannel::program_controlled_interruption()
{
    std::lock_guard lock(m_mutex);
    if (!may_run())
        return;
    m_schib.scsw.subchannel_status |= SubchannelStatus::program_controlled_interruption;
    m_schib.scsw.ccw_address = m_program->next_address();
    make_pending(ScswBit::intermediate_status);
}

void Subchannel::first_command_accepted()
{
    std::lock_guard lock(m_mutex);
    if (!m_orb.initial_status_interruption() || !may_run())
        return;
    m_schib.scsw.set(ScswBit::zero_condition_code);
    make_pending(ScswBit::intermediate_status);
}

bool Subchannel::take_resume()
{
    std::lock_guard lock(m_mutex);
    m_schib.scsw.reset(ScswBit::resume_pending);
    return std::exchange(m_resume, false);
}

void Subchannel::command_ended(const Ccw& ccw, const ProgramEnding& ending)
{
    if (!m_context.trace)
        return;
    m_context.trace(fmt::format("0.{}.{:04x} {} {:02X}{:02X} count {:04X} -> status {:02X}{:02X} residual {:04X}", m_id.subchannel_set(),
        m_device_number, m_device->command_name(ccw.command), ccw.command, ccw.flags, ccw.count, ending.device_status.value,
        ending.subchannel_status, ending.residual_count));
}

} // namespace zvisor
