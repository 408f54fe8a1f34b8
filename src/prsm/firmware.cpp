#include "prsm/firmware.h"

#include "base/size.h"
#include "base/text.h"
#include "prsm/boards.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace zvisor {

namespace {

/// Host CPUs this process may run on, the first `count` of them.
[[nodiscard]] std::vector<u16> host_cpus(std::size_t count)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    std::vector<u16> numbers;
    for (u16 number = 0; number < CPU_SETSIZE && numbers.size() < count; ++number)
        if (CPU_ISSET(number, &allowed))
            numbers.push_back(number);
    return numbers;
}

[[nodiscard]] std::vector<u64> storage_of_boards(const MachineDefinition& machine)
{
    std::vector<u64> sizes;
    for (const auto& board : boards_of(machine))
        sizes.push_back(board.storage);
    return sizes;
}

[[nodiscard]] prsm::PartitionShare share_of(const PartitionDefinition& partition)
{
    prsm::PartitionShare share { .weight = partition.weight, .capped = partition.capped };
    if (partition.cap_hundredths)
        share.absolute_cap = partition.cap_hundredths;
    share.group = partition.group;
    share.dedicated = partition.dedicated;
    return share;
}

/// What an operator set, as it is kept; the polarization is the program's. Its name, and how it is read from and written to a share.
struct StoredProperty {
    std::string_view name;
    u32 (*get)(const prsm::PartitionShare&);
    void (*set)(prsm::PartitionShare&, u32);
};

constexpr std::array stored_properties {
    StoredProperty {
        "weight", [](const prsm::PartitionShare& s) { return s.weight; }, [](prsm::PartitionShare& s, u32 v) { s.weight = v; } },
    StoredProperty { "capped", [](const prsm::PartitionShare& s) { return u32 { s.capped }; },
        [](prsm::PartitionShare& s, u32 v) { s.capped = v != 0; } },
    StoredProperty { "cap", [](const prsm::PartitionShare& s) { return s.absolute_cap.value_or(0); },
        [](prsm::PartitionShare& s, u32 v) { s.absolute_cap = v ? std::optional(v) : std::nullopt; } },
};

/// Bytes of addresses a partition's process needs beyond its storage: tables and stacks, and translated code, twice mapped, of each CPU.
constexpr u64 beside_storage = u64 { 1 } << 30;
constexpr u64 beside_storage_for_cpu = u64 { 768 } << 20;

[[nodiscard]] u64 address_space_of(const PartitionDefinition& partition)
{
    return partition.maximum_memory + beside_storage + partition.maximum_cpus * beside_storage_for_cpu;
}

/// Those of its CPUs, and many more than devices, system-assist processors and the host's rings have.
[[nodiscard]] u64 threads_of(const PartitionDefinition& partition)
{
    constexpr u64 others = 256;
    return partition.maximum_cpus + others;
}

/// Characters of what a partition says of its making that are kept.
constexpr std::size_t longest_remark = 400;

