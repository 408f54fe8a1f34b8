#pragma once

#include "base/result.h"
#include "prsm/entitlement.h"
#include "prsm/fluid.h"
#include "prsm/share.h"

#include <map>
#include <optional>
#include <vector>

namespace zvisor::prsm {

/// Why a logical CPU gave its physical CPU back.
struct Yield {
    /// It wants another to run,
    bool yields { false };
    /// if possible that logical CPU of its partition.
    std::optional<u16> to {};
};

/// Decides which logical CPUs have the physical CPUs. It knows time only as it is told, asks nobody for anything and touches nothing, so
/// that it runs the same in virtual time.
///
/// The ideal is a fluid: at each moment the ready partitions have rates, of `raise_rates`. A partition's lag is how much less it has
/// had than that; lags of those who compete sum up to nothing. Physical CPUs go to the partitions with the greatest lag, a slice at a
/// time. Who sleeps keeps its debt until the fluid has paid it, and keeps but little credit.
///
/// Times are by a clock that never goes back, and methods are called in its order.
class Policy {
public:
    explicit Policy(std::vector<u16> physical_cpus);

    // ---- Configuration: fails, with nothing changed, for unknown names, values out of range and too few physical CPUs ------

    /// Takes in a partition with `cells` logical CPUs, of which the first `configured` are configured; all are idle.
    [[nodiscard]] Result<void> add(nanoseconds now, PartitionId id, u32 cells, u32 configured, PartitionShare share);
    /// What the partition holds becomes free.
    [[nodiscard]] Result<void> remove(nanoseconds now, PartitionId id);
    [[nodiscard]] Result<void> change(nanoseconds now, PartitionId id, PartitionShare share);
    [[nodiscard]] Result<void> configure(nanoseconds now, LogicalCpu cpu, bool configured);
    [[nodiscard]] Result<void> set_group_cap(nanoseconds now, const std::string& group, std::optional<Hundredths> cap);
    [[nodiscard]] Result<void> set_physical_cpus(nanoseconds now, std::vector<u16> numbers);
    /// The partition, which exists, had so much CPU time besides what its logical CPUs were dispatched: it has that much less to come.
    void charge(nanoseconds now, PartitionId id, nanoseconds used);
    /// Never dispatches the partition again; what it holds becomes free.
    void suspend(nanoseconds now, PartitionId id);

    // ---- What happened to logical CPUs, which exist ----------------------------------------------------------------

    /// It was idle, and has work.
    void became_ready(nanoseconds now, LogicalCpu cpu);
    /// It ran, gave its physical CPU back and has more work.
    void gave_back(nanoseconds now, LogicalCpu cpu, Yield yield = {});
    /// It has no work, and no physical CPU any more.
    void became_idle(nanoseconds now, LogicalCpu cpu);

    // ---- Decisions -------------------------------------------------------------------------------------------------

    struct Grant {
        LogicalCpu cpu;
        u16 physical { 0 };
    };
    struct Decisions {
        /// Run from now on.
        std::vector<Grant> grants;
        /// Are to give back, each named once. They count as running until they have.
        std::vector<LogicalCpu> take_back;
        /// Their physical CPUs were granted to others, and they are to notice. They count as ready, but are not dispatched until
        /// they have given back; some were to do that before.
        std::vector<LogicalCpu> displaced;
        /// Were displaced and go on where they were, if they have not noticed yet. Run from now on.
        std::vector<LogicalCpu> resumed;
    };
    [[nodiscard]] Decisions decide(nanoseconds now);
    /// When `decide` is to be called although nothing happened; nothing: never.
    [[nodiscard]] std::optional<nanoseconds> next_decision() const;
    /// Some logical CPU could run if there were a physical CPU.
    [[nodiscard]] bool contended() const;
    /// And no shared one is free.
    [[nodiscard]] bool short_of_cpus() const;
    /// It must be known at once when this logical CPU, which runs, goes idle.
    [[nodiscard]] bool needs_word_of(LogicalCpu cpu) const;

