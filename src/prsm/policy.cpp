// Configuration, and what happens to logical CPUs.

#include "prsm/policy.h"

#include "base/verify.h"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>
#include <set>

namespace zvisor::prsm {

namespace {

constexpr u32 most_weight = 999;
constexpr Hundredths most_cap = 25500;

[[nodiscard]] Result<void> check_cap(Hundredths cap)
{
    if (cap == 0 || cap > most_cap)
        return fail(fmt::format("a cap is 0.01 to {} CPUs, not {}", most_cap / 100, cap / 100.0));
    return {};
}

[[nodiscard]] Result<void> check_numbers(const std::vector<u16>& numbers)
{
    if (numbers.empty())
        return fail("at least one physical CPU is needed");
    if (std::set(numbers.begin(), numbers.end()).size() != numbers.size())
        return fail("a physical CPU is named twice");
    return {};
}

} // namespace

Policy::Policy(std::vector<u16> physical_cpus)
{
    VERIFY(check_numbers(physical_cpus).has_value());
    for (u16 number : physical_cpus)
        m_physical.push_back({ .number = number, .holder = {}, .owner = {} });
}

unsigned Policy::Partition::configured() const
{
    return static_cast<unsigned>(std::ranges::count(cpus, true, &Logical::configured));
}

Policy::Physical* Policy::held_by(LogicalCpu cpu)
{
    auto found = std::ranges::find(m_physical, std::optional(cpu), &Physical::holder);
    return found == m_physical.end() ? nullptr : &*found;
}

bool Policy::has_cpu(LogicalCpu cpu) const
{
    auto found = m_partitions.find(cpu.partition);
    return found != m_partitions.end() && cpu.number < found->second.cpus.size();
}

// ---- Checks ----------------------------------------------------------------------------------------------------

Result<void> Policy::check(const PartitionShare& share) const
{
    if (share.weight == 0 || share.weight > most_weight)
        return fail(fmt::format("a weight is 1 to {}, not {}", most_weight, share.weight));
    if (share.absolute_cap)
        TRY_VOID(check_cap(*share.absolute_cap));
    return {};
}

Result<void> Policy::check_dedicated(std::size_t physical, std::size_t dedicated, bool shares) const
{
    std::size_t needed = dedicated + (shares ? 1 : 0);
    if (needed > physical)
        return fail(fmt::format("{} physical CPUs are too few: {} would be dedicated{}", physical, dedicated,
            shares ? ", and one must be left for the partitions that share" : ""));
    return {};
}

std::size_t Policy::dedicated_cpus(std::optional<PartitionId> except) const
{
    std::size_t sum = 0;
    for (const auto& [id, partition] : m_partitions)
        if (partition.share.dedicated && id != except)
            sum += partition.configured();
    return sum;
}

bool Policy::shares_exist(std::optional<PartitionId> except) const
{
    return std::ranges::any_of(m_partitions, [&](const auto& entry) { return !entry.second.share.dedicated && entry.first != except; });
}

// ---- Configuration -----------------------------------------------------------------------------------------------

Result<void> Policy::add(nanoseconds now, PartitionId id, u32 cells, u32 configured, PartitionShare share)
{
    TRY_VOID(check(share));
    if (m_partitions.contains(id))
        return fail(fmt::format("partition {} is being dispatched already", id));
    if (cells == 0 || configured > cells)
        return fail(fmt::format("partition {} cannot have {} of {} logical CPUs", id, configured, cells));
    std::size_t dedicated = dedicated_cpus() + (share.dedicated ? configured : 0);
    TRY_VOID(check_dedicated(m_physical.size(), dedicated, shares_exist() || !share.dedicated));
    advance(now);
    Partition& partition = m_partitions[id];
    partition.share = std::move(share);
    partition.cpus.resize(cells);
    for (u32 i = 0; i < configured; ++i)
        partition.cpus[i].configured = true;
    reconfigured();
    return {};
}

Result<void> Policy::remove(nanoseconds now, PartitionId id)
{
    auto found = m_partitions.find(id);
    if (found == m_partitions.end())
        return fail(fmt::format("there is no partition {} to dispatch", id));
    suspend(now, id);
    m_partitions.erase(found);
    reconfigured();
    return {};
}

Result<void> Policy::change(nanoseconds now, PartitionId id, PartitionShare share)
{
    TRY_VOID(check(share));
    auto found = m_partitions.find(id);
    if (found == m_partitions.end())
        return fail(fmt::format("there is no partition {} to dispatch", id));
    std::size_t dedicated = dedicated_cpus(id) + (share.dedicated ? found->second.configured() : 0);
    TRY_VOID(check_dedicated(m_physical.size(), dedicated, shares_exist(id) || !share.dedicated));
    advance(now);
    if (share.dedicated)
        found->second.lag = 0;
    found->second.share = std::move(share);
    reconfigured();
    return {};
}

Result<void> Policy::configure(nanoseconds now, LogicalCpu cpu, bool configured)
{
    if (!has_cpu(cpu))
        return fail(fmt::format("partition {} has no logical CPU {}", cpu.partition, cpu.number));
    const Partition& partition = m_partitions.at(cpu.partition);
    std::size_t more = partition.share.dedicated && configured && !at(cpu).configured ? 1 : 0;
    TRY_VOID(check_dedicated(m_physical.size(), dedicated_cpus() + more, shares_exist()));
    advance(now);
    at(cpu).configured = configured;
    reconfigured();
    return {};
}

Result<void> Policy::set_group_cap(nanoseconds now, const std::string& group, std::optional<Hundredths> cap)
{
    if (cap)
        TRY_VOID(check_cap(*cap));
    advance(now);
    Bucket& bucket = m_groups[find_group(group)].cap;
    bucket.limit = cap ? std::optional(*cap / 100.0) : std::nullopt;
    bucket.settle();
    reconfigured();
    return {};
}

Result<void> Policy::set_physical_cpus(nanoseconds now, std::vector<u16> numbers)
{
    TRY_VOID(check_numbers(numbers));
    TRY_VOID(check_dedicated(numbers.size(), dedicated_cpus(), shares_exist()));
    advance(now);
    for (Physical& physical : m_physical) {
        physical.leaving = std::ranges::find(numbers, physical.number) == numbers.end();
        std::erase(numbers, physical.number);
    }
    for (u16 number : numbers)
        m_physical.push_back({ .number = number, .holder = {}, .owner = {} });
    drop_leaving();
    reconfigured();
    return {};
}

void Policy::suspend(nanoseconds now, PartitionId id)
{
    advance(now);
    Partition& partition = m_partitions.at(id);
    for (u16 i = 0; i < partition.cpus.size(); ++i) {
        partition.cpus[i].displaced = false;
        free_physical({ id, i });
        set_use({ id, i }, Use::idle);
    }
    partition.suspended = true;
    if (partition.lag > 0)
        forgive_debts(std::exchange(partition.lag, 0));
    else
        void_credits(-std::exchange(partition.lag, 0));
    reconfigured();
}

std::size_t Policy::find_group(const std::string& name)
{
    auto found = std::ranges::find(m_groups, name, &Group::name);
    if (found != m_groups.end())
        return static_cast<std::size_t>(found - m_groups.begin());
    m_groups.push_back({ .name = name, .cap = {} });
    return m_groups.size() - 1;
}

void Policy::reconfigured()
{
    m_rates_known = false;
    assign_dedicated();
    assign_entitlements();
}

/// Physical CPUs keep their owners as long as those are entitled to one.
void Policy::assign_dedicated()
{
    auto entitled = [this](LogicalCpu cpu) { return has_cpu(cpu) && m_partitions.at(cpu.partition).share.dedicated && at(cpu).configured; };
    std::set<LogicalCpu> served;
    for (Physical& physical : m_physical) {
        if (physical.owner && (physical.leaving || !entitled(*physical.owner)))
            physical.owner.reset();
        if (physical.owner)
            served.insert(*physical.owner);
    }
    for (auto& [id, partition] : m_partitions)
        for (u16 i = 0; i < partition.cpus.size(); ++i) {
            LogicalCpu cpu { id, i };
            if (!entitled(cpu) || served.contains(cpu))
                continue;
            // From the end, so that the first ones stay shared.
            auto free = std::ranges::find_if(
                m_physical.rbegin(), m_physical.rend(), [](const Physical& physical) { return !physical.owner && !physical.leaving; });
            VERIFY(free != m_physical.rend());
            free->owner = cpu;
        }
}

void Policy::assign_entitlements()
{
    double shared = static_cast<double>(
        std::ranges::count_if(m_physical, [](const Physical& physical) { return !physical.owner && !physical.leaving; }));
    double weights = 0;
    for (const auto& [id, partition] : m_partitions)
        weights += partition.competes() ? partition.share.weight : 0;
    for (auto& [id, partition] : m_partitions) {
        const PartitionShare& share = partition.share;
        partition.entitlement = share.dedicated ? partition.configured() : weights > 0 ? shared * share.weight / weights : 0;
        std::optional<double> cap = share.absolute_cap ? std::optional(*share.absolute_cap / 100.0) : std::nullopt;
        if (share.capped)
            cap = std::min(cap.value_or(partition.entitlement), partition.entitlement);
        partition.cap.limit = share.dedicated ? std::nullopt : cap;
        partition.cap.settle();
        partition.group = share.group.empty() ? Claim::no_group : find_group(share.group);
        u32 index = 0;
        u32 cpus = partition.configured();
        for (Logical& cpu : partition.cpus)
            cpu.entitlement = cpu.configured && share.dedicated ? CpuEntitlement { .kind = Entitlement::high, .share = 1 }
                : cpu.configured                                ? entitlement_of(index++, cpus, partition.entitlement, share.vertical)
                                                                : CpuEntitlement {};
    }
}

// ---- Events --------------------------------------------------------------------------------------------------------

void Policy::became_ready(nanoseconds now, LogicalCpu cpu)
{
    advance(now);
    Logical& logical = at(cpu);
    if (logical.use != Use::idle || m_partitions.at(cpu.partition).suspended)
        return;
    // It does not catch up on its siblings for what it slept.
    auto active = m_partitions.at(cpu.partition).cpus | std::views::filter([](const Logical& other) { return other.use != Use::idle; })
        | std::views::transform(&Logical::served);
    if (!active.empty())
        logical.served = std::max(logical.served, std::ranges::min(active));
    set_use(cpu, Use::ready);
    logical.woke = true;
}

void Policy::gave_back(nanoseconds now, LogicalCpu cpu, Yield yield)
{
    advance(now);
    Logical& logical = at(cpu);
    logical.displaced = false;
    if (logical.use != Use::running)
        return;
    if (yield.to && !logical.asked && has_cpu({ cpu.partition, *yield.to }))
        m_heir = Heir { { cpu.partition, *yield.to }, *logical.physical, logical.slice_end };
    set_use(cpu, Use::ready);
    logical.woke = false;
    logical.yields = yield.yields || yield.to;
    free_physical(cpu);
    if (!yield.to && logical.yields)
        yielded(m_partitions.at(cpu.partition));
}

void Policy::became_idle(nanoseconds now, LogicalCpu cpu)
{
    advance(now);
    if (at(cpu).use == Use::idle)
        return;
    at(cpu).displaced = false;
    free_physical(cpu);
    set_use(cpu, Use::idle);
    went_to_sleep(m_partitions.at(cpu.partition));
}

void Policy::set_use(LogicalCpu cpu, Use use)
{
    Partition& partition = m_partitions.at(cpu.partition);
    Use before = std::exchange(partition.cpus[cpu.number].use, use);
    partition.ready += (use == Use::ready) - (before == Use::ready);
    partition.running += (use == Use::running) - (before == Use::running);
    m_rates_known = m_rates_known && before != Use::idle && use != Use::idle;
}

void Policy::free_physical(LogicalCpu cpu)
{
    at(cpu).asked = false;
    if (Physical* physical = held_by(cpu))
        physical->holder.reset();
    drop_leaving();
}

void Policy::drop_leaving()
{
    std::erase_if(m_physical, [](const Physical& physical) { return physical.leaving && !physical.holder; });
}

// ---- Views -----------------------------------------------------------------------------------------------------------

double Policy::entitlement(PartitionId id) const
{
    return m_partitions.at(id).entitlement;
}

CpuEntitlement Policy::entitlement(LogicalCpu cpu) const
{
    return at(cpu).entitlement;
}

double Policy::lag(PartitionId id) const
{
    return m_partitions.at(id).lag;
}

std::vector<LogicalCpu> Policy::running() const
{
    std::vector<LogicalCpu> result;
    for (const Physical& physical : m_physical)
        if (physical.holder)
            result.push_back(*physical.holder);
    return result;
}

} // namespace zvisor::prsm