/// Each block of storage is a descriptor.
void raise_descriptor_limit()
{
    rlimit limit {};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace

Result<std::unique_ptr<Firmware>> Firmware::create(MachineDefinition definition, FirmwareOptions options)
{
    raise_descriptor_limit();
    std::error_code error;
    std::filesystem::create_directories(options.folder, error);
    if (!error)
        std::filesystem::permissions(options.folder, std::filesystem::perms::owner_all, error);
    if (error)
        return fail(fmt::format("the machine's folder {} cannot be made: {}", options.folder, error.message()));
    auto bell = TRY(EventFd::create());
    if (options.state.empty())
        options.state = options.folder + "/state.db";
    auto store = TRY(Store::open(options.state));
    std::unique_ptr<Firmware> firmware(new Firmware(std::move(definition), std::move(options), std::move(store), std::move(bell)));
    TRY_VOID(firmware->start_dispatcher());
    firmware->m_watcher = std::jthread([raw = firmware.get()](const std::stop_token& stop) { raw->watch(stop); });
    return firmware;
}

Firmware::Firmware(MachineDefinition definition, FirmwareOptions options, std::unique_ptr<Store> store, EventFd bell)
    : m_definition(std::move(definition))
    , m_options(std::move(options))
    , m_store(std::move(store))
    , m_storage(storage_of_boards(m_definition), m_definition.block_size)
    , m_bell(std::move(bell))
    , m_shortage(m_options.memory_counters)
{
    for (const auto& partition : m_definition.partitions)
        m_partitions.emplace_back(new ManagedPartition(partition, *this, m_options.order_patience, m_options.undispatched));
}

Firmware::~Firmware()
{
    for (auto& partition : m_partitions) {
        end_process(*partition, "the machine ended");
        partition->console().close();
    }
    m_watcher.request_stop();
    m_bell.ring();
}

// ---- What there is -------------------------------------------------------------------------------------------------

Result<ManagedPartition*> Firmware::find(std::string_view name) const
{
    std::string names;
    for (const auto& partition : m_partitions) {
        if (partition->definition().name == name)
            return partition.get();
        names.append(names.empty() ? "" : ", ").append(partition->definition().name);
    }
    return fail(fmt::format("there is no partition '{}'; the machine {} has: {}", name, m_definition.name, names));
}

PartitionStatus Firmware::status_of(const ManagedPartition& partition) const
{
    PartitionStatus status { .definition = partition.definition(),
        .state = partition.state(),
        .why = partition.why(),
        .pid = partition.pid(),
        .storage = partition.block_count() * partition.definition().block_size,
        .cpu_time = partition.cpu_time(),
        .cpus = m_dispatcher->usage(partition.dispatch_id()) };
    if (!m_definition.boards.empty())
        status.boards = parts_on_boards(partition);
    auto share = partition.share();
    status.definition.weight = static_cast<u16>(share.weight);
    status.definition.capped = share.capped;
    status.definition.cap_hundredths = share.absolute_cap.value_or(0);
    return status;
}

std::vector<PartitionStatus> Firmware::partitions() const
{
    std::vector<PartitionStatus> all;
    for (const auto& partition : m_partitions)
        all.push_back(status_of(*partition));
    return all;
}

Result<PartitionStatus> Firmware::partition(std::string_view name) const
{
    return status_of(*TRY(find(name)));
}

Result<ConsoleBuffer*> Firmware::console(std::string_view name)
{
    return &TRY(find(name))->console();
}

Result<void> Firmware::type(std::string_view name, std::string_view text)
{
    TRY(find(name))->type(text);
    return {};
}

Result<void> Firmware::start_dispatcher()
{
    auto physical = host_cpus(m_definition.physical_cpus);
    if (physical.size() < m_definition.physical_cpus)
        return fail(fmt::format("the machine {} has {} physical CPUs, but this process may use {} of the host's", m_definition.name,
            m_definition.physical_cpus, physical.size()));
    m_dispatcher
        = TRY(prsm::Dispatcher::create({ .physical_cpus = std::move(physical) }, [this](prsm::PartitionId id, const std::string& why) {
              std::lock_guard lock(m_reports_mutex);
              m_reports[id] = why;
              m_bell.ring();
          }));
    for (const auto& group : m_definition.groups)
        TRY_VOID(m_dispatcher->set_group_cap(group.name, group.cap_hundredths));
    for (auto& partition : m_partitions)
        TRY_VOID(restore_properties(*partition));
    return {};
}

Result<void> Firmware::restore_properties(ManagedPartition& partition)
{
    auto share = share_of(partition.definition());
    for (const auto& property : stored_properties)
        if (auto value = TRY(m_store->property(partition.definition().name, std::string(property.name))))
            property.set(share, static_cast<u32>(std::strtoul(value->c_str(), nullptr, 10)));
    partition.set_share(std::move(share));
    return {};
}

Result<void> Firmware::set(std::string_view name, const PartitionChange& change)
{
    auto* partition = TRY(find(name));
    std::lock_guard lock(partition->changing());
    TRY_VOID(change_share(*partition, change));
    audit(name, "properties changed");
    return {};
}

Result<void> Firmware::change_share(ManagedPartition& partition, const PartitionChange& change)
{
    std::lock_guard lock(m_sharing);
    auto share = partition.share();
    share.weight = change.weight.value_or(share.weight);
    share.capped = change.capped.value_or(share.capped);
    share.vertical = change.vertical.value_or(share.vertical);
    if (change.cap_hundredths)
        share.absolute_cap = *change.cap_hundredths ? change.cap_hundredths : std::nullopt;
    constexpr u32 most_weight = 999;
    if (share.weight < 1 || share.weight > most_weight)
        return fail(fmt::format("weight must be 1 to {}, not {}", most_weight, share.weight));
    if (partition.pid() != 0)
        TRY_VOID(m_dispatcher->change(partition.dispatch_id(), share));
    for (const auto& property : stored_properties)
        if (property.get(share) != property.get(partition.share()))
            TRY_VOID(m_store->set_property(partition.definition().name, std::string(property.name), std::to_string(property.get(share))));
    partition.set_share(std::move(share));
    return {};
}

/// Takes a partition into dispatching, with a new region.
Result<std::shared_ptr<DispatchRegion>> Firmware::dispatch(ManagedPartition& partition)
{
    const auto& definition = partition.definition();
    auto region = TRY(DispatchRegion::create(definition.maximum_cpus));
    partition.set_dispatch_id(++m_dispatched);
    TRY_VOID(m_dispatcher->add(partition.dispatch_id(), region, definition.cpus, partition.share(), partition.pid()));
    return region;
}

// ---- What is done ----------------------------------------------------------------------------------------------------

Result<HeldBlocks> Firmware::initial_blocks(const PartitionDefinition& partition)
{
    HeldBlocks blocks;
    u64 count = partition.memory / partition.block_size;
    if (count > m_storage.free())
        return fail(fmt::format("partition {} begins with {} of storage, but of the machine's {} only {} is free", partition.name,
            size_text(partition.memory), size_text(m_definition.storage), size_text(m_storage.free() * m_storage.block_size())));
    TRY_VOID(m_storage.check(count));
    // As much as possible on one board.
    auto board = m_storage.board_with(count);
    for (u64 number = 0; number < count; ++number) {
        auto block = m_storage.take(board);
        if (!block) {
            m_storage.put_back(std::move(blocks));
            return std::unexpected(block.error());
        }
        blocks.emplace(number, std::move(*block));
    }
    return blocks;
}

Result<void> Firmware::start_process(ManagedPartition& partition)
{
    // What is left of one that failed.
    [[maybe_unused]] auto removed = m_dispatcher->remove(partition.dispatch_id());
    m_storage.put_back(partition.take_blocks());
    const auto& name = partition.definition().name;
    std::string socket = socket_of(partition);
    auto listener = TRY(listen_for_links(socket));
    // It waits there until the process takes it.
    auto link = TRY(Link::connect(socket));
    auto errors = TRY(partition.open_error_output());
    auto blocks = TRY(initial_blocks(partition.definition()));
    auto process = PartitionProcess::start({ .program = m_options.program, .name = name, .listener = listener.get(), .log = errors.get() });
    if (!process) {
        m_storage.put_back(std::move(blocks));
        return std::unexpected(process.error());
    }
    ControlGroups::Limits limits { .memory = address_space_of(partition.definition()), .threads = threads_of(partition.definition()) };
    if (auto confined = m_options.control_groups.confine(name, process->pid(), limits); !confined)
        m_events.add(name, "has no limits of a control group: " + confined.error().message);
    if (!process->separate())
        m_events.add(name, "the host allows no namespaces: the partition is confined by its list of system calls alone");
    auto attached = partition.attach(std::move(*process), std::move(link), std::move(blocks));
    m_bell.ring();
    return attached;
}

Result<void> Firmware::create_in_process(ManagedPartition& partition)
{
    const auto& definition = partition.definition();
    auto region = TRY(dispatch(partition));
    std::vector<UniqueFd> wires;
    std::vector<int> files { region->memory_fd(), region->doorbell_fd() };
    for (const auto& network : definition.networks) {
        wires.push_back(TRY(m_options.start_network(network)));
        files.push_back(wires.back().get());
    }
    if (definition.agent) {
        wires.push_back(TRY(connect_agent(partition)));
        files.push_back(wires.back().get());
    }
    auto boards = board_of_each_cpu(m_definition, definition);
    auto group = std::ranges::find(m_definition.groups, definition.group, &GroupDefinition::name);
    nlohmann::json members { { "profile", definition.profile }, { "block_size", definition.block_size },
        { "address_space", address_space_of(definition) }, { "number", definition.number }, { "dedicated", definition.dedicated },
        { "machine", m_definition.name }, { "physical_cpus", m_definition.physical_cpus }, { "group", definition.group },
        { "group_cap", group == m_definition.groups.end() ? 0 : group->cap_hundredths }, { "agent", definition.agent },
        { "boards", nlohmann::json::binary(std::move(boards)) }, { "global", definition.authority.global_performance_data } };
    auto answer = TRY(partition.order("create", std::move(members), files));
    for (auto [member, what] : { std::pair("missing", "the host does not allow "), std::pair("model", "") })
        if (auto text = answer.find(member); text != answer.end() && text->is_string() && !text->get_ref<const std::string&>().empty())
            m_events.add(definition.name, what + printable(text->get_ref<const std::string&>(), longest_remark));
    return {};
}

/// Makes a stream to the partition's agent; returns the partition's end.
Result<UniqueFd> Firmware::connect_agent(ManagedPartition& partition)
{
    std::array ends { -1, -1 };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
        return fail(fmt::format("no stream to the guest agent of {}: {}", partition.definition().name, std::strerror(errno)));
    partition.set_agent(std::make_shared<GuestAgent>(UniqueFd(ends[0])));
    return UniqueFd(ends[1]);
}

Result<void> Firmware::activate(std::string_view name)
{
    auto* partition = TRY(find(name));
    std::lock_guard lock(partition->changing());
    if (partition->state() != PartitionState::not_activated && partition->state() != PartitionState::failed)
        return fail(fmt::format("partition {} is activated already", name));
    auto created = start_process(*partition);
    if (created)
        created = create_in_process(*partition);
    if (!created) {
        end_process(*partition, "its activation failed");
        return created;
    }
    partition->activated();
    remember(*partition);
    audit(name, "activated");
    return {};
}

Result<void> Firmware::deactivate(std::string_view name)
{
    auto* partition = TRY(find(name));
    std::unique_lock lock(partition->changing(), std::try_to_lock);
    // An order it does not answer is not waited for.
    if (!lock.owns_lock() && partition->state() != PartitionState::not_activated)
        partition->kill_process();
    if (!lock.owns_lock())
        lock.lock();
    if (partition->state() == PartitionState::not_activated)
        return fail(fmt::format("partition {} is not activated", name));
    end_process(*partition, "it was deactivated");
    audit(name, "deactivated");
    return {};
}

void Firmware::end_process(ManagedPartition& partition, const std::string& why)
{
    partition.deactivate(why);
    // It may not have come so far.
    [[maybe_unused]] auto removed = m_dispatcher->remove(partition.dispatch_id());
    m_storage.put_back(partition.take_blocks());
    m_options.control_groups.remove(partition.definition().name);
    remember(partition);
}

std::string Firmware::socket_of(const ManagedPartition& partition) const
{
    return fmt::format("{}/{}.sock", m_options.folder, partition.definition().name);
}

void Firmware::remember(const ManagedPartition& partition)
{
    auto stored = m_store->set_process(partition.definition().name, partition.stored_process());
    if (!stored)
        m_events.add(partition.definition().name, stored.error().message);
}

void Firmware::audit(std::string_view partition, std::string_view text)
{
    auto stored = m_store->log(std::string(partition), std::string(text));
    if (!stored)
        m_events.add(std::string(partition), stored.error().message);
}

/// A partition whose process another firmware started goes on as if nothing had been.
void Firmware::take_up(ManagedPartition& partition)
{
    const auto& name = partition.definition().name;
    auto stored = m_store->process(name);
    if (!stored || !*stored)
        return;
    auto adopt = [&]() -> Result<void> {
        auto process = TRY(PartitionProcess::find((*stored)->pid, (*stored)->start_time));
        auto link = TRY(Link::connect(socket_of(partition)));
        auto region = TRY(dispatch(partition));
        auto errors = TRY(partition.open_error_output());
        std::vector<int> files { region->memory_fd(), region->doorbell_fd(), errors.get() };
        auto agent = partition.definition().agent ? TRY(connect_agent(partition)) : UniqueFd {};
        if (agent.valid())
            files.push_back(agent.get());
        return partition.adopt(std::move(process), std::move(link), files);
    };
    auto adopted = adopt();
    m_events.add(name, adopted ? "taken up from an earlier firmware" : "did not survive the firmware: " + adopted.error().message);
    if (!adopted)
        end_process(partition, "it did not survive the firmware");
}

Result<void> Firmware::simple_order(std::string_view name, std::string_view order)
{
    auto* partition = TRY(find(name));
    std::lock_guard lock(partition->changing());
    [[maybe_unused]] auto answer = TRY(partition->order(order));
    audit(name, order);
    return {};
}

Result<void> Firmware::load(std::string_view name)
{
    return simple_order(name, "load");
}

Result<void> Firmware::stop(std::string_view name)
{
    return simple_order(name, "stop");
}

Result<void> Firmware::start(std::string_view name)
{
    return simple_order(name, "start");
}

Result<void> Firmware::reset(std::string_view name)
{
    return simple_order(name, "reset");
}

Result<void> Firmware::shut_down(std::string_view name)
{
    auto* partition = TRY(find(name));
    bool may_ask_agent = partition->agent() && partition->state() == PartitionState::operating;
    auto answer = TRY(order_quiesce(*partition, may_ask_agent));
    bool done = answer.get<bool>("asked").value_or(false);
    if (answer.get<bool>("agent").value_or(false))
        done = ask_agent_to_shut_down(*partition, GuestAgent::brief_shutdown_patience)
            || TRY(order_quiesce(*partition, false)).get<bool>("asked").value_or(false)
            || ask_agent_to_shut_down(*partition, GuestAgent::shutdown_patience);
    if (!done)
        return fail(fmt::format("the program in partition {} cannot be asked to shut down", name));
    audit(name, "shutdown");
    return {};
}

/// `agent_first`: a program that has the port of its agent open is not signalled, and that is said.
Result<LinkMessage> Firmware::order_quiesce(ManagedPartition& partition, bool agent_first)
{
    std::lock_guard lock(partition.changing());
    return LinkMessage { .body = TRY(partition.order("quiesce", { { "agent_first", agent_first } })), .files = {} };
}

/// False: the agent does not do it.
bool Firmware::ask_agent_to_shut_down(ManagedPartition& partition, std::chrono::milliseconds time)
{
    auto agent = partition.agent();
    auto patience = Patience::of(time);
    patience.given_up = [&] { return partition.state() != PartitionState::operating; };
    return agent && agent->shut_down(patience);
}

void Firmware::start_all()
{
    for (const auto& partition : m_partitions)
        take_up(*partition);
    for (const auto& managed : m_partitions) {
        const auto& partition = managed->definition();
        if (!partition.autostart || managed->state() != PartitionState::not_activated)
            continue;
        auto started = activate(partition.name);
        if (started)
            started = load(partition.name);
        if (!started)
            m_events.add(partition.name, started.error().message);
    }
}

} // namespace zvisor
