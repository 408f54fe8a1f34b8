#include "partition/partition.h"

#include "cpu/cpu.h"
#include "engine/make_engine.h"
#include "engine/observer.h"
#include "service/cpu_attributes.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor {

namespace {

[[nodiscard]] ServiceOptions service_options(const PartitionConfig& config)
{
    return { .load_parameter = config.load_parameter,
        .address_power = config.model.model.address_power,
        .enhanced_suppression_on_protection = config.model.facilities.has(Facility::side_effect_access),
        .topology_nesting = config.model.facilities.has(Facility::configuration_topology) ? Topology::maximum_nesting : u8 { 0 },
        .consoles = config.consoles };
}

[[nodiscard]] Topology::Options topology_options(const PartitionConfig& config, CpuEntitlements* entitlements)
{
    return { .installed = config.model.facilities.has(Facility::configuration_topology),
        .cpus_per_socket = config.identity.cpus_per_socket,
        .dedicated_cpus = config.identity.dedicated_cpus,
        .books = config.books,
        .entitlements = entitlements };
}

/// Wait-state code of a program that has quiesced.
constexpr u64 quiesced_wait = 0xfff;

} // namespace

Result<std::unique_ptr<Partition>> Partition::create(PartitionConfig config, ConsoleSink& console)
{
    u64 maximum = config.maximum_memory ? config.maximum_memory : config.memory;
    u64 block = config.blocks ? config.block_size : 0;
    auto increments = TRY(StorageConfiguration::create(config.memory, maximum - config.memory, block));
    auto zone = TRY(
        StorageZone::create({ .initial = config.memory, .maximum = maximum, .block_size = config.block_size, .blocks = config.blocks }));
    config.maximum_cpus = std::max(config.cpus, config.maximum_cpus);
    auto cpus = TRY(CpuConfiguration::create(config.cpus, static_cast<u16>(config.maximum_cpus - config.cpus)));
    return std::unique_ptr<Partition>(new Partition(std::move(config), console, std::move(zone), std::move(cpus), std::move(increments)));
}

Partition::Partition(PartitionConfig config, ConsoleSink& console, StorageZone zone, CpuConfiguration cpus, StorageConfiguration increments)
    : m_config(std::move(config))
    , m_zone(std::move(zone))
    , m_storage(&m_zone.storage())
    , m_cpu_configuration(std::move(cpus))
    , m_increments(std::move(increments))
    , m_channels(*m_storage)
    , m_channel_adapter(m_channels)
    , m_topology(m_cpu_configuration, topology_options(m_config, m_config.firmware ? this : nullptr))
    , m_information(m_config.identity, m_cpu_configuration, m_topology, m_config.firmware ? this : nullptr)
    , m_services({ .storage = *m_storage,
                     .cpus = m_cpu_configuration,
                     .storage_increments = m_increments,
                     .configuration = *this,
                     .signals = *this,
                     .console = console,
                     .topology = &m_topology },
          service_options(m_config))
    , m_watchdog([this](Watchdog::Action) { request(Request::ipl); })
    , m_online(m_config.maximum_cpus)
    , m_cpus(*m_storage, m_config.model.facilities, m_channel_adapter, *this)
{
    m_cpus.set_observer(m_config.engine.observer);
    for (u16 i = 0; i < m_config.maximum_cpus; ++i) {
        m_cpus.add().set_engine(make_engine(*m_storage, m_config.engine));
        bool configured = i < m_config.cpus;
        m_cpus.set_configured(i, configured);
        if (configured)
            m_online[i].start();
    }
    m_channels.on_interruption([this] { m_cpus.interruption_pending(); });
    m_channels.on_channel_report([this] { m_cpus.channel_report_pending(); });
    m_ipl_parameters.clear();
}

Partition::~Partition()
{
    m_watchdog.cancel();
    m_cpus.finish();
    m_channels.reset();
}

// ---- Life ------------------------------------------------------------------------------------------------------