    // ---- Views -----------------------------------------------------------------------------------------------------

    /// CPUs that the weight of a partition stands for; as many as it has when they are dedicated.
    [[nodiscard]] double entitlement(PartitionId id) const;
    [[nodiscard]] CpuEntitlement entitlement(LogicalCpu cpu) const;
    [[nodiscard]] const PartitionShare& share(PartitionId id) const { return m_partitions.at(id).share; }
    /// Those with a physical CPU.
    [[nodiscard]] std::vector<LogicalCpu> running() const;
    /// How much less a partition has had than it should, in nanoseconds of CPU time.
    [[nodiscard]] double lag(PartitionId id) const;
    [[nodiscard]] std::size_t physical_count() const { return m_physical.size(); }

private:
    static constexpr std::size_t none = ~std::size_t { 0 };

    enum class Use : u8 { idle, ready, running };

    struct Logical {
        Use use { Use::idle };
        bool configured { false };
        CpuEntitlement entitlement;
        /// It woke up and was not dispatched since.
        bool woke { false };
        /// It was dispatched at once since it woke up.
        bool urgent { false };
        /// It is not dispatched in the next decision, if another can be.
        bool yields { false };
        /// It was told to give back.
        bool asked { false };
        /// Its physical CPU was granted to another, and it has not noticed yet.
        bool displaced { false };
        /// Of its partition's time; orders the logical CPUs of one partition.
        double served { 0 };
        nanoseconds slice_end {};
        /// Number of the physical CPU it has or had last.
        std::optional<u16> physical;

        [[nodiscard]] bool can_run() const { return use == Use::ready && configured && !displaced; }
    };

    /// CPU time that may still be used, by a limit that fills it up.
    struct Bucket {
        /// CPUs.
        std::optional<double> limit;
        double left { 0 };
        bool empty { false };

        /// It is filled to this before it is used again.
        [[nodiscard]] double restart() const;
        [[nodiscard]] std::optional<nanoseconds> next_change(unsigned running, unsigned ready) const;
        void flow(double used, double time);
        void use(double amount);
        void settle();
    };

    struct Partition {
        PartitionShare share;
        bool suspended { false };
        std::vector<Logical> cpus;
        double entitlement { 0 };
        double lag { 0 };
        double rate { 0 };
        /// What of the rate others have left it.
        double surplus { 0 };
        Bucket cap;
        std::size_t group { Claim::no_group };

        /// Logical CPUs in the states of these names.
        unsigned ready { 0 };
        unsigned running { 0 };

        [[nodiscard]] unsigned active() const { return ready + running; }
        [[nodiscard]] unsigned configured() const;
        /// It has had too much, and the fluid pays that while it sleeps.
        [[nodiscard]] bool repays() const { return active() == 0 && lag < 0; }
        [[nodiscard]] bool competes() const { return !share.dedicated && !suspended; }
    };

    struct Group {
        std::string name;
        Bucket cap;
    };

    struct Physical {
        u16 number { 0 };
        std::optional<LogicalCpu> holder;
        /// The logical CPU it is dedicated to.
        std::optional<LogicalCpu> owner;
        /// It is taken away once it is free.
        bool leaving { false };
    };

    /// Where a logical CPU stands in the order of those that want physical CPUs; less is better.
    struct Rank {
        bool yields { false };
        bool from_surplus { false };
        bool not_urgent { false };
        double lag { 0 };
        PartitionId partition { 0 };
        int low { 0 };
        double served { 0 };
        u16 number { 0 };

        [[nodiscard]] LogicalCpu cpu() const { return { partition, number }; }
        friend auto operator<=>(const Rank&, const Rank&) = default;
    };
    using Ranked = std::vector<Rank>;

