#include "service/service_processor.h"

#include <algorithm>

namespace zvisor {

namespace {

constexpr u64 prefix_area_size = 8192;
/// Bits 16-23 of a command name what it works on: a CPU, a storage element, a channel path.
constexpr u32 command_code_mask = 0xffff00ff;
/// A service signal's parameter: the SCCB's address but for its last three bits.
constexpr u32 sccb_address_mask = 0xfffffff8;
constexpr u32 event_pending = 1;

bool is_valid_sccb_address(u64 address, u64 prefix)
{
    u64 area = address & ~(prefix_area_size - 1);
    return (address & ~u64 { 0x7ffffff8 }) == 0 && area != 0 && area != prefix;
}

} // namespace

// Codes as in Linux drivers/s390/char/sclp_early.c, sclp_cmd.c and sclp.h.
constexpr ServiceProcessor::Command ServiceProcessor::commands[] = {
    { 0x00020001, "read SCP information", &ServiceProcessor::read_scp_info },
    { 0x00120001, "read SCP information forced", &ServiceProcessor::read_scp_info },
    { 0x00010001, "read CPU information", &ServiceProcessor::read_cpu_info },
    { 0x00110001, "configure CPU", &ServiceProcessor::configure_cpu },
    { 0x00100001, "deconfigure CPU", &ServiceProcessor::deconfigure_cpu },
    { 0x00040001, "read storage-element information", &ServiceProcessor::read_storage_element },
    { 0x00080001, "attach storage element", &ServiceProcessor::attach_storage_element },
    { 0x000d0001, "assign storage", &ServiceProcessor::assign_storage },
    { 0x000c0001, "unassign storage", &ServiceProcessor::unassign_storage },
    { 0x00030001, "read channel-path information", &ServiceProcessor::read_channel_path_info },
    { 0x000f0001, "configure channel path", &ServiceProcessor::configure_channel_path },
    { 0x000e0001, "deconfigure channel path", &ServiceProcessor::deconfigure_channel_path },
    { 0x00780005, "write event mask", &ServiceProcessor::write_event_mask },
    { 0x00760005, "write event data", &ServiceProcessor::write_event_data },
    { 0x00770005, "read event data", &ServiceProcessor::read_event_data },
};

ServiceProcessor::ServiceProcessor(ServiceEnvironment environment, ServiceOptions options)
    : m_environment(environment)
    , m_options(std::move(options))
    , m_events(m_options.consoles, environment.signals, environment.console)
{
}

const ServiceProcessor::Command* ServiceProcessor::find(u32 command)
{
    auto found = std::find_if(std::begin(commands), std::end(commands), [&](auto& c) { return c.code == (command & command_code_mask); });
    return found == std::end(commands) ? nullptr : found;
}

std::string_view ServiceProcessor::command_name(u32 command)
{
    const Command* found = find(command);
    return found ? found->name : "unknown";
}

std::expected<u8, ProgramCode> ServiceProcessor::service_call(u32 command, u64 sccb_address, u64 prefix, u16 caller)
{
    if (!is_valid_sccb_address(sccb_address, prefix))
        return std::unexpected(ProgramCode::specification);
    std::unique_lock lock(m_command, std::try_to_lock);
    if (!lock || m_environment.signals.pending_service_signal() & sccb_address_mask)
        return u8 { 2 };
    Sccb sccb;
    std::size_t room = page_size - sccb_address % page_size;
    if (!m_environment.storage.read(sccb_address, sccb.bytes().first(room)))
        return std::unexpected(ProgramCode::addressing);
    if (sccb.length() < sizeof(SccbHeader))
        return std::unexpected(ProgramCode::specification);

    m_caller = caller;
    auto response = execute(command, sccb, room);
    SccbHeader header = sccb.header();
    header.response_code = static_cast<u16>(response);
    sccb.set_header(header);
    std::size_t stored = std::min<std::size_t>(sccb.length(), room);
    // The command may have taken the SCCB's own storage away.
    (void)m_environment.storage.write(sccb_address, sccb.bytes().first(stored));
    m_environment.signals.service_signal(static_cast<u32>(sccb_address) | (m_events.pending() ? event_pending : 0));
    return u8 { 0 };
}

SclpResponse ServiceProcessor::execute(u32 command, Sccb& sccb, std::size_t room)
{
    const Command* found = find(command);
    if (!found)
        return SclpResponse::invalid_command;
    if (sccb.length() > room)
        return SclpResponse::sccb_boundary_violation;
    return (this->*found->handler)(sccb, static_cast<u8>(command >> 8));
}

u64 ServiceProcessor::facilities() const
{
    u64 word = ReadScpInfo::cpu_information | ReadScpInfo::cpu_reconfiguration;
    if (m_environment.storage_increments.reconfigurable())
        word |= ReadScpInfo::storage_reconfiguration;
    if (m_environment.channel_paths)
        word |= ReadScpInfo::channel_path_information | ReadScpInfo::channel_path_reconfiguration;
    return word;
}

void ServiceProcessor::fill_storage_size(ReadScpInfo& info) const
{
    u64 count = m_environment.storage_increments.increment_count();
    u64 megabytes = m_environment.storage_increments.increment_size() >> 20;
    if (count <= 0xffff)
        info.rnmax = static_cast<u16>(count);
    else
        info.rnmax2 = count;
    if (megabytes <= 0xff)
        info.rnsize = static_cast<u8>(megabytes);
    else
        info.rnsize2 = static_cast<u32>(megabytes);
}

SclpResponse ServiceProcessor::read_scp_info(Sccb& sccb, u8)
{
    auto configured = m_environment.cpus.addresses(CpuState::configured);
    if (!sccb.has_room(sizeof(ReadScpInfo), configured.size() * sizeof(CpuEntry)))
        return SclpResponse::insufficient_sccb_length;
    ReadScpInfo info;
    fill_storage_size(info);
    info.stsi_parameter = m_options.topology_nesting;
    info.cpu_count = static_cast<u16>(configured.size());
    info.cpu_offset = sizeof(ReadScpInfo);
    put_ebcdic(info.load_parameter, m_options.load_parameter);
    info.facilities = facilities();
    info.byte_85 = m_options.enhanced_suppression_on_protection ? ReadScpInfo::enhanced_suppression_on_protection : 0;
    info.maximum_address_power = m_options.address_power;
    info.highest_cpu_address = static_cast<u16>(m_environment.cpus.size() - 1);
    sccb.write_body(info);
    for (std::size_t i = 0; i < configured.size(); ++i)
        sccb.write(sizeof(ReadScpInfo) + i * sizeof(CpuEntry), CpuEntry { .address = static_cast<u8>(configured[i]) });
    return SclpResponse::normal_read_completion;
}

SclpResponse ServiceProcessor::read_cpu_info(Sccb& sccb, u8)
{
    auto listed = m_environment.cpus.addresses(CpuState::configured);
    auto configured = static_cast<u16>(listed.size());
    auto standby = m_environment.cpus.addresses(CpuState::standby);
    listed.insert(listed.end(), standby.begin(), standby.end());
    if (!sccb.has_room(sizeof(ReadCpuInfo), listed.size() * sizeof(CpuEntry)))
        return SclpResponse::insufficient_sccb_length;
    ReadCpuInfo info;
    info.configured_count = configured;
    info.configured_offset = sizeof(ReadCpuInfo);
    info.standby_count = static_cast<u16>(standby.size());
    info.standby_offset = static_cast<u16>(sizeof(ReadCpuInfo) + configured * sizeof(CpuEntry));
    sccb.write_body(info);
    for (std::size_t i = 0; i < listed.size(); ++i)
        sccb.write(sizeof(ReadCpuInfo) + i * sizeof(CpuEntry), CpuEntry { .address = static_cast<u8>(listed[i]) });
    return SclpResponse::normal_read_completion;
}

} // namespace zvisor
