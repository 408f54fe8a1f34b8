// SCLP commands that change or show the configuration: CPUs, storage elements and increments, channel paths.

#include "service/service_processor.h"

#include <vector>

namespace zvisor {

namespace {

/// The word that lists increment `number` (from 1) in element information.
Be<u32> increment_word(u64 number)
{
    return static_cast<u32>(number << 16 | 1);
}

constexpr u8 initial_element = 0;
constexpr u8 standby_element = 1;

/// Numbers of the first and one past the last increment that may belong to an element.
struct Range {
    u64 first;
    u64 end;
};

Range increments_of(const StorageConfiguration& storage, u8 element)
{
    u64 boundary = storage.initial_increments() + 1;
    return element == initial_element ? Range { 1, boundary } : Range { boundary, storage.increment_count() + 1 };
}

} // namespace

SclpResponse ServiceProcessor::configure_cpu(Sccb&, u8 address)
{
    CpuConfiguration& cpus = m_environment.cpus;
    if (address >= cpus.size() || cpus.state(address) == CpuState::reserved)
        return SclpResponse::resource_not_recognized;
    if (cpus.state(address) == CpuState::configured)
        return SclpResponse::no_action_required;
    if (!m_environment.configuration.configure_cpu(m_caller, address))
        return SclpResponse::improper_state;
    set_cpu_state(address, CpuState::configured);
    return SclpResponse::normal_completion;
}

SclpResponse ServiceProcessor::deconfigure_cpu(Sccb&, u8 address)
{
    CpuConfiguration& cpus = m_environment.cpus;
    if (address >= cpus.size() || cpus.state(address) == CpuState::reserved)
        return SclpResponse::resource_not_recognized;
    if (cpus.state(address) == CpuState::standby)
        return SclpResponse::no_action_required;
    if (cpus.count(CpuState::configured) == 1 || !m_environment.configuration.deconfigure_cpu(m_caller, address))
        return SclpResponse::improper_state;
    set_cpu_state(address, CpuState::standby);
    return SclpResponse::normal_completion;
}

void ServiceProcessor::set_cpu_state(u8 address, CpuState state)
{
    m_environment.cpus.set_state(address, state);
    if (m_environment.topology)
        m_environment.topology->changed();
}

SclpResponse ServiceProcessor::read_storage_element(Sccb& sccb, u8 element)
{
    const StorageConfiguration& storage = m_environment.storage_increments;
    if (!storage.reconfigurable())
        return SclpResponse::invalid_command;
    if (!sccb.has_room(0, sizeof(ReadStorageElement)))
        return SclpResponse::insufficient_sccb_length;
    ReadStorageElement info;
    info.maximum_id = standby_element;
    std::vector<Be<u32>> words;
    auto response = SclpResponse::element_not_present;
    if (element <= standby_element) {
        auto [first, end] = increments_of(storage, element);
        bool attached = element == initial_element || storage.standby_attached();
        for (u64 number = first; attached && number < end; ++number) {
            if (storage.assigned(number))
                words.push_back(increment_word(number));
        }
        info.assigned = static_cast<u16>(words.size());
        info.standby = static_cast<u16>(end - first - words.size());
        response = attached ? SclpResponse::normal_read_completion : SclpResponse::standby_read_completion;
    }
    if (!sccb.has_room(sizeof info, words.size() * sizeof(u32)))
        return SclpResponse::insufficient_sccb_length;
    sccb.write_body(info);
    for (std::size_t i = 0; i < words.size(); ++i)
        sccb.write(sizeof info + i * sizeof(u32), words[i]);
    return response;
}

SclpResponse ServiceProcessor::attach_storage_element(Sccb& sccb, u8 element)
{
    StorageConfiguration& storage = m_environment.storage_increments;
    if (!storage.reconfigurable())
        return SclpResponse::invalid_command;
    if (element > standby_element)
        return SclpResponse::resource_not_recognized;
    if (element == initial_element || storage.standby_attached())
        return SclpResponse::no_action_required;
    if (!sccb.has_room(0, sizeof(AttachStorageElement)))
        return SclpResponse::insufficient_sccb_length;
    storage.attach_standby();
    // The element's increments stay unassigned, so none is listed.
    sccb.write_body(AttachStorageElement {});
    return SclpResponse::normal_completion;
}

SclpResponse ServiceProcessor::assign_storage(Sccb& sccb, u8)
{
    return change_increment(sccb, true);
}

SclpResponse ServiceProcessor::unassign_storage(Sccb& sccb, u8)
{
    return change_increment(sccb, false);
}

SclpResponse ServiceProcessor::change_increment(Sccb& sccb, bool assign)
{
    StorageConfiguration& storage = m_environment.storage_increments;
    if (!storage.reconfigurable())
        return SclpResponse::invalid_command;
    if (!sccb.has_room(0, sizeof(AssignStorage)))
        return SclpResponse::insufficient_sccb_length;
    u64 number = sccb.read<AssignStorage>(0).increment;
    if (number == 0 || number > storage.increment_count())
        return SclpResponse::resource_not_recognized;
    if (number > storage.initial_increments() && !storage.standby_attached())
        return SclpResponse::improper_state;
    if (storage.assigned(number) == assign)
        return SclpResponse::no_action_required;
    u64 start = storage.start(number);
    u64 length = storage.increment_size();
    ConfigurationSink& sink = m_environment.configuration;
    if (!(assign ? sink.assign_storage(m_caller, start, length) : sink.unassign_storage(m_caller, start, length)))
        return SclpResponse::improper_state;
    storage.set_assigned(number, assign);
    return SclpResponse::normal_completion;
}

SclpResponse ServiceProcessor::read_channel_path_info(Sccb& sccb, u8)
{
    if (!m_environment.channel_paths)
        return SclpResponse::invalid_command;
    if (!sccb.has_room(0, sizeof(ReadChannelPathInfo)))
        return SclpResponse::insufficient_sccb_length;
    ReadChannelPathInfo info;
    for (unsigned chpid = 0; chpid < 256; ++chpid) {
        auto state = m_environment.channel_paths->state(static_cast<u8>(chpid));
        if (state == ChannelPathState::unknown)
            continue;
        auto bit = static_cast<u8>(0x80 >> chpid % 8);
        info.recognized[chpid / 8] |= bit;
        (state == ChannelPathState::configured ? info.configured : info.standby)[chpid / 8] |= bit;
    }
    sccb.write_body(info);
    return SclpResponse::normal_read_completion;
}

SclpResponse ServiceProcessor::configure_channel_path(Sccb&, u8 chpid)
{
    return change_channel_path(chpid, true);
}

SclpResponse ServiceProcessor::deconfigure_channel_path(Sccb&, u8 chpid)
{
    return change_channel_path(chpid, false);
}

SclpResponse ServiceProcessor::change_channel_path(u8 chpid, bool configure)
{
    auto* paths = m_environment.channel_paths;
    if (!paths)
        return SclpResponse::invalid_command;
    auto state = paths->state(chpid);
    if (state == ChannelPathState::unknown)
        return SclpResponse::resource_not_recognized;
    if ((state == ChannelPathState::configured) == configure)
        return SclpResponse::no_action_required;
    return paths->set_configured(chpid, configure) ? SclpResponse::normal_completion : SclpResponse::improper_state;
}

} // namespace zvisor
