// Who gets the physical CPUs.

#include "prsm/policy.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <ranges>
#include <utility>

namespace zvisor::prsm {

namespace {

using std::chrono::microseconds;

/// Run time that is divided by the ready logical CPUs of a physical CPU, and the limits of the slice that results.
constexpr nanoseconds run_time = microseconds(25'000);
constexpr nanoseconds longest_slice = microseconds(25'000);
constexpr nanoseconds shortest_slice = microseconds(12'500);
/// A sibling that woke goes first when it has had this much less, in nanoseconds.
constexpr double sibling_margin = 1e6;
/// Partitions this close are equal when a logical CPU can stay where it was, in nanoseconds.
constexpr double affinity_margin = 1e6;

} // namespace

// ---- Rules -----------------------------------------------------------------------------------------------------------

bool Policy::capped_out(const Partition& partition) const
{
    return partition.cap.empty || (partition.group != Claim::no_group && m_groups[partition.group].cap.empty);
}

bool Policy::may_run(LogicalCpu cpu) const
{
    const Partition& partition = m_partitions.at(cpu.partition);
    return partition.cpus[cpu.number].configured && !partition.suspended && (partition.share.dedicated || !capped_out(partition));
}

/// Nothing is left for a logical CPU of low entitlement: it runs only on what would be idle.
bool Policy::from_surplus_alone(LogicalCpu cpu) const
{
    constexpr double nothing = 1e-6;
    return at(cpu).entitlement.kind == Entitlement::low && m_partitions.at(cpu.partition).surplus < nothing;
}

/// It woke up while its partition was below its share; it need not wait for the slice of another to end.
bool Policy::is_urgent(LogicalCpu cpu) const
{
    return at(cpu).woke && lag(cpu.partition) >= 0;
}

Policy::Rank Policy::rank(LogicalCpu cpu) const
{
    const Logical& logical = at(cpu);
    return { .yields = logical.yields,
        .from_surplus = from_surplus_alone(cpu),
        .not_urgent = !is_urgent(cpu),
        .lag = -lag(cpu.partition),
        .partition = cpu.partition,
        .low = -static_cast<int>(logical.entitlement.kind),
        .served = logical.served,
        .number = cpu.number };
}

/// Those who could run, the first one first.
Policy::Ranked Policy::candidates() const
{
    Ranked result;
    for (const auto& [id, partition] : m_partitions) {
        if (partition.ready == 0 || !partition.competes() || capped_out(partition))
            continue;
        for (u16 i = 0; i < partition.cpus.size(); ++i)
            if (partition.cpus[i].can_run())
                result.push_back(rank({ id, i }));
    }
    std::ranges::sort(result);
    return result;
}

nanoseconds Policy::slice() const
{
    i64 active = 0;
    for (const auto& [id, partition] : m_partitions)
        active += partition.competes() ? partition.active() : 0;
    auto shared = std::ranges::count(m_physical, std::optional<LogicalCpu> {}, &Physical::owner);
    return std::clamp(run_time * shared / std::max<i64>(active, 1), shortest_slice, longest_slice);
}

bool Policy::contended() const
{
    for (const auto& [id, partition] : m_partitions)
        if (partition.competes() && partition.ready > 0 && !capped_out(partition))
            return true;
    return false;
}

bool Policy::short_of_cpus() const
{
    auto free = [](const Physical& physical) { return !physical.holder && !physical.owner && !physical.leaving; };
    return contended() && std::ranges::none_of(m_physical, free);
}

bool Policy::needs_word_of(LogicalCpu cpu) const
{
    const Partition& partition = m_partitions.at(cpu.partition);
    if (partition.share.dedicated)
        return false;
    bool capped = partition.cap.limit || (partition.group != Claim::no_group && m_groups[partition.group].cap.limit);
    return capped || contended();
}

// ---- Decisions -------------------------------------------------------------------------------------------------------

Policy::Decisions Policy::decide(nanoseconds now)
{
    advance(now);
    find_rates();
    Decisions decisions;
    take_back_where_not_allowed(decisions);
    grant_dedicated(now, decisions);
    grant_inherited(now, decisions);
    Ranked waiting = candidates();
    resume_displaced(now, waiting, decisions);
    grant_free(now, waiting, decisions);
    grant_urgent(now, waiting, decisions);
    // Those who were asked before make room for the first ones.
    auto coming = static_cast<std::size_t>(std::ranges::count_if(m_physical, [this](const Physical& physical) {
        return !physical.owner && !physical.leaving && physical.holder && at(*physical.holder).asked;
    }));
    Ranked holders = poorest_first();
    for (std::size_t i = coming; i < waiting.size(); ++i)
        preempt_for(now, waiting[i].cpu(), holders, decisions);
    renew_slices(now);
    for (auto& [id, partition] : m_partitions)
        for (Logical& cpu : partition.cpus)
            cpu.yields = false;
    return decisions;
}

void Policy::grant(nanoseconds now, LogicalCpu cpu, Physical& physical, Decisions& decisions)
{
    Logical& logical = at(cpu);
    logical.urgent = is_urgent(cpu);
    physical.holder = cpu;
    set_use(cpu, Use::running);
    logical.woke = false;
    logical.physical = physical.number;
    logical.slice_end = now + slice();
    decisions.grants.push_back({ cpu, physical.number });
}

void Policy::take_back(LogicalCpu cpu, Decisions& decisions)
{
    if (at(cpu).asked)
        return;
    at(cpu).asked = true;
    decisions.take_back.push_back(cpu);
}

void Policy::displace(LogicalCpu cpu, Decisions& decisions)
{
    free_physical(cpu);
    set_use(cpu, Use::ready);
    at(cpu).displaced = true;
    std::erase(decisions.take_back, cpu);
    decisions.displaced.push_back(cpu);
}

/// One that was displaced from a physical CPU and may go on there, because its slice has not ended or nobody else waits.
std::optional<LogicalCpu> Policy::find_displaced(nanoseconds now, const Physical& physical, bool others_wait) const
{
    for (const auto& [id, partition] : m_partitions)
        for (u16 i = 0; i < partition.cpus.size(); ++i) {
            const Logical& cpu = partition.cpus[i];
            bool goes_on = cpu.displaced && cpu.physical == physical.number && (now < cpu.slice_end || !others_wait);
            if (goes_on && partition.competes() && may_run({ id, i }))
                return LogicalCpu { id, i };
        }
    return {};
}

/// Who made room for a moment goes on with its slice, so that it hardly notices.
void Policy::resume_displaced(nanoseconds now, const Ranked& waiting, Decisions& decisions)
{
    if (!waiting.empty() && is_urgent(waiting.front().cpu()))
        return;
    for (Physical& physical : m_physical) {
        if (physical.holder || physical.owner || physical.leaving)
            continue;
        auto cpu = find_displaced(now, physical, !waiting.empty());
        if (!cpu)
            continue;
        at(*cpu).displaced = false;
        set_use(*cpu, Use::running);
        physical.holder = cpu;
        decisions.resumed.push_back(*cpu);
    }
}

void Policy::take_back_where_not_allowed(Decisions& decisions)
{
    for (const Physical& physical : m_physical) {
        if (!physical.holder)
            continue;
        bool dedicated = physical.owner || m_partitions.at(physical.holder->partition).share.dedicated;
        if (physical.leaving || (dedicated && physical.owner != physical.holder) || !may_run(*physical.holder))
            take_back(*physical.holder, decisions);
    }
}

void Policy::grant_dedicated(nanoseconds now, Decisions& decisions)
{
    for (Physical& physical : m_physical)
        if (physical.owner && !physical.holder && at(*physical.owner).can_run())
            grant(now, *physical.owner, physical, decisions);
}

/// Who was yielded to goes on in the slice of the one that yielded.
void Policy::grant_inherited(nanoseconds now, Decisions& decisions)
{
    auto heir = std::exchange(m_heir, std::nullopt);
    if (!heir || !has_cpu(heir->cpu) || !at(heir->cpu).can_run() || !may_run(heir->cpu) || from_surplus_alone(heir->cpu))
        return;
    auto physical = std::ranges::find(m_physical, heir->physical, &Physical::number);
    if (physical == m_physical.end() || physical->holder || physical->owner || physical->leaving)
        return;
    grant(now, heir->cpu, *physical, decisions);
    at(heir->cpu).slice_end = heir->slice_end;
}

/// Gives free physical CPUs to the first ones of `waiting`, to each the one it had before if that is among them.
void Policy::grant_free(nanoseconds now, Ranked& waiting, Decisions& decisions)
{
    std::vector<Physical*> free;
    for (Physical& physical : m_physical)
        if (!physical.holder && !physical.owner && !physical.leaving)
            free.push_back(&physical);
    auto count = std::min(free.size(), waiting.size());
    std::vector<LogicalCpu> chosen;
    for (const Rank& first : waiting | std::views::take(count))
        chosen.push_back(first.cpu());
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
    auto had = [&](LogicalCpu cpu) {
        return std::ranges::find_if(free, [&](const Physical* physical) { return at(cpu).physical == physical->number; });
    };
    // Those who can stay choose first.
    for (bool stays : { true, false })
        for (LogicalCpu cpu : chosen) {
            auto place = had(cpu);
            if (at(cpu).use == Use::running || (stays && place == free.end()))
                continue;
            if (place == free.end())
                place = free.begin();
            grant(now, cpu, **place, decisions);
            free.erase(place);
        }
}

/// Those who hold shared physical CPUs and were not asked for them, in the order in which they are displaced.
Policy::Ranked Policy::poorest_first() const
{
    Ranked result;
    for (const Physical& physical : m_physical)
        if (physical.holder && !physical.owner && !physical.leaving && !at(*physical.holder).asked)
            result.push_back(rank(*physical.holder));
    std::ranges::sort(result, std::greater {});
    return result;
}

/// Whether `cpu`, which is ready, takes the place of `holder` now.
bool Policy::displaces(nanoseconds now, LogicalCpu cpu, LogicalCpu holder) const
{
    const Logical& ready = at(cpu);
    const Logical& runs = at(holder);
    if (from_surplus_alone(cpu) != from_surplus_alone(holder))
        return from_surplus_alone(holder);
    bool slice_over = now >= runs.slice_end;
    if (cpu.partition == holder.partition) {
        if (ready.entitlement.kind != runs.entitlement.kind)
            return ready.entitlement.kind > runs.entitlement.kind;
        return ready.served < runs.served - (slice_over ? 0 : sibling_margin) && (slice_over || ready.woke);
    }
    if (is_urgent(cpu) && (!runs.urgent || lag(holder.partition) < 0))
        return true;
    return slice_over && lag(cpu.partition) > lag(holder.partition);
}

/// The one of `holders`, who are in the order of `poorest_first`, that makes room for `cpu`; their end when nobody does.
Policy::Ranked::iterator Policy::find_victim(nanoseconds now, LogicalCpu cpu, Ranked& holders) const
{
    auto gives_way = [&](const Rank& holder) { return displaces(now, cpu, holder.cpu()); };
    auto victim = std::ranges::find_if(holders, gives_way);
    // It goes back to where it was if that costs next to nothing, or if it is in haste: its thread is there.
    auto there = std::ranges::find_if(holders, [&](const Rank& holder) { return at(holder.cpu()).physical == at(cpu).physical; });
    if (victim != holders.end() && there != holders.end() && there->from_surplus == victim->from_surplus
        && (is_urgent(cpu) || victim->lag - there->lag < affinity_margin) && gives_way(*there))
        victim = there;
    return victim;
}

/// Where `cpu`, which need not wait, goes on: where one was asked to give back already, or one that can be displaced is; null: nowhere.
Policy::Physical* Policy::find_place(nanoseconds now, LogicalCpu cpu, const Decisions& decisions)
{
    auto granted_now
        = [&](const Rank& holder) { return std::ranges::find(decisions.grants, holder.cpu(), &Grant::cpu) != decisions.grants.end(); };
    Physical* place = nullptr;
    for (Physical& physical : m_physical)
        if (!physical.owner && !physical.leaving && physical.holder && at(*physical.holder).asked
            && (!place || physical.number == at(cpu).physical))
            place = &physical;
    if (place)
        return place;
    Ranked holders = poorest_first();
    std::erase_if(holders, granted_now);
    auto victim = find_victim(now, cpu, holders);
    return victim == holders.end() ? nullptr : held_by(victim->cpu());
}

/// Who woke up below its share does not wait until another has given back: it goes on in its place, and the host, which runs one of them
/// at a time, lets that one find out when it can.
void Policy::grant_urgent(nanoseconds now, Ranked& waiting, Decisions& decisions)
{
    std::erase_if(waiting, [&](const Rank& first) {
        Physical* place = is_urgent(first.cpu()) && !first.from_surplus ? find_place(now, first.cpu(), decisions) : nullptr;
        if (!place)
            return false;
        displace(*place->holder, decisions);
        grant(now, first.cpu(), *place, decisions);
        return true;
    });
}

/// Asks the poorest of `holders` for its physical CPU if `cpu` may have it.
void Policy::preempt_for(nanoseconds now, LogicalCpu cpu, Ranked& holders, Decisions& decisions)
{
    auto victim = find_victim(now, cpu, holders);
    if (victim == holders.end())
        return;
    // One that is entitled to its place keeps it while another, whose slice ends soon, has had more.
    bool entitled = victim->lag <= 0 && !victim->from_surplus && victim->partition != cpu.partition && victim != holders.begin()
        && now >= at(victim->cpu()).slice_end && lag(cpu.partition) + victim->lag < static_cast<double>(shortest_slice.count());
    if (entitled)
        at(victim->cpu()).slice_end = now + slice() / 2;
    else
        take_back(victim->cpu(), decisions);
    holders.erase(victim);
}

/// Those who were not displaced go on.
void Policy::renew_slices(nanoseconds now)
{
    for (const Rank& holder : poorest_first())
        if (at(holder.cpu()).slice_end <= now)
            at(holder.cpu()).slice_end = now + slice();
}

/// When a holder may be displaced by `waiting`, the first of those who are ready.
nanoseconds Policy::displaced_at(LogicalCpu holder, LogicalCpu waiting) const
{
    const Logical& runs = at(holder);
    const Partition& partition = m_partitions.at(holder.partition);
    double loss = partition.running - partition.rate;
    if (!is_urgent(waiting) || !runs.urgent || partition.lag < 0 || loss <= 0)
        return runs.slice_end;
    auto share_ends = m_now + nanoseconds(static_cast<i64>(std::min(partition.lag / loss, 1e9)) + 1);
    return std::min(runs.slice_end, share_ends);
}

/// When a cap empties, or is filled up again for those who wait for that.
std::optional<nanoseconds> Policy::Bucket::next_change(unsigned running, unsigned ready) const
{
    double change = limit.value_or(0) - running;
    auto after = [](double time) { return nanoseconds(static_cast<i64>(std::ceil(time))); };
    if (limit && !empty && running > 0 && change < 0)
        return after(left / -change);
    if (limit && empty && ready > 0 && change > 0)
        return after((restart() - left) / change);
    return {};
}

std::optional<nanoseconds> Policy::next_decision() const
{
    std::optional<nanoseconds> next;
    auto at_time = [&](nanoseconds time) { next = std::min(next.value_or(time), std::max(time, m_now)); };
    auto from_now = [&](std::optional<nanoseconds> time) {
        if (time)
            at_time(m_now + *time);
    };
    if (Ranked waiting = candidates(); !waiting.empty())
        for (const Rank& holder : poorest_first())
            at_time(displaced_at(holder.cpu(), waiting.front().cpu()));
    for (const auto& [id, partition] : m_partitions)
        from_now(partition.cap.next_change(partition.running, partition.ready));
    for (std::size_t i = 0; i < m_groups.size(); ++i) {
        unsigned running = 0;
        unsigned ready = 0;
        for (const auto& [id, partition] : m_partitions)
            if (partition.group == i && partition.competes()) {
                running += partition.running;
                ready += partition.ready;
            }
        from_now(m_groups[i].cap.next_change(running, ready));
    }
    return next;
}

} // namespace zvisor::prsm
