// The fluid ideal and how far partitions are from it.

#include "prsm/policy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace zvisor::prsm {

namespace {

/// CPU time a partition keeps to its credit while it has nothing to run, in nanoseconds.
constexpr double most_credit = 2e6;
/// A capped partition runs again when it has this much of its limit's time, in nanoseconds, and at least the least.
constexpr double refill_time = 10e6;
constexpr double least_refill = 1e6;
/// What a partition owes at most for what it used undispatched, in nanoseconds of CPU time.
constexpr double most_debt = 5e9;

} // namespace

// ---- Caps ----------------------------------------------------------------------------------------------------------

double Policy::Bucket::restart() const
{
    return std::max(limit.value_or(0) * refill_time, least_refill);
}

void Policy::Bucket::flow(double used, double time)
{
    if (!limit)
        return;
    left = std::min(left + (*limit - used) * time, 2 * restart());
    settle();
}

void Policy::Bucket::use(double amount)
{
    left = std::max(left - amount, -most_debt);
    settle();
}

/// Less than a nanosecond is a matter of rounding.
void Policy::Bucket::settle()
{
    if (!limit)
        empty = false;
    else if (left < 1)
        empty = true;
    else if (left > restart() - 1)
        empty = false;
}

// ---- Rates ---------------------------------------------------------------------------------------------------------

/// The most CPUs a partition can use at all, or can claim as its guarantee.
double Policy::rate_limit(const Partition& partition, bool guaranteed) const
{
    double limit = partition.repays() ? partition.configured() : 0;
    for (const Logical& cpu : partition.cpus)
        if (cpu.use != Use::idle && !(guaranteed && cpu.entitlement.kind == Entitlement::low))
            ++limit;
    limit = std::min(limit, partition.cap.limit.value_or(limit));
    return guaranteed ? std::min(limit, partition.entitlement) : limit;
}

/// First what is guaranteed, then what is left, so that logical CPUs of low entitlement live on the latter.
void Policy::find_rates()
{
    if (m_rates_known)
        return;
    m_rates_known = true;
    std::vector<Partition*> partitions;
    std::vector<Claim> claims;
    for (auto& [id, partition] : m_partitions) {
        partition.rate = partition.surplus = 0;
        if (!partition.competes() || (partition.active() == 0 && !partition.repays()))
            continue;
        partitions.push_back(&partition);
        claims.push_back(
            { .weight = static_cast<double>(partition.share.weight), .limit = rate_limit(partition, true), .group = partition.group });
    }
    std::vector<double> groups;
    for (const Group& group : m_groups)
        groups.push_back(group.cap.limit.value_or(static_cast<double>(m_physical.size())));
    double left = static_cast<double>(
        std::ranges::count_if(m_physical, [](const Physical& physical) { return !physical.owner && !physical.leaving; }));
    raise_rates(claims, groups, left);
    for (std::size_t i = 0; i < claims.size(); ++i) {
        partitions[i]->surplus = -claims[i].rate;
        claims[i].limit = rate_limit(*partitions[i], false);
    }
    raise_rates(claims, groups, left);
    for (std::size_t i = 0; i < claims.size(); ++i) {
        partitions[i]->rate = claims[i].rate;
        partitions[i]->surplus += claims[i].rate;
    }
}

// ---- Time ----------------------------------------------------------------------------------------------------------

bool Policy::anyone_ready() const
{
    return std::ranges::any_of(m_partitions, [](const auto& entry) { return entry.second.competes() && entry.second.ready > 0; });
}

void Policy::advance(nanoseconds now)
{
    while (m_now < now) {
        find_rates();
        nanoseconds step = now - m_now;
        // Rates change when somebody has repaid.
        for (const auto& [id, partition] : m_partitions)
            if (partition.repays() && partition.rate > 0)
                step = std::min(step, nanoseconds(static_cast<i64>(std::ceil(-partition.lag / partition.rate))));
        step = std::max(step, nanoseconds(1));
        flow(static_cast<double>(step.count()));
        m_now += step;
    }
}

