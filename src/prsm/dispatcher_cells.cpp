// What the dispatcher reads from cells and writes to them. A partition may write anything at any time, so the dispatcher knows itself
// what it granted; a cell can only say that its own logical CPU is ready, or has done with what it was granted.

#include "base/futex.h"
#include "prsm/dispatcher.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace zvisor::prsm {

namespace {

/// Times a word may change under the dispatcher's hands: honest partitions change it once or twice.
constexpr int most_attempts = 16;
/// The part of a host CPU that a partition's devices use beside its logical CPUs.
constexpr int devices_part = 4;
/// Rounds of decisions at one moment; what is left then waits for the next.
constexpr int most_rounds = 1000;

/// CPU time of a process and all its threads.
[[nodiscard]] std::optional<nanoseconds> cpu_time(std::optional<pid_t> process)
{
    clockid_t clock {};
    std::timespec used {};
    if (!process || clock_getcpuclockid(*process, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return {};
    return std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
}

} // namespace

/// How long the present stay in the state `parked` has lasted, if the partition does not lie.
u64 Dispatcher::parked_now(const DispatchCell& cell, nanoseconds time)
{
    auto until = static_cast<u64>(time.count());
    return until - std::min(until, cell.parked_since.load());
}

void Dispatcher::serve(nanoseconds time)
{
    enforce(time);
    for (int round = 0; round < most_rounds; ++round) {
        // Those who wait on a physical CPU make room before anyone who runs.
        bool again = m_policy.short_of_cpus() && tell_holders(time);
        auto decisions = m_policy.decide(time);
        for (LogicalCpu cpu : decisions.displaced)
            again |= !displace(cpu, time);
        for (LogicalCpu cpu : decisions.resumed)
            again |= !resume(cpu, time);
        for (const auto& grant : decisions.grants)
            again |= !carry_out(grant, time);
        for (LogicalCpu cpu : decisions.take_back)
            again |= !ask(cpu, time);
        again |= tell_holders(time);
        m_news = again;
        if (!again)
            return;
    }
}

/// Cells as another dispatcher may have left them: what it granted is void.
void Dispatcher::take_over(PartitionId id, nanoseconds time)
{
    Partition& partition = m_partitions.at(id);
    for (u16 i = 0; i < partition.cpus.size(); ++i) {
        partition.cpus[i].since = time;
        auto& state = partition.region->cells()[i].state;
        partition.region->cells()[i].withdrawn = 0;
        u32 word = state.load();
        if (DispatchState::from(word).use > CpuUse::ready)
            state.compare_exchange_strong(word, DispatchState { .use = CpuUse::waiting }.word());
        look({ id, i }, time);
    }
}

// ---- From the partition --------------------------------------------------------------------------------------------------

void Dispatcher::read_doorbell(PartitionId id, nanoseconds time)
{
    Partition& partition = m_partitions.at(id);
    auto& header = partition.region->header();
    header.rung = 0;
    for (std::size_t word = 0; word < header.changed.size(); ++word) {
        u64 changed = header.changed[word].exchange(0);
        for (u16 bit = 0; changed != 0; ++bit, changed >>= 1) {
            auto number = static_cast<u16>(word * 64 + bit);
            if ((changed & 1) && number < partition.cpus.size())
                look({ id, number }, time);
        }
    }
}

/// Takes in what a cell says now.
void Dispatcher::look(LogicalCpu cpu, nanoseconds time)
{
    auto state = DispatchState::from(cell(cpu).state.load());
    if (m_partitions.at(cpu.partition).suspended)
        return;
    if (state.use > CpuUse::parked)
        return misbehaves(cpu.partition, fmt::format("the dispatch cell of CPU {} has no valid state", cpu.number), time);
    Belief belief = logical(cpu).belief;
    if (belief == Belief::running || belief == Belief::displaced)
        return look_at_holder(cpu, state, time);
    if (state.holds())
        return misbehaves(cpu.partition, fmt::format("CPU {} claims a physical CPU that it was not granted", cpu.number), time);
    if (state.use == CpuUse::ready) {
        if (belief != Belief::ready)
            m_policy.became_ready(time, cpu);
        return believe(cpu, Belief::ready, time);
    }
    m_policy.became_idle(time, cpu);
    believe(cpu, state.use == CpuUse::stopped ? Belief::stopped : Belief::waiting, time);
}

void Dispatcher::look_at_holder(LogicalCpu cpu, DispatchState state, nanoseconds time)
{
    if (state.holds()) {
        if (state.physical != logical(cpu).physical)
            misbehaves(cpu.partition, fmt::format("CPU {} claims another physical CPU than it was granted", cpu.number), time);
        return;
    }
    if (state.use == CpuUse::ready) {
        u32 hint = cell(cpu).hint.load();
        Yield yield { .yields = hint != 0 };
        if (hint & DispatchCell::yields_to)
            yield.to = static_cast<u16>(hint);
        m_policy.gave_back(time, cpu, yield);
        return believe(cpu, Belief::ready, time);
    }
    m_policy.became_idle(time, cpu);
    believe(cpu, state.use == CpuUse::stopped ? Belief::stopped : Belief::waiting, time);
}

void Dispatcher::believe(LogicalCpu cpu, Belief belief, nanoseconds time)
{
    static constexpr nanoseconds LogicalCpuUsage::* accounts[] {
        &LogicalCpuUsage::stopped,
        &LogicalCpuUsage::waiting,
        &LogicalCpuUsage::ready,
        &LogicalCpuUsage::dispatched,
        &LogicalCpuUsage::ready,
    };
    Logical& known = logical(cpu);
    known.usage.*accounts[static_cast<std::size_t>(known.belief)] += time - std::exchange(known.since, time);
    if (belief == Belief::running && known.belief != Belief::running)
        ++known.usage.dispatches;
    if (belief != Belief::running && belief != Belief::displaced) {
        known.told = false;
        known.due.reset();
    }
    m_news |= known.belief != belief;
    known.belief = belief;
}

// ---- To the partition ------------------------------------------------------------------------------------------------------

/// False: the logical CPU was not ready any more.
bool Dispatcher::carry_out(const Policy::Grant& grant, nanoseconds time)
{
    LogicalCpu cpu = grant.cpu;
    if (m_partitions.at(cpu.partition).suspended)
        return true;
    auto& state = cell(cpu).state;
    cell(cpu).granted = static_cast<u64>(time.count());
    cell(cpu).withdrawn = cell(cpu).lost = 0;
    DispatchState granted { .use = CpuUse::running, .tell = m_policy.needs_word_of(cpu), .physical = grant.physical };
    u32 word = state.load();
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
        if (DispatchState::from(word).use != CpuUse::ready) {
            look(cpu, time);
            return false;
        }
        if (!state.compare_exchange_strong(word, granted.word()))
            continue;
        futex_wake(state);
        believe(cpu, Belief::running, time);
        logical(cpu).physical = grant.physical;
        logical(cpu).told = granted.tell;
        return true;
    }
    misbehaves(cpu.partition, fmt::format("the dispatch cell of CPU {} never keeps still", cpu.number), time);
    return false;
}

/// Sets flags of a cell that holds a physical CPU. False: it does not any more, or waited and was relieved of it.
bool Dispatcher::set_flags(LogicalCpu cpu, u32 flags, nanoseconds time)
{
    auto& state = cell(cpu).state;
    u32 word = state.fetch_or(flags) | flags;
    auto now_in = DispatchState::from(word);
    logical(cpu).told = true;
    if (now_in.use == CpuUse::running && now_in.physical == logical(cpu).physical)
        return true;
    if (now_in.use == CpuUse::parked && now_in.physical == logical(cpu).physical
        && state.compare_exchange_strong(word, DispatchState { .use = CpuUse::waiting }.word()))
        cell(cpu).parked += parked_now(cell(cpu), time);
    look(cpu, time);
    return logical(cpu).belief == Belief::running;
}

bool Dispatcher::ask(LogicalCpu cpu, nanoseconds time)
{
    if (m_partitions.at(cpu.partition).suspended)
        return true;
    Logical& known = logical(cpu);
    known.due = time + m_options.grace;
    known.asked = time;
    known.process_time = cpu_time(m_partitions.at(cpu.partition).process);
    known.others_dispatched = dispatched_beside(m_partitions.at(cpu.partition), known, time);
    if (!set_flags(cpu, DispatchState::give_back_bit | DispatchState::tell_bit, time))
        return false;
    call(m_partitions.at(cpu.partition));
    return true;
}

/// Its time has ended; when it notices, it gives back. False: it holds nothing any more.
bool Dispatcher::displace(LogicalCpu cpu, nanoseconds time)
{
    cell(cpu).withdrawn = static_cast<u64>(time.count());
    if (!logical(cpu).due && !ask(cpu, time))
        return false;
    if (logical(cpu).belief == Belief::running)
        believe(cpu, Belief::displaced, time);
    return true;
}

/// It has its physical CPU again before it noticed anything. False: it has given back.
bool Dispatcher::resume(LogicalCpu cpu, nanoseconds time)
{
    auto& shared = cell(cpu);
    // Before it is told, so that nothing counts twice.
    shared.lost += static_cast<u64>(time.count()) - shared.withdrawn.exchange(0);
    u32 word = shared.state.load();
    auto state = DispatchState::from(word);
    state.give_back = false;
    if (state.use != CpuUse::running || state.physical != logical(cpu).physical
        || !shared.state.compare_exchange_strong(word, state.word())) {
        look(cpu, time);
        return false;
    }
    believe(cpu, Belief::running, time);
    logical(cpu).due.reset();
    return true;
}

/// Lets holders know that their idleness matters. True: some physical CPU became free.
bool Dispatcher::tell_holders(nanoseconds time)
{
    bool freed = false;
    for (LogicalCpu cpu : m_policy.running())
        if (logical(cpu).belief == Belief::running && !logical(cpu).told && m_policy.needs_word_of(cpu))
            freed |= !set_flags(cpu, DispatchState::tell_bit, time);
    return freed;
}

// ---- Rules -------------------------------------------------------------------------------------------------------------------

void Dispatcher::enforce(nanoseconds time)
{
    for (auto& [id, partition] : m_partitions)
        for (u16 i = 0; i < partition.cpus.size(); ++i) {
            if (!partition.cpus[i].due || *partition.cpus[i].due > time)
                continue;
            look({ id, i }, time);
            if (!partition.cpus[i].due)
                continue;
            if (was_starved(partition, partition.cpus[i], time))
                partition.cpus[i].due = time + m_options.grace;
            else
                misbehaves(id,
                    fmt::format("CPU {} did not give its physical CPU back within {:.3f} s when it was asked to", i,
                        std::chrono::duration<double>(time - partition.cpus[i].asked).count()),
                    time);
        }
}

/// One that was displaced runs on until it notices, which is held against itself alone.
nanoseconds Dispatcher::dispatched_beside(const Partition& partition, const Logical& cpu, nanoseconds time)
{
    nanoseconds sum {};
    for (const Logical& other : partition.cpus) {
        if (&other == &cpu)
            continue;
        bool runs = other.belief == Belief::running || other.belief == Belief::displaced;
        sum += other.usage.dispatched + (runs ? time - other.since : nanoseconds(0));
    }
    return sum;
}

/// The process had no more CPU time than its other CPUs and its devices account for, so this one hardly ran.
bool Dispatcher::was_starved(const Partition& partition, const Logical& cpu, nanoseconds time) const
{
    auto used = cpu_time(partition.process);
    nanoseconds elapsed = time - cpu.asked;
    if (!used || !cpu.process_time || elapsed > m_options.starved_grace)
        return false;
    auto others = dispatched_beside(partition, cpu, time) - cpu.others_dispatched;
    return *used - *cpu.process_time - others < m_options.grace / 2 + elapsed / devices_part;
}

void Dispatcher::misbehaves(PartitionId id, std::string why, nanoseconds time)
{
    Partition& partition = m_partitions.at(id);
    if (partition.suspended)
        return;
    m_policy.suspend(time, id);
    for (u16 i = 0; i < partition.cpus.size(); ++i)
        believe({ id, i }, Belief::stopped, time);
    partition.suspended = m_news = true;
    stop_listening(partition);
    m_misdeeds.push_back({ id, std::move(why) });
}

} // namespace zvisor::prsm
