// What the firmware hears of partitions: their wishes, their ends, and what their processes use.

#include "prsm/firmware.h"

#include "prsm/activity_messages.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fmt/format.h>
#include <numeric>
#include <poll.h>

namespace zvisor {

namespace {

/// CPU times are looked at so often while there are partitions.
constexpr std::chrono::seconds look_every { 1 };
/// Who has said too much is listened to again after this, in milliseconds.
constexpr int muted_for = 20;
/// Descriptors watched for a partition.
constexpr std::size_t entries = 3;

[[nodiscard]] std::chrono::nanoseconds cpu_time_of_thread()
{
    timespec time {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

} // namespace

// ---- What partitions want --------------------------------------------------------------------------------------------

void Firmware::state_changed(ManagedPartition& partition, PartitionState state, const std::string& why)
{
    auto text = fmt::format("{}{}{}", name_of(state), why.empty() ? "" : ": ", why);
    // Which it cannot bring about as often as it likes.
    if (state == PartitionState::failed || state == PartitionState::not_activated)
        m_events.add(partition.definition().name, std::move(text));
    else
        m_events.add_told(partition.definition().name, std::move(text));
}

Result<UniqueFd> Firmware::block_wanted(ManagedPartition& partition, u64 block)
{
    auto memory = m_reserve.take(partition);
    m_events.add_told(partition.definition().name,
        memory ? fmt::format("took block {} of storage online", block) : "storage was refused: " + memory.error().message);
    return memory;
}

bool Firmware::cpu_wanted(ManagedPartition& partition, u16 cpu, bool configured)
{
    const auto& definition = partition.definition();
    // One that is taken up tells of all its CPUs.
    auto usage = m_dispatcher->usage(partition.dispatch_id());
    if (cpu < usage.size() && usage[cpu].configured == configured)
        return true;
    auto done = m_dispatcher->configure({ partition.dispatch_id(), cpu }, configured);
    m_events.add_told(definition.name,
        done ? fmt::format("CPU {} is {}", cpu, configured ? "configured" : "in standby")
             : fmt::format("CPU {} was refused: {}", cpu, done.error().message));
    return done.has_value();
}

bool Firmware::polarization_wanted(ManagedPartition& partition, bool vertical)
{
    // One that is taken up tells its own.
    if (partition.share().vertical == vertical)
        return true;
    auto done = change_share(partition, { .weight = {}, .capped = {}, .cap_hundredths = {}, .vertical = vertical });
    m_events.add_told(partition.definition().name,
        done ? fmt::format("its CPUs are polarized {}", vertical ? "vertically" : "horizontally")
             : fmt::format("polarization was refused: {}", done.error().message));
    return done.has_value();
}

std::vector<nlohmann::json> Firmware::activity_wanted(ManagedPartition& partition)
{
    if (!partition.definition().authority.global_performance_data)
        return {};
    std::vector<PartitionUsage> all;
    for (auto& status : partitions())
        all.push_back({ .definition = std::move(status.definition),
            .active = status.pid != 0,
            .storage = status.storage,
            .cpus = std::move(status.cpus) });
    return activity_messages(m_definition, all, m_dispatcher->usage().own);
}

bool Firmware::block_adopted(ManagedPartition&, const UniqueFd& block)
{
    return m_storage.adopt(block);
}

void Firmware::block_given_back(ManagedPartition& partition, UniqueFd block)
{
    m_reserve.put_back(std::move(block));
    m_events.add_told(partition.definition().name, "took a block of storage offline");
}

// ---- The watching thread ---------------------------------------------------------------------------------------------

void Firmware::end_hostile(ManagedPartition& partition, const std::string& why)
{
    m_events.add(partition.definition().name, "is ended: " + why);
    partition.kill_process();
}

/// Ends partitions that broke the rules of dispatching; what is left of them is for the watching thread like any other end.
void Firmware::end_reported()
{
    std::map<prsm::PartitionId, std::string> reports;
    {
        std::lock_guard lock(m_reports_mutex);
        reports.swap(m_reports);
    }
    for (const auto& [id, why] : reports)
        for (auto& partition : m_partitions)
            if (partition->dispatch_id() == id)
                end_hostile(*partition, why);
}

/// A partition that the host ended for want of memory: while its storage is kept the host has no more of it, and ends the next.
void Firmware::give_storage_to_host(ManagedPartition& partition)
{
    auto blocks = partition.take_blocks();
    if (blocks.empty())
        return;
    m_storage.put_back(std::move(blocks));
    m_events.add(partition.definition().name, "the host had no memory left: its storage is given back and cannot be dumped");
}

/// Threads that run without a logical CPU being dispatched cost the partition of its share, and too much of them its life.
void Firmware::look_at_times(std::chrono::steady_clock::time_point now)
{
    if (now - m_times_seen < look_every)
        return;
    m_times_seen = now;
    [[maybe_unused]] bool known = m_shortage.there_is(now);
    for (auto& partition : m_partitions) {
        auto usage = m_dispatcher->usage(partition->dispatch_id());
        auto dispatched = std::accumulate(usage.begin(), usage.end(), std::chrono::nanoseconds(0),
            [](auto sum, const prsm::LogicalCpuUsage& cpu) { return sum + cpu.dispatched; });
        auto verdict = partition->look_at_time(now, dispatched);
        if (verdict.charge.count() > 0)
            m_dispatcher->charge(partition->dispatch_id(), verdict.charge);
        if (verdict.excessive)
            end_hostile(*partition, "its process used the host's CPUs where no logical CPU was dispatched");
    }
}

void Firmware::listen(ManagedPartition& partition, const Watched& watched)
{
    if (!watched.link && !watched.errors && !watched.process)
        return;
    // Its own time: what the host lets others do meanwhile is no fault of the partition's.
    auto began = cpu_time_of_thread();
    if (watched.errors)
        partition.read_errors();
    // What it said before it ended comes first.
    if (watched.link)
        partition.receive();
    else if (watched.process) {
        partition.process_ended();
        if (partition.state() == PartitionState::failed && m_shortage.there_is(std::chrono::steady_clock::now()))
            give_storage_to_host(partition);
    }
    partition.heard(cpu_time_of_thread() - began, std::chrono::steady_clock::now());
}

void Firmware::watch(const std::stop_token& stop)
{
    std::vector<pollfd> watched;
    while (!stop.stop_requested()) {
        auto now = std::chrono::steady_clock::now();
        int patience = -1;
        watched.assign(1, { m_bell.fd(), POLLIN, 0 });
        // In order; poll ignores descriptors of -1.
        for (const auto& partition : m_partitions) {
            bool muted = !partition->is_heard(now);
            watched.push_back({ muted ? -1 : partition->link_fd(), POLLIN, 0 });
            watched.push_back({ muted ? -1 : partition->error_fd(), POLLIN, 0 });
            watched.push_back({ partition->process_fd(), POLLIN, 0 });
            if (muted)
                patience = muted_for;
            else if (patience < 0 && watched.back().fd >= 0)
                patience = std::chrono::milliseconds(look_every).count();
        }
        if (poll(watched.data(), watched.size(), patience) < 0 && errno != EINTR)
            return;
        m_bell.silence();
        end_reported();
        look_at_times(std::chrono::steady_clock::now());
        for (std::size_t i = 0; i < m_partitions.size(); ++i) {
            const auto* of = &watched[1 + entries * i];
            listen(*m_partitions[i], { .link = of[0].revents != 0, .errors = of[1].revents != 0, .process = of[2].revents != 0 });
        }
    }
}

} // namespace zvisor
