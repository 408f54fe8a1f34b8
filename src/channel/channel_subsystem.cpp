#include "channel/channel_subsystem.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace zvisor {

namespace {

constexpr auto operand_exception = std::unexpected(ProgramCode::operand);
/// Reports kept until the program fetches them; one more sets the overflow bit.
constexpr std::size_t most_reports = 64;

} // namespace

ChannelSubsystem::ChannelSubsystem(AbsoluteStorage& storage, unsigned processors)
    : m_storage(storage)
    , m_monitor(storage)
    , m_saps(processors)
{
}

ChannelSubsystem::~ChannelSubsystem() = default;

u8 ChannelSubsystem::path_for(u8 type)
{
    for (auto [id, path_type] : m_channel_paths)
        if (path_type == type)
            return id;
    u8 id = static_cast<u8>(m_channel_paths.size());
    m_channel_paths[id] = type;
    return id;
}

Result<SubsystemId> ChannelSubsystem::attach(u8 subchannel_set, u16 device_number, std::unique_ptr<Device> device)
{
    constexpr std::size_t most_subchannels = 65536;
    if (subchannel_set >= subchannel_sets)
        return fail(fmt::format("there is no subchannel set {}: sets are 0 to 3", subchannel_set));
    if (find(subchannel_set, device_number))
        return fail(fmt::format("device number 0.{}.{:04x} is given twice: each device needs its own", subchannel_set, device_number));
    std::unique_lock lock(m_mutex);
    Set& set = m_sets[subchannel_set];
    if (set.size() == most_subchannels)
        return fail(fmt::format("subchannel set {} is full: it holds at most 65536 devices", subchannel_set));
    auto id = SubsystemId::of(subchannel_set, static_cast<u16>(set.size()));
    u8 path = path_for(device->channel_path_type());
    SubchannelContext context { m_storage, m_interruptions, m_saps, m_monitor, m_address_limit, m_trace };
    set.push_back(std::make_shared<Subchannel>(context, id, device_number, path, std::move(device)));
    return id;
}

void ChannelSubsystem::detach(SubsystemId id)
{
    std::shared_ptr<Subchannel> gone;
    {
        std::unique_lock lock(m_mutex);
        Set& set = m_sets[id.subchannel_set()];
        if (id.number() >= set.size() || !set[id.number()])
            return;
        gone = std::exchange(set[id.number()], nullptr);
    }
    gone->system_reset();
    report_subchannel(id);
}

void ChannelSubsystem::report_subchannel(SubsystemId id)
{
    auto initialized = Crw::Recovery::installed_parameters_initialized;
    u32 chained = m_sets_enabled ? Crw::chained : 0;
    add_report(Crw::of(Crw::Source::subchannel, initialized, id.number(), chained));
    if (chained)
        add_report(Crw::of(Crw::Source::subchannel, initialized, static_cast<u16>(id.subchannel_set() << 4)));
}

void ChannelSubsystem::add_report(Crw crw)
{
    {
        std::lock_guard lock(m_report_mutex);
        if (m_reports.size() < most_reports)
            m_reports.push_back(crw);
        else
            m_reports.back().word = m_reports.back().word | Crw::overflow;
        m_report_pending = true;
    }
    if (m_report_listener)
        m_report_listener();
}

Stored<Crw> ChannelSubsystem::store_channel_report_word()
{
    std::lock_guard lock(m_report_mutex);
    if (m_reports.empty())
        return { 1, {} };
    Crw crw = m_reports.front();
    m_reports.pop_front();
    m_report_pending = !m_reports.empty();
    return { 0, crw };
}

bool ChannelSubsystem::is_addressable(SubsystemId id) const
{
    return id.is_valid() && (id.subchannel_set() == 0 || m_sets_enabled);
}

std::shared_ptr<Subchannel> ChannelSubsystem::lookup(SubsystemId id) const
{
    std::shared_lock lock(m_mutex);
    const Set& set = m_sets[id.subchannel_set()];
    return id.number() < set.size() ? set[id.number()] : nullptr;
}

std::vector<std::shared_ptr<Subchannel>> ChannelSubsystem::all() const
{
    std::shared_lock lock(m_mutex);
    std::vector<std::shared_ptr<Subchannel>> found;
    for (const Set& set : m_sets)
        for (const auto& subchannel : set)
            if (subchannel)
                found.push_back(subchannel);
    return found;
}

Device* ChannelSubsystem::device(SubsystemId id) const
{
    auto subchannel = lookup(id);
    return subchannel ? &subchannel->device() : nullptr;
}

std::optional<SubsystemId> ChannelSubsystem::find(u8 subchannel_set, u16 device_number) const
{
    for (const auto& subchannel : all())
        if (subchannel->id().subchannel_set() == subchannel_set && subchannel->device_number() == device_number)
            return subchannel->id();
    return {};
}

void ChannelSubsystem::reset()
{
    for (const auto& subchannel : all())
        subchannel->system_reset();
    m_interruptions.clear();
    m_monitor.set(false, 0, 0);
    m_address_limit = 0;
    m_sets_enabled = false;
    std::lock_guard lock(m_report_mutex);
    m_reports.clear();
    m_report_pending = false;
}