void Policy::flow(double time)
{
    double used = 0;
    double rates = 0;
    std::vector<double> by_group(m_groups.size(), 0.0);
    for (auto& [id, partition] : m_partitions) {
        unsigned running = partition.running;
        for (Logical& cpu : partition.cpus)
            cpu.served += cpu.use == Use::running ? time : 0;
        if (!partition.competes())
            continue;
        used += running;
        rates += partition.rate;
        partition.cap.flow(running, time);
        if (partition.group != Claim::no_group)
            by_group[partition.group] += running;
    }
    for (std::size_t i = 0; i < m_groups.size(); ++i)
        m_groups[i].cap.flow(by_group[i], time);
    if (anyone_ready() && rates > 0)
        compete(time, used, rates);
    else
        repay(time);
}

/// The fluid flows as fast as the physical CPUs were really used, so that lags sum up to what they did before.
void Policy::compete(double time, double used, double rates)
{
    for (auto& [id, partition] : m_partitions) {
        if (!partition.competes())
            continue;
        bool repaid = partition.repays();
        partition.lag += (partition.rate * used / rates - partition.running) * time;
        if (repaid && partition.lag > -1) {
            partition.lag = 0;
            m_rates_known = false;
        }
    }
}

/// Everyone has what it wants; only debts of those who sleep go on, against the credits of others.
void Policy::repay(double time)
{
    for (auto& [id, partition] : m_partitions) {
        if (!partition.repays())
            continue;
        double amount = std::min(partition.rate * time, -partition.lag);
        partition.lag += amount;
        void_credits(amount);
        if (partition.lag > -1) {
            partition.lag = 0;
            m_rates_known = false;
        }
    }
}

void Policy::charge(nanoseconds now, PartitionId id, nanoseconds used)
{
    advance(now);
    find_rates();
    Partition& partition = m_partitions.at(id);
    if (!partition.competes())
        return;
    auto all = static_cast<double>(used.count());
    partition.cap.use(all);
    if (partition.group != Claim::no_group)
        m_groups[partition.group].cap.use(all);
    double amount = std::clamp(partition.lag + most_debt, 0.0, all);
    hand_out(amount);
    partition.lag -= amount;
    m_rates_known = false;
}

/// As in `compete`: the fluid has flowed by that much for those who want to run, but one.
void Policy::hand_out(double amount, const Partition* except)
{
    auto takes = [&](const Partition& partition) { return &partition != except && partition.active() > 0 && partition.rate > 0; };
    double rates = 0;
    for (const auto& [id, partition] : m_partitions)
        rates += takes(partition) ? partition.rate : 0;
    for (auto& [id, partition] : m_partitions)
        if (takes(partition))
            partition.lag += amount * partition.rate / rates;
}

/// What it has not had so far is for the others, as the fluid would have given it to them; else each got the same of it, whatever its
/// weight.
void Policy::yielded(Partition& partition)
{
    auto wants_to_run = [](const Logical& cpu) { return cpu.use != Use::idle && !cpu.yields; };
    find_rates();
    double excess = partition.lag - most_credit;
    if (excess <= 0 || std::ranges::any_of(partition.cpus, wants_to_run))
        return;
    partition.lag = most_credit;
    hand_out(excess, &partition);
}

void Policy::went_to_sleep(Partition& partition)
{
    if (partition.active() > 0 || partition.lag <= most_credit)
        return;
    double excess = partition.lag - most_credit;
    partition.lag = most_credit;
    forgive_debts(excess);
}

void Policy::forgive_debts(double amount)
{
    double debts = 0;
    for (const auto& [id, partition] : m_partitions)
        debts -= std::min(partition.lag, 0.0);
    if (debts <= 0)
        return;
    double part = std::min(1.0, amount / debts);
    for (auto& [id, partition] : m_partitions)
        partition.lag -= std::min(partition.lag, 0.0) * part;
}

void Policy::void_credits(double amount)
{
    double credits = 0;
    for (const auto& [id, partition] : m_partitions)
        credits += std::max(partition.lag, 0.0);
    if (credits <= 0)
        return;
    double part = std::min(1.0, amount / credits);
    for (auto& [id, partition] : m_partitions)
        partition.lag -= std::max(partition.lag, 0.0) * part;
}

} // namespace zvisor::prsm