    // policy.cpp
    [[nodiscard]] Logical& at(LogicalCpu cpu) { return m_partitions.at(cpu.partition).cpus[cpu.number]; }
    [[nodiscard]] const Logical& at(LogicalCpu cpu) const { return m_partitions.at(cpu.partition).cpus[cpu.number]; }
    [[nodiscard]] Physical* held_by(LogicalCpu cpu);
    [[nodiscard]] bool has_cpu(LogicalCpu cpu) const;
    [[nodiscard]] Result<void> check(const PartitionShare& share) const;
    [[nodiscard]] Result<void> check_dedicated(std::size_t physical, std::size_t dedicated, bool shares) const;
    [[nodiscard]] std::size_t dedicated_cpus(std::optional<PartitionId> except = {}) const;
    [[nodiscard]] bool shares_exist(std::optional<PartitionId> except = {}) const;
    [[nodiscard]] std::size_t find_group(const std::string& name);
    void reconfigured();
    void assign_dedicated();
    void assign_entitlements();
    void set_use(LogicalCpu cpu, Use use);
    void free_physical(LogicalCpu cpu);
    void drop_leaving();

    // policy_time.cpp
    void advance(nanoseconds now);
    void flow(double time);
    void compete(double time, double used, double rates);
    void repay(double time);
    void went_to_sleep(Partition& partition);
    void yielded(Partition& partition);
    void hand_out(double amount, const Partition* except = nullptr);
    void forgive_debts(double amount);
    void void_credits(double amount);
    void find_rates();
    [[nodiscard]] double rate_limit(const Partition& partition, bool guaranteed) const;
    [[nodiscard]] bool anyone_ready() const;

    // policy_decide.cpp
    [[nodiscard]] bool capped_out(const Partition& partition) const;
    [[nodiscard]] bool may_run(LogicalCpu cpu) const;
    [[nodiscard]] bool from_surplus_alone(LogicalCpu cpu) const;
    [[nodiscard]] bool is_urgent(LogicalCpu cpu) const;
    [[nodiscard]] Rank rank(LogicalCpu cpu) const;
    [[nodiscard]] Ranked candidates() const;
    [[nodiscard]] nanoseconds slice() const;
    void grant(nanoseconds now, LogicalCpu cpu, Physical& physical, Decisions& decisions);
    void take_back(LogicalCpu cpu, Decisions& decisions);
    void displace(LogicalCpu cpu, Decisions& decisions);
    [[nodiscard]] std::optional<LogicalCpu> find_displaced(nanoseconds now, const Physical& physical, bool others_wait) const;
    void resume_displaced(nanoseconds now, const Ranked& waiting, Decisions& decisions);
    void take_back_where_not_allowed(Decisions& decisions);
    void grant_dedicated(nanoseconds now, Decisions& decisions);
    void grant_inherited(nanoseconds now, Decisions& decisions);
    void grant_free(nanoseconds now, Ranked& waiting, Decisions& decisions);
    [[nodiscard]] Ranked::iterator find_victim(nanoseconds now, LogicalCpu cpu, Ranked& holders) const;
    [[nodiscard]] Physical* find_place(nanoseconds now, LogicalCpu cpu, const Decisions& decisions);
    void grant_urgent(nanoseconds now, Ranked& waiting, Decisions& decisions);
    void preempt_for(nanoseconds now, LogicalCpu cpu, Ranked& holders, Decisions& decisions);
    void renew_slices(nanoseconds now);
    [[nodiscard]] nanoseconds displaced_at(LogicalCpu holder, LogicalCpu waiting) const;
    [[nodiscard]] bool displaces(nanoseconds now, LogicalCpu cpu, LogicalCpu holder) const;
    [[nodiscard]] Ranked poorest_first() const;

    nanoseconds m_now {};
    std::vector<Physical> m_physical;
    std::map<PartitionId, Partition> m_partitions;
    std::vector<Group> m_groups;
    bool m_rates_known { false };
    /// A logical CPU that yielded names who goes on in its place.
    struct Heir {
        LogicalCpu cpu;
        u16 physical { 0 };
        nanoseconds slice_end {};
    };
    std::optional<Heir> m_heir;
};

} // namespace zvisor::prsm
