#include "prsm/managed_partition.h"

#include "base/text.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

namespace zvisor {

namespace {

struct StateName {
    PartitionState state;
    std::string_view name;
};

constexpr std::array names { StateName { PartitionState::not_activated, "not-activated" },
    StateName { PartitionState::not_operating, "not-operating" }, StateName { PartitionState::operating, "operating" },
    StateName { PartitionState::stopped, "stopped" }, StateName { PartitionState::disabled_wait, "disabled-wait" },
    StateName { PartitionState::failed, "failed" } };

/// States a partition tells of.
constexpr std::array program_states { PartitionState::not_operating, PartitionState::operating, PartitionState::stopped,
    PartitionState::disabled_wait };

/// Console input is given in pieces, and no more than this waits.
constexpr std::size_t longest_piece = 4096;
constexpr std::size_t most_typed = 1 << 20;
/// Milliseconds a partition may take to read orders, and answers to its questions, for which the watching thread waits.
constexpr int send_patience = 2'000;
constexpr int answer_patience = 50;
/// Characters of a reason or an error that are kept.
constexpr std::size_t longest_reason = 200;
constexpr std::size_t longest_error = 500;

/// Whether a descriptor, or -1, can be read without waiting.
[[nodiscard]] bool is_readable(int fd)
{
    pollfd entry { fd, POLLIN, 0 };
    return poll(&entry, 1, 0) > 0;
}

} // namespace

std::string_view name_of(PartitionState state)
{
    return names[static_cast<std::size_t>(state)].name;
}

PartitionState ManagedPartition::state() const
{
    std::lock_guard lock(m_mutex);
    return m_state;
}

std::string ManagedPartition::why() const
{
    std::lock_guard lock(m_mutex);
    return m_why;
}

pid_t ManagedPartition::pid() const
{
    std::lock_guard lock(m_mutex);
    return m_process ? m_process->pid() : 0;
}

u64 ManagedPartition::cpu_time() const
{
    std::shared_ptr<PartitionProcess> process;
    {
        std::lock_guard lock(m_mutex);
        process = m_process;
    }
    return process ? process->cpu_time() : 0;
}

std::optional<StoredProcess> ManagedPartition::stored_process() const
{
    std::lock_guard lock(m_mutex);
    if (!m_process)
        return {};
    return StoredProcess { .pid = m_process->pid(), .start_time = m_process->start_time() };
}

int ManagedPartition::link_fd() const
{
    std::lock_guard lock(m_mutex);
    return m_link ? m_link->fd() : -1;
}

int ManagedPartition::process_fd() const
{
    std::lock_guard lock(m_mutex);
    return m_process ? m_process->fd() : -1;
}

int ManagedPartition::error_fd() const
{
    std::lock_guard lock(m_error_mutex);
    return m_errors.fd();
}

Result<UniqueFd> ManagedPartition::open_error_output()
{
    std::lock_guard lock(m_error_mutex);
    return m_errors.open();
}

Result<void> ManagedPartition::attach(PartitionProcess process, std::shared_ptr<Link> link, HeldBlocks blocks)
{
    std::lock_guard lock(m_mutex);
    m_process = std::make_shared<PartitionProcess>(std::move(process));
    m_link = std::move(link);
    m_blocks = std::move(blocks);
    m_registers.clear();
    m_typed.clear();
    m_typing = 0;
    return send_blocks(*m_link, m_blocks, { { "order", "blocks" }, { "id", 0 } }, send_patience);
}

std::vector<CpuStatus> ManagedPartition::last_registers() const
{
    std::lock_guard lock(m_mutex);
    return m_registers;
}

u64 ManagedPartition::block_count() const
{
    std::lock_guard lock(m_mutex);
    return m_blocks.size();
}

Result<HeldBlocks> ManagedPartition::copy_blocks() const
{
    std::lock_guard lock(m_mutex);
    HeldBlocks copies;
    for (const auto& [number, block] : m_blocks) {
        UniqueFd copy { fcntl(block.get(), F_DUPFD_CLOEXEC, 0) };
        if (!copy.valid())
            return fail(fmt::format("no descriptor for block {} of {}: {}", number, m_definition.name, std::strerror(errno)));
        copies.emplace(number, std::move(copy));
    }
    return copies;
}

HeldBlocks ManagedPartition::take_blocks()
{
    std::lock_guard lock(m_mutex);
    return m_process ? HeldBlocks {} : std::exchange(m_blocks, {});
}

std::shared_ptr<GuestAgent> ManagedPartition::agent() const
{
    std::lock_guard lock(m_mutex);
    return m_agent;
}

void ManagedPartition::set_agent(std::shared_ptr<GuestAgent> agent)
{
    std::lock_guard lock(m_mutex);
    m_agent = std::move(agent);
}

prsm::PartitionShare ManagedPartition::share() const
{
    std::lock_guard lock(m_mutex);
    return m_share;
}

void ManagedPartition::set_share(prsm::PartitionShare share)
{
    std::lock_guard lock(m_mutex);
    m_share = std::move(share);
}

Result<void> ManagedPartition::adopt(PartitionProcess process, std::shared_ptr<Link> link, std::span<const int> dispatch_region)
{
    {
        std::lock_guard lock(m_mutex);
        m_process = std::make_shared<PartitionProcess>(std::move(process));
        m_link = std::move(link);
    }
    m_observer.watch_changed();
    auto answer = TRY(order("adopt", nlohmann::json::object(), dispatch_region));
    LinkMessage told { .body = std::move(answer), .files = {} };
    take_state(told);
    if (state() == PartitionState::not_activated)
        return fail(fmt::format("partition {} does not say what state it is in", m_definition.name));
    return {};
}

Result<nlohmann::json> ManagedPartition::order(std::string_view name, nlohmann::json members, std::span<const int> files)
{
    std::unique_lock lock(m_mutex);
    if (!m_link)
        return fail(no_link());
    u64 id = ++m_last_order;
    m_replies[id] = {};
    members["order"] = name;
    members["id"] = id;
    auto link = m_link;
    lock.unlock();
    auto sent = link->send(members, files, send_patience);
    lock.lock();
    bool answered = sent && m_replied.wait_for(lock, m_order_patience, [&] { return m_replies[id].arrived || !m_link; });
    Reply reply = std::move(m_replies[id]);
    m_replies.erase(id);
    if (!answered || !reply.arrived)
        return fail(fmt::format("partition {} does not answer the order '{}'{}", m_definition.name, name,
            m_link          ? ""
                : m_process ? ": its link is broken"
                            : ": its process has ended"));
    if (auto error = reply.body.find("error"); error != reply.body.end() && error->is_string())
        return fail(fmt::format("partition {}: {}", m_definition.name, printable(error->get_ref<const std::string&>(), longest_error)));
    return std::move(reply.body);
}

/// Under the lock.
std::string ManagedPartition::no_link() const
{
    if (m_process)
        return fmt::format("partition {} cannot be reached: its link is broken; deactivate it", m_definition.name);
    return fmt::format("partition {} is not activated", m_definition.name);
}

void ManagedPartition::become(PartitionState state, const std::string& why)
{
    {
        std::lock_guard lock(m_mutex);
        // What one said that is being deactivated comes too late.
        bool late = state != PartitionState::not_activated && !m_process;
        if (late || (m_state == state && m_why == why))
            return;
        m_state = state;
        m_why = why;
    }
    m_observer.state_changed(*this, state, why);
}

void ManagedPartition::deactivate(const std::string& why)
{
    std::shared_ptr<PartitionProcess> process;
    {
        std::lock_guard lock(m_mutex);
        process = std::exchange(m_process, nullptr);
        drop_link();
    }
    if (process) {
        process->kill();
        [[maybe_unused]] auto end = process->wait();
    }
    become(PartitionState::not_activated, why);
}

void ManagedPartition::kill_process()
{
    std::lock_guard lock(m_mutex);
    if (m_process)
        m_process->kill();
}

/// Under the lock.
void ManagedPartition::drop_link()
{
    if (m_link)
        m_link->shut_down();
    m_link.reset();
    m_replied.notify_all();
}

bool ManagedPartition::lose_link(const Link& link)
{
    std::lock_guard lock(m_mutex);
    if (m_link.get() != &link)
        return false;
    drop_link();
    return true;
}

void ManagedPartition::break_link(const Link& link, const std::string& why)
{
    if (lose_link(link))
        m_observer.noted(*this, "its link is broken: " + why);
}

void ManagedPartition::process_ended()
{
    // It may be another process than the one that was watched.
    if (!is_readable(process_fd()))
        return;
    read_last_errors();
    std::string why;
    {
        std::lock_guard lock(m_mutex);
        if (!m_process || !is_readable(m_process->fd()))
            return;
        // In one step: whoever finds that there is no process may change this state, and it stays changed.
        why = "its process " + std::exchange(m_process, nullptr)->wait();
        m_state = PartitionState::failed;
        m_why = why;
        drop_link();
    }
    m_observer.state_changed(*this, PartitionState::failed, why);
}

// ---- What the process says -----------------------------------------------------------------------------------------

void ManagedPartition::receive()
{
    std::shared_ptr<Link> link;
    {
        std::lock_guard lock(m_mutex);
        link = m_link;
    }
    // It may be another link than the one that was watched.
    if (!link || !is_readable(link->fd()))
        return;
    auto message = link->receive();
    if (message && *message)
        handle(**message);
    else if (message)
        (void)lose_link(*link);
    else
        break_link(*link, message.error().message);
}

std::function<void(std::string_view)> ManagedPartition::note_line()
{
    return [this](std::string_view line) { m_observer.noted(*this, fmt::format("its process says: {}", line)); };
}

void ManagedPartition::read_last_errors()
{
    std::lock_guard lock(m_error_mutex);
    m_errors.finish(note_line());
}

void ManagedPartition::read_errors()
{
    std::lock_guard lock(m_error_mutex);
    m_errors.read(note_line());
}

UndispatchedTime::Verdict ManagedPartition::look_at_time(Allowance::Time now, std::chrono::nanoseconds dispatched)
{
    pid_t process = pid();
    if (std::exchange(m_time_of, process) != process)
        m_time = UndispatchedTime(m_time_limits);
    return process == 0 ? UndispatchedTime::Verdict {} : m_time.look(now, std::chrono::nanoseconds(cpu_time()), dispatched);
}

void ManagedPartition::handle(LinkMessage& message)
{
    using Handler = void (ManagedPartition::*)(LinkMessage&);
    static constexpr std::array<std::pair<std::string_view, Handler>, 8> events { { { "state", &ManagedPartition::take_state },
        { "console", &ManagedPartition::take_console }, { "obtain", &ManagedPartition::take_obtain },
        { "give-back", &ManagedPartition::take_give_back }, { "held", &ManagedPartition::take_held },
        { "configure-cpu", &ManagedPartition::take_configure_cpu }, { "polarization", &ManagedPartition::take_polarization },
        { "activity", &ManagedPartition::take_activity } } };
    if (message.body.contains("reply"))
        return take_reply(message);
    auto name = message.get<std::string>("event").value_or("");
    for (auto [event, handler] : events)
        if (event == name)
            (this->*handler)(message);
    if (name == "input-room")
        type_more();
}

void ManagedPartition::take_reply(LinkMessage& message)
{
    bool typed = false;
    {
        std::lock_guard lock(m_mutex);
        u64 id = message.get<u64>("reply").value_or(0);
        if (id == m_typing && id != 0) {
            m_typing = 0;
            std::size_t taken = message.get<std::size_t>("taken").value_or(m_typed.size());
            m_typed.erase(0, std::min(taken, m_typed.size()));
            typed = taken != 0;
        }
        // An answer to nothing that was asked is ignored.
        if (auto waiting = m_replies.find(id); waiting != m_replies.end()) {
            waiting->second = { .arrived = true, .body = std::move(message.body) };
            m_replied.notify_all();
        }
    }
    if (typed)
        type_more();
}

void ManagedPartition::take_state(LinkMessage& message)
{
    auto name = message.get<std::string>("state").value_or("");
    auto why = printable(message.get<std::string>("why").value_or(""), longest_reason);
    for (auto state : program_states) {
        if (name_of(state) != name)
            continue;
        {
            std::lock_guard lock(m_mutex);
            m_registers = state == PartitionState::disabled_wait ? cpus_of(message.body) : std::vector<CpuStatus> {};
        }
        become(state, why);
    }
}

void ManagedPartition::take_console(LinkMessage& message)
{
    if (auto text = message.get<nlohmann::json::binary_t>("text"))
        m_console.append({ reinterpret_cast<const char*>(text->data()), text->size() });
}

void ManagedPartition::take_obtain(LinkMessage& message)
{
    u64 number = message.get<u64>("block").value_or(~u64 { 0 });
    u64 most = m_definition.maximum_memory / m_definition.block_size;
    bool held = false;
    {
        std::lock_guard lock(m_mutex);
        held = m_blocks.contains(number);
    }
    Result<UniqueFd> block = fail("the partition cannot have this block");
    if (!held && number < most)
        block = m_observer.block_wanted(*this, number);
    nlohmann::json order { { "order", block ? "blocks" : "refuse" }, { "id", 0 }, { "block", number }, { "first", number } };
    std::vector<int> files;
    if (block)
        files.push_back(block->get());
    else
        order["why"] = block.error().message;
    bool sent = tell(order, files);
    if (block && sent)
        keep_block(number, std::move(*block));
    else if (block)
        m_observer.block_given_back(*this, std::move(*block));
}

/// The block is the partition's if that is still there.
void ManagedPartition::keep_block(u64 number, UniqueFd block)
{
    {
        std::lock_guard lock(m_mutex);
        if (m_process) {
            m_blocks[number] = std::move(block);
            return;
        }
    }
    m_observer.block_given_back(*this, std::move(block));
}

/// Sends what it asked for; who does not read that loses its link.
bool ManagedPartition::tell(const nlohmann::json& order, std::span<const int> files)
{
    std::shared_ptr<Link> link;
    {
        std::lock_guard lock(m_mutex);
        link = m_link;
    }
    if (!link)
        return false;
    auto sent = link->send(order, files, answer_patience);
    if (!sent)
        break_link(*link, sent.error().message);
    return sent.has_value();
}

/// What an adopted partition has; it counts as much as it claims and gives no more than its own storage away.
void ManagedPartition::take_held(LinkMessage& message)
{
    u64 number = message.get<u64>("first").value_or(~u64 { 0 });
    u64 most = m_definition.maximum_memory / m_definition.block_size;
    for (auto& file : message.files) {
        {
            std::lock_guard lock(m_mutex);
            if (number >= most || m_blocks.contains(number) || m_state != PartitionState::not_activated)
                return;
        }
        if (m_observer.block_adopted(*this, file))
            keep_block(number, std::move(file));
        ++number;
    }
}

void ManagedPartition::take_give_back(LinkMessage& message)
{
    UniqueFd block;
    {
        std::lock_guard lock(m_mutex);
        auto found = m_blocks.find(message.get<u64>("block").value_or(~u64 { 0 }));
        if (found == m_blocks.end())
            return;
        block = std::move(found->second);
        m_blocks.erase(found);
    }
    m_observer.block_given_back(*this, std::move(block));
}

// ---- CPUs ------------------------------------------------------------------------------------------------------------

void ManagedPartition::take_configure_cpu(LinkMessage& message)
{
    auto cpu = message.get<u16>("cpu");
    auto configured = message.get<bool>("configured");
    answer(message, cpu && configured && *cpu < m_definition.maximum_cpus && m_observer.cpu_wanted(*this, *cpu, *configured));
}

void ManagedPartition::take_polarization(LinkMessage& message)
{
    auto vertical = message.get<bool>("vertical");
    answer(message, vertical && m_observer.polarization_wanted(*this, *vertical));
}

void ManagedPartition::answer(const LinkMessage& message, bool granted)
{
    nlohmann::json order { { "order", "answer" }, { "id", 0 }, { "question", message.get<u64>("question").value_or(0) },
        { "granted", granted } };
    [[maybe_unused]] bool told = tell(order);
}

void ManagedPartition::take_activity(LinkMessage& message)
{
    auto now = std::chrono::steady_clock::now();
    bool too_soon = false;
    {
        std::lock_guard lock(m_mutex);
        too_soon = now - m_activity_told < activity_interval;
        if (!too_soon)
            m_activity_told = now;
    }
    auto orders = too_soon ? std::vector<nlohmann::json> {} : m_observer.activity_wanted(*this);
    if (orders.empty())
        return answer(message, false);
    for (auto& order : orders) {
        order["question"] = message.get<u64>("question").value_or(0);
        if (!tell(order))
            return;
    }
}

// ---- Console input ---------------------------------------------------------------------------------------------------

void ManagedPartition::type(std::string_view text)
{
    {
        std::lock_guard lock(m_mutex);
        m_typed.append(text.substr(0, most_typed - std::min(most_typed, m_typed.size())));
    }
    type_more();
}

/// Gives the next piece when none is on its way; its answer, or room at the console, brings the next.
void ManagedPartition::type_more()
{
    nlohmann::json order;
    {
        std::lock_guard lock(m_mutex);
        if (m_typing != 0 || m_typed.empty() || !m_link)
            return;
        m_typing = ++m_last_order;
        std::string_view piece = std::string_view(m_typed).substr(0, longest_piece);
        order = { { "order", "type" }, { "id", m_typing }, { "text", nlohmann::json::binary({ piece.begin(), piece.end() }) } };
    }
    [[maybe_unused]] bool told = tell(order);
}

} // namespace zvisor