Result<void> Partition::load(const IplProgram& program)
{
    TRY_VOID(place(program, *m_storage));
    Cpu& cpu = *m_cpus.find(0);
    cpu.load_psw(program.start);
    cpu.order_start();
    return {};
}

void Partition::make_threads()
{
    if (std::exchange(m_threads_made, true))
        return;
    for (const auto& cpu : m_cpus.cpus())
        cpu->engine().prepare(*cpu);
    m_watchdog.make_thread();
    m_cpus.start();
}

Result<Outcome> Partition::run(const IplProgram& program)
{
    make_threads();
    TRY_VOID(reset());
    m_clear = false;
    TRY_VOID(load(program));
    std::unique_lock lock(m_mutex);
    for (;;) {
        std::optional<Outcome> result;
        m_changed.wait(lock, [&] { return m_request != Request::none || (result = outcome()); });
        Request what = std::exchange(m_request, Request::none);
        if (what == Request::end)
            return Outcome { .kind = Outcome::Kind::ended };
        if (what == Request::none)
            return *result;
        lock.unlock();
        TRY_VOID(reset_all());
        TRY_VOID(load(program));
        lock.lock();
    }
}

void Partition::end()
{
    request(Request::end);
}

bool Partition::stop()
{
    std::lock_guard lock(m_mutex);
    bool had_stopped = !m_stopped.empty();
    for (const auto& cpu : m_cpus.cpus())
        if (!had_stopped && cpu->state() == RunState::operating)
            m_stopped.push_back(cpu.get());
    for (Cpu* cpu : m_stopped)
        cpu->order_stop(false);
    return !had_stopped && !m_stopped.empty();
}

bool Partition::start()
{
    std::vector<Cpu*> stopped;
    {
        std::lock_guard lock(m_mutex);
        stopped = m_stopped;
    }
    for (Cpu* cpu : stopped)
        cpu->wait_for_orders();
    std::lock_guard lock(m_mutex);
    for (Cpu* cpu : stopped)
        cpu->order_start();
    m_stopped.clear();
    return !stopped.empty();
}

Result<void> Partition::reset()
{
    {
        std::lock_guard lock(m_mutex);
        m_stopped.clear();
    }
    if (!std::exchange(m_clear, true))
        return reset_all();
    return {};
}

void Partition::request(Request what)
{
    std::lock_guard lock(m_mutex);
    m_request = what;
    m_changed.notify_all();
}

/// The end of the partition, once no CPU can go on by itself.
std::optional<Outcome> Partition::outcome()
{
    Outcome result { .kind = Outcome::Kind::powered_off };
    if (!m_stopped.empty())
        return {};
    for (const auto& cpu : m_cpus.cpus()) {
        // Orders first: one being carried out shows in the state.
        if (cpu->has_orders() || cpu->state() == RunState::operating)
            return {};
        bool waits = cpu->state() == RunState::disabled_wait;
        // A program that was asked to shut down says with this wait that it has.
        bool shut_down = waits && m_services.quiescing() && cpu->psw().address == quiesced_wait;
        if (waits && !shut_down)
            result = { .kind = Outcome::Kind::disabled_wait, .cpu = cpu->address(), .psw = cpu->psw() };
    }
    return result;
}

void Partition::stop_all()
{
    for (const auto& cpu : m_cpus.cpus())
        cpu->order_reset(true);
    for (const auto& cpu : m_cpus.cpus())
        cpu->wait_for_orders();
}

/// Clear reset of everything: what an IPL starts from (PoP ch. 4, "Load Clear").
Result<void> Partition::reset_all()
{
    m_watchdog.cancel();
    stop_all();
    m_channels.reset();
    m_services.reset();
    m_topology.reset();
    m_increments.reset();
    m_service_signal = 0;
    for (const auto& cpu : m_cpus.cpus())
        cpu->clear_reset();
    return m_zone.restore();
}

void Partition::cpu_halted(Cpu&)
{
    std::lock_guard lock(m_mutex);
    m_changed.notify_all();
}

// ---- Storage ---------------------------------------------------------------------------------------------------