template<class Function>
IoCondition ChannelSubsystem::with_subchannel(u32 sid, Function function)
{
    SubsystemId id { sid };
    if (!is_addressable(id))
        return operand_exception;
    auto subchannel = lookup(id);
    return subchannel ? function(*subchannel) : u8 { 3 };
}

IoCondition ChannelSubsystem::start_subchannel(u32 sid, const Orb& orb)
{
    if (!orb.is_valid())
        return operand_exception;
    return with_subchannel(sid, [&](Subchannel& subchannel) { return subchannel.start(orb); });
}

IoStored<Irb> ChannelSubsystem::test_subchannel(u32 sid)
{
    Stored<Irb> stored {};
    auto condition = with_subchannel(sid, [&](Subchannel& subchannel) { return subchannel.test(stored.block); });
    if (!condition)
        return std::unexpected(condition.error());
    stored.condition_code = *condition;
    return stored;
}

IoStored<Schib> ChannelSubsystem::store_subchannel(u32 sid)
{
    SubsystemId id { sid };
    if (!is_addressable(id))
        return operand_exception;
    auto schib = subchannel_information(id.subchannel_set(), id.number());
    return schib ? Stored<Schib> { 0, *schib } : Stored<Schib> { 3, {} };
}

IoCondition ChannelSubsystem::modify_subchannel(u32 sid, const Schib& schib)
{
    if (!schib.is_valid())
        return operand_exception;
    return with_subchannel(sid, [&](Subchannel& subchannel) { return subchannel.modify(schib); });
}

IoCondition ChannelSubsystem::clear_subchannel(u32 sid)
{
    return with_subchannel(sid, [](Subchannel& subchannel) { return subchannel.clear(); });
}

IoCondition ChannelSubsystem::halt_subchannel(u32 sid)
{
    return with_subchannel(sid, [](Subchannel& subchannel) { return subchannel.halt(); });
}

IoCondition ChannelSubsystem::resume_subchannel(u32 sid)
{
    return with_subchannel(sid, [](Subchannel& subchannel) { return subchannel.resume(); });
}

IoCondition ChannelSubsystem::cancel_subchannel(u32 sid)
{
    return with_subchannel(sid, [](Subchannel& subchannel) { return subchannel.cancel(); });
}

IoCondition ChannelSubsystem::set_channel_monitor(u32 gr1, u64 gr2)
{
    constexpr u32 reserved = word_mask<4, 29>;
    constexpr u32 block_update = word_mask<30>;
    if ((gr1 & reserved) || ((gr1 & block_update) && (gr2 & 0x1f)))
        return operand_exception;
    m_monitor.set(gr1 & block_update, static_cast<u8>(word_bits<0, 3>(gr1)), gr2);
    return u8 { 0 };
}

IoCondition ChannelSubsystem::set_address_limit(u32 gr1)
{
    if (gr1 & (word_mask<0> | word_mask<16, 31>))
        return operand_exception;
    m_address_limit = gr1;
    return u8 { 0 };
}

IoCondition ChannelSubsystem::reset_channel_path(u32 gr1)
{
    if (gr1 & word_mask<0, 23>)
        return operand_exception;
    u8 id = static_cast<u8>(gr1);
    if (!channel_path(id))
        return u8 { 3 };
    add_report(Crw::of(Crw::Source::channel_path, Crw::Recovery::initialized, id, Crw::solicited));
    return u8 { 0 };
}

IoCondition ChannelSubsystem::channel_subsystem_call(std::span<std::byte, chsc_block_size> block)
{
    if (!is_valid_chsc_request(block))
        return operand_exception;
    perform_chsc(*this, block);
    return u8 { 0 };
}

std::expected<void, ProgramCode> ChannelSubsystem::set_interruption_control(u16 operation, u8 isc)
{
    if (operation > 1 || isc > 7)
        return operand_exception;
    m_interruptions.set_mode(isc, static_cast<InterruptionQueue::Mode>(operation));
    return {};
}

i64 ChannelSubsystem::notify(u32 sid, u64 queue, u64 cookie)
{
    SubsystemId id { sid };
    auto subchannel = is_addressable(id) ? lookup(id) : nullptr;
    return subchannel ? subchannel->device().notify(queue, cookie) : i64 { -EINVAL };
}

std::optional<ChscSource::ChannelPath> ChannelSubsystem::channel_path(u8 id) const
{
    std::shared_lock lock(m_mutex);
    auto found = m_channel_paths.find(id);
    if (found == m_channel_paths.end())
        return {};
    return ChannelPath { id, found->second };
}

std::optional<Schib> ChannelSubsystem::subchannel_information(u8 subchannel_set, u16 number) const
{
    if (auto subchannel = lookup(SubsystemId::of(subchannel_set, number)))
        return subchannel->store();
    std::shared_lock lock(m_mutex);
    if (number < m_sets[subchannel_set].size())
        return Schib {};
    return {};
}

} // namespace zvisor
