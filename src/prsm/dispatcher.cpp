// The dispatcher's thread, its configuration and its figures.

#include "prsm/dispatcher.h"

#include "base/futex.h"
#include "base/host_priority.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>

namespace zvisor::prsm {

namespace {

/// In the place of a partition in events.
constexpr u64 own_wake = ~u64 { 0 };
/// A partition may ring so often in a window; then it is not heard until the next.
constexpr nanoseconds hearing_window = std::chrono::milliseconds(10);
constexpr unsigned most_heard = 300;

[[nodiscard]] Result<void> check_host_cpus(const std::vector<u16>& numbers)
{
    for (u16 number : numbers)
        if (number >= CPU_SETSIZE)
            return fail(fmt::format("{} is no number of a host CPU: they end at {}", number, CPU_SETSIZE - 1));
    return {};
}

[[nodiscard]] bool watch(int events, int operation, int fd, u32 what, u64 data)
{
    epoll_event event { .events = what, .data = { .u64 = data } };
    return epoll_ctl(events, operation, fd, &event) == 0;
}

[[nodiscard]] std::timespec to_timespec(nanoseconds time)
{
    constexpr i64 second = 1'000'000'000;
    return { .tv_sec = time.count() / second, .tv_nsec = time.count() % second };
}

} // namespace

Result<std::unique_ptr<Dispatcher>> Dispatcher::create(Options options, Report report)
{
    TRY_VOID(check_host_cpus(options.physical_cpus));
    // The policy knows what else a list of physical CPUs must be.
    TRY_VOID(Policy({ 0 }).set_physical_cpus({}, options.physical_cpus));
    UniqueFd events(epoll_create1(EPOLL_CLOEXEC));
    auto wake = TRY(EventFd::create());
    if (!events.valid() || !watch(events.get(), EPOLL_CTL_ADD, wake.fd(), EPOLLIN, own_wake))
        return fail(fmt::format("cannot wait for doorbells: {}", std::strerror(errno)));
    return std::unique_ptr<Dispatcher>(new Dispatcher(std::move(options), std::move(report), std::move(events), std::move(wake)));
}

Dispatcher::Dispatcher(Options options, Report report, UniqueFd events, EventFd wake)
    : m_options(std::move(options))
    , m_report(std::move(report))
    , m_events(std::move(events))
    , m_wake(std::move(wake))
    , m_created(now())
    , m_policy(m_options.physical_cpus)
    , m_thread([this](const std::stop_token& stop) { run(stop); })
{
}

Dispatcher::~Dispatcher()
{
    m_thread.request_stop();
    m_wake.ring();
}

nanoseconds Dispatcher::now()
{
    return std::chrono::steady_clock::now().time_since_epoch();
}

// ---- The thread ------------------------------------------------------------------------------------------------------

void Dispatcher::run(const std::stop_token& stop)
{
    prefer_low_latency(m_options.real_time);
    while (!stop.stop_requested()) {
        wait_for_event();
        std::unique_lock lock(m_mutex);
        // Rings that say nothing cost next to nothing.
        auto time = now();
        if (m_news || next_event().value_or(time + nanoseconds(1)) <= time)
            serve(time);
        deliver(lock);
    }
}

std::optional<nanoseconds> Dispatcher::next_event() const
{
    auto next = m_policy.next_decision();
    auto at_time = [&](nanoseconds time) { next = std::min(next.value_or(time), time); };
    for (const auto& [id, partition] : m_partitions) {
        for (const Logical& cpu : partition.cpus)
            if (cpu.due)
                at_time(*cpu.due);
        if (partition.deaf)
            at_time(partition.hearing_since + hearing_window);
    }
    return next;
}

void Dispatcher::wait_for_event()
{
    std::optional<nanoseconds> next;
    {
        std::lock_guard lock(m_mutex);
        next = next_event();
    }
    std::timespec limit = to_timespec(std::max(next.value_or(now()) - now(), nanoseconds(0)));
    std::array<epoll_event, 16> events {};
    int count = epoll_pwait2(m_events.get(), events.data(), events.size(), next ? &limit : nullptr, nullptr);
    std::lock_guard lock(m_mutex);
    ++m_wakeups;
    for (int i = 0; i < count; ++i) {
        u64 data = events[static_cast<std::size_t>(i)].data.u64;
        if (data == own_wake)
            m_wake.silence();
        else
            heard(static_cast<PartitionId>(data), now());
    }
    hear_again(now());
}

// ---- Doorbells -------------------------------------------------------------------------------------------------------

/// Edges: the doorbell is never read, since the partition could make that block.
Result<void> Dispatcher::listen_to(PartitionId id, const DispatchRegion& region)
{
    if (!watch(m_events.get(), EPOLL_CTL_ADD, region.doorbell_fd(), EPOLLIN | EPOLLET, id))
        return fail(fmt::format("cannot wait for the doorbell of partition {}: {}", id, std::strerror(errno)));
    return {};
}

/// The partition has a copy of the descriptor, so closing ours would not end the watch.
void Dispatcher::stop_listening(Partition& partition)
{
    (void)watch(m_events.get(), EPOLL_CTL_DEL, partition.region->doorbell_fd(), 0, 0);
    partition.deaf = false;
}

void Dispatcher::heard(PartitionId id, nanoseconds time)
{
    auto found = m_partitions.find(id);
    if (found == m_partitions.end() || found->second.suspended)
        return;
    Partition& partition = found->second;
    if (time - partition.hearing_since > hearing_window) {
        partition.hearing_since = time;
        partition.heard = 0;
    }
    if (++partition.heard > most_heard)
        partition.deaf = watch(m_events.get(), EPOLL_CTL_MOD, partition.region->doorbell_fd(), 0, id);
    read_doorbell(id, time);
}

void Dispatcher::hear_again(nanoseconds time)
{
    for (auto& [id, partition] : m_partitions)
        if (partition.deaf && time - partition.hearing_since >= hearing_window)
            // What rang meanwhile makes an edge at once.
            partition.deaf = !watch(m_events.get(), EPOLL_CTL_MOD, partition.region->doorbell_fd(), EPOLLIN | EPOLLET, id);
}

void Dispatcher::deliver(std::unique_lock<std::mutex>& lock)
{
    auto misdeeds = std::exchange(m_misdeeds, {});
    lock.unlock();
    for (const Misdeed& misdeed : misdeeds)
        m_report(misdeed.partition, misdeed.why);
}

// ---- Configuration -----------------------------------------------------------------------------------------------------

template<class Change>
Result<void> Dispatcher::reconfigure(Change change)
{
    std::unique_lock lock(m_mutex);
    TRY_VOID(change(now()));
    publish();
    serve(now());
    m_wake.ring();
    deliver(lock);
    return {};
}

Result<void> Dispatcher::add(
    PartitionId id, std::shared_ptr<DispatchRegion> region, u32 logical_cpus, PartitionShare share, std::optional<pid_t> process)
{
    return reconfigure([&](nanoseconds time) -> Result<void> {
        auto cells = static_cast<u32>(region->cells().size());
        TRY_VOID(m_policy.add(time, id, cells, logical_cpus, share));
        if (auto listening = listen_to(id, *region); !listening) {
            (void)m_policy.remove(time, id);
            return listening;
        }
        Partition& partition = m_partitions[id];
        partition.region = region;
        partition.process = process;
        partition.cpus.resize(cells);
        for (u32 i = 0; i < logical_cpus; ++i)
            partition.cpus[i].configured_at = time;
        take_over(id, time);
        return {};
    });
}

Result<void> Dispatcher::remove(PartitionId id)
{
    return reconfigure([&](nanoseconds time) -> Result<void> {
        TRY_VOID(m_policy.remove(time, id));
        auto found = m_partitions.find(id);
        if (!found->second.suspended)
            stop_listening(found->second);
        m_partitions.erase(found);
        return {};
    });
}

Result<void> Dispatcher::change(PartitionId id, PartitionShare share)
{
    return reconfigure([&](nanoseconds time) { return m_policy.change(time, id, share); });
}

Result<void> Dispatcher::configure(LogicalCpu cpu, bool configured)
{
    return reconfigure([&](nanoseconds time) -> Result<void> {
        TRY_VOID(m_policy.configure(time, cpu, configured));
        auto& known = logical(cpu);
        if (configured && !known.configured_at)
            known.configured_at = time;
        if (!configured && known.configured_at)
            known.usage.online += time - *std::exchange(known.configured_at, std::nullopt);
        return {};
    });
}

Result<void> Dispatcher::set_group_cap(const std::string& group, std::optional<Hundredths> cap)
{
    return reconfigure([&](nanoseconds time) { return m_policy.set_group_cap(time, group, cap); });
}

Result<void> Dispatcher::set_physical_cpus(std::vector<u16> numbers)
{
    TRY_VOID(check_host_cpus(numbers));
    return reconfigure([&](nanoseconds time) { return m_policy.set_physical_cpus(time, numbers); });
}

void Dispatcher::charge(PartitionId id, nanoseconds used)
{
    [[maybe_unused]] auto done = reconfigure([&](nanoseconds time) -> Result<void> {
        auto found = m_partitions.find(id);
        if (found != m_partitions.end() && !found->second.suspended)
            m_policy.charge(time, id, used);
        return {};
    });
}

/// The partition has something to look at.
void Dispatcher::call(Partition& partition)
{
    auto& attention = partition.region->header().attention;
    ++attention;
    futex_wake(attention);
}

/// What guests may know of their shares.
void Dispatcher::publish()
{
    constexpr double thousandths = 1000;
    for (auto& [id, partition] : m_partitions) {
        const PartitionShare& share = m_policy.share(id);
        auto& header = partition.region->header();
        header.weight = share.dedicated ? 0 : share.weight;
        header.capped = share.capped ? 1 : 0;
        header.cap = share.absolute_cap.value_or(0);
        bool changed = header.vertical.exchange(share.vertical ? 1 : 0) != u32 { share.vertical };
        for (u16 i = 0; i < partition.cpus.size(); ++i) {
            CpuEntitlement entitlement = m_policy.entitlement(LogicalCpu { id, i });
            auto& shared = partition.region->cells()[i];
            auto kind = static_cast<u32>(entitlement.kind);
            changed |= shared.entitlement.exchange(kind) != kind;
            shared.share = static_cast<u32>(entitlement.share * thousandths + 0.5);
        }
        if (changed)
            call(partition);
    }
}

// ---- Accounting ----------------------------------------------------------------------------------------------------------

std::vector<LogicalCpuUsage> Dispatcher::usage(PartitionId id)
{
    std::lock_guard lock(m_mutex);
    auto found = m_partitions.find(id);
    std::vector<LogicalCpuUsage> result;
    if (found == m_partitions.end())
        return result;
    nanoseconds time = now();
    for (u16 i = 0; i < found->second.cpus.size(); ++i) {
        Logical& cpu = found->second.cpus[i];
        believe({ id, i }, cpu.belief, time);
        result.push_back(cpu.usage);
        result.back().configured = cpu.configured_at.has_value();
        if (cpu.configured_at)
            result.back().online += time - *cpu.configured_at;
        auto& shared = found->second.region->cells()[i];
        bool parked = DispatchState::from(shared.state.load()).use == CpuUse::parked;
        u64 claimed = shared.parked.load() + (parked ? parked_now(shared, time) : 0);
        result.back().parked = nanoseconds(static_cast<i64>(std::min(claimed, static_cast<u64>(cpu.usage.dispatched.count()))));
    }
    return result;
}

DispatcherUsage Dispatcher::usage()
{
    std::lock_guard lock(m_mutex);
    clockid_t clock {};
    std::timespec own {};
    if (pthread_getcpuclockid(m_thread.native_handle(), &clock) == 0)
        clock_gettime(clock, &own);
    return { .elapsed = now() - m_created, .own = std::chrono::seconds(own.tv_sec) + nanoseconds(own.tv_nsec), .wakeups = m_wakeups };
}

} // namespace zvisor::prsm