bool Partition::assign_storage(u16 caller, u64 start, u64 length)
{
    bool assigned = false;
    m_cpus.find(caller)->while_not_executing([&] { assigned = m_zone.assign(start, length).has_value(); });
    return assigned;
}

bool Partition::unassign_storage(u16 caller, u64 start, u64 length)
{
    m_zone.unassign(start, length, [&] { m_cpus.forget_storage(*m_cpus.find(caller), start, length); });
    return true;
}

// ---- CPUs ------------------------------------------------------------------------------------------------------

bool Partition::configure_cpu(u16 caller, u16 address)
{
    bool granted = true;
    m_cpus.find(caller)->while_not_executing([&] {
        granted = !m_config.firmware || m_config.firmware->configure_cpu(address, true);
        m_cpus.find(address)->order_reset(true);
        // Whoever signals it next does not find it busy.
        m_cpus.find(address)->wait_for_orders();
    });
    if (!granted)
        return false;
    m_cpus.set_configured(address, true);
    m_online[address].start();
    return true;
}

bool Partition::deconfigure_cpu(u16 caller, u16 address)
{
    Cpu& cpu = *m_cpus.find(address);
    {
        std::lock_guard lock(m_cpus.signalling());
        // In this order: an order that is being carried out changes the state before it is done.
        if (address == caller || cpu.has_orders() || cpu.state() != RunState::stopped)
            return false;
        m_cpus.set_configured(address, false);
    }
    m_online[address].stop();
    // It has none to lose: the firmware may refuse or not be there.
    if (m_config.firmware)
        m_cpus.find(caller)->while_not_executing([&] { (void)m_config.firmware->configure_cpu(address, false); });
    return true;
}

// ---- Services ----------------------------------------------------------------------------------------------------

void Partition::service_signal(u32 parameter)
{
    m_service_signal.fetch_or(parameter);
    m_cpus.interruption_pending();
}

std::optional<u32> Partition::take_service_signal()
{
    u32 parameter = m_service_signal.exchange(0);
    return parameter ? std::optional(parameter) : std::nullopt;
}

void Partition::trace_service(const Cpu& cpu, u32 command, u64 sccb, u8 condition_code)
{
    constexpr u64 response_at = 6;
    auto response = m_storage->read_as<Be<u16>>(cpu.real_to_absolute(sccb) + response_at);
    m_service_trace(fmt::format("{} {:08x} {} SCCB {:x} -> cc {} response {:04x}", cpu.address(), command,
        ServiceProcessor::command_name(command), sccb, condition_code, response ? u16 { *response } : u16 { 0 }));
}

u8 Partition::service_call(Cpu& cpu, u32 command, u64 sccb)
{
    ++m_activity.service_calls;
    auto answer = m_services.service_call(command, cpu.real_to_absolute(sccb), cpu.prefix, cpu.address());
    if (!answer)
        cpu.program(answer.error());
    if (m_service_trace)
        trace_service(cpu, command, sccb, *answer);
    return *answer;
}

bool Partition::store_system_information(Cpu& cpu, u8 function, u8 selector_1, u16 selector_2, std::span<std::byte, 4096> block)
{
    auto information = m_information.store(function, selector_1, selector_2, cpu.address());
    if (information)
        std::ranges::copy(*information, block.begin());
    return information.has_value();
}

u64 Partition::extract_cpu_attribute(u8 attribute, u8 level, u8 type)
{
    return zvisor::extract_cpu_attribute(m_config.model.model.generation, attribute, level, type);
}

u8 Partition::perform_topology_function(Cpu& cpu, u8 function, u8& reason)
{
    std::expected<Topology::FunctionResult, ProgramCode> result;
    auto perform = [&] { result = m_topology.perform_function(function); };
    m_topology.waits(function) ? cpu.while_not_executing(perform) : perform();
    if (!result)
        throw ProgramInterruption { .code = result.error() };
    reason = static_cast<u8>(bits<48, 55>(result->r1));
    return result->condition_code;
}

} // namespace zvisor
