#pragma once

#include "base/event_fd.h"
#include "base/result.h"
#include "partition/dispatch_region.h"
#include "prsm/policy.h"
#include "prsm/share.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace zvisor::prsm {

/// Where the time of a logical CPU went, by the firmware's clock.
struct LogicalCpuUsage {
    /// Held a physical CPU. The part in which it waited on it, since nobody else was ready, is `parked`, which is the partition's word.
    nanoseconds dispatched {};
    nanoseconds parked {};
    /// In an enabled wait without a physical CPU.
    nanoseconds waiting {};
    /// Ready, and others had the physical CPUs.
    nanoseconds ready {};
    nanoseconds stopped {};
    /// It is configured, and has been for so long since the activation.
    bool configured { false };
    nanoseconds online {};
    /// Times it was given a physical CPU.
    u64 dispatches { 0 };
};

/// What became of the time of the firmware's dispatcher.
struct DispatcherUsage {
    /// Since the dispatcher was created.
    nanoseconds elapsed {};
    /// CPU time of its thread.
    nanoseconds own {};
    u64 wakeups { 0 };
};

/// Dispatches the logical CPUs of partitions on physical CPUs: carries a Policy out over the cells the partitions share. It sleeps until
/// a doorbell rings or a slice ends; when no more logical CPUs are ready than there are physical CPUs, it does nothing at all.
/// All methods may be called from any thread. A partition can mislead it about nobody but itself.
class Dispatcher {
public:
    struct Options {
        /// The host's numbers of the physical CPUs.
        std::vector<u16> physical_cpus;
        /// Time a logical CPU that was asked to give back has for it, if the host lets its process run; see `add`. A hostile partition
        /// gains this once. Honest ones that boot were seen to run 60 ms before they do; on a loaded host that is itself a virtual
        /// machine, two of some twenty took more than 250 ms.
        nanoseconds grace { std::chrono::seconds(2) };
        /// The same when the host does not: on one with many other loads it was seen to take two seconds.
        nanoseconds starved_grace { std::chrono::seconds(10) };
        /// Real-time priority on the host, where it is allowed.
        bool real_time { true };
    };
    /// A partition broke the rules; why, as a sentence. It is not dispatched any more, and what it holds counts as free: its
    /// process is to be ended. Called on the dispatcher's thread or that of a method, which must not be waited for in it.
    using Report = std::function<void(PartitionId, const std::string& why)>;

    [[nodiscard]] static Result<std::unique_ptr<Dispatcher>> create(Options options, Report report);
    ~Dispatcher();
    Dispatcher(const Dispatcher&) = delete;
    Dispatcher& operator=(const Dispatcher&) = delete;

    // ---- Configuration: fails for an unknown partition, a share out of range, too few physical CPUs --------------

    /// Takes a partition in with the first `logical_cpus` cells of its region. In a region of a running partition whose firmware was
    /// replaced no CPU holds a physical CPU any more: the partition is `unsupervised` before and supervised again after.
    /// With its process known, a CPU that the host did not let run after it was asked to give back has more time for it: it could not.
    [[nodiscard]] Result<void> add(
        PartitionId id, std::shared_ptr<DispatchRegion> region, u32 logical_cpus, PartitionShare share, std::optional<pid_t> process = {});
    /// Forgets a partition; its process must have ended or been unsupervised, since what it holds counts as free.
    Result<void> remove(PartitionId id);
    [[nodiscard]] Result<void> change(PartitionId id, PartitionShare share);
    /// Configures a logical CPU, or deconfigures it: it is stopped by then, and is not dispatched any more.
    [[nodiscard]] Result<void> configure(LogicalCpu cpu, bool configured);
    /// The cap of a group of partitions (PartitionShare::group), in hundredths of a CPU; nothing: none.
    [[nodiscard]] Result<void> set_group_cap(const std::string& group, std::optional<Hundredths> cap);
    [[nodiscard]] Result<void> set_physical_cpus(std::vector<u16> numbers);

    /// Charges a partition for CPU time its process had without a logical CPU being dispatched; an unknown one is nobody's concern.
    void charge(PartitionId id, nanoseconds used);

    // ---- Accounting ----------------------------------------------------------------------------------------------

    /// Of all cells, configured or not; empty for an unknown partition.
    [[nodiscard]] std::vector<LogicalCpuUsage> usage(PartitionId id);
    [[nodiscard]] DispatcherUsage usage();

private:
    /// `displaced`: another has its physical CPU, and it has not noticed yet.
    enum class Belief : u8 { stopped, waiting, ready, running, displaced };

    /// What is known of a logical CPU, whatever its cell says.
    struct Logical {
        Belief belief { Belief::stopped };
        /// Since when, and where the time before went.
        nanoseconds since {};
        LogicalCpuUsage usage;
        std::optional<nanoseconds> configured_at {};
        u16 physical { 0 };
        /// Its cell has the flag `tell`.
        bool told { false };
        /// It was asked to give back, and has to until then.
        std::optional<nanoseconds> due {};
        nanoseconds asked {};
        /// CPU time of the partition's process by then, if that can be known.
        std::optional<nanoseconds> process_time {};
        /// What the partition's other CPUs were dispatched by then.
        nanoseconds others_dispatched {};
    };

    struct Partition {
        std::shared_ptr<DispatchRegion> region;
        std::vector<Logical> cpus;
        std::optional<pid_t> process;
        bool suspended { false };
        /// Its doorbell, heard so often since then; too often, and it is left alone for a while.
        nanoseconds hearing_since {};
        unsigned heard { 0 };
        bool deaf { false };
    };

    struct Misdeed {
        PartitionId partition;
        std::string why;
    };

    Dispatcher(Options options, Report report, UniqueFd events, EventFd wake);
    [[nodiscard]] static nanoseconds now();

    // dispatcher.cpp
    void run(const std::stop_token& stop);
    [[nodiscard]] std::optional<nanoseconds> next_event() const;
    void wait_for_event();
    [[nodiscard]] Result<void> listen_to(PartitionId id, const DispatchRegion& region);
    void stop_listening(Partition& partition);
    void heard(PartitionId id, nanoseconds time);
    void hear_again(nanoseconds time);
    void publish();
    static void call(Partition& partition);
    /// Carries `change` out on the policy, and what follows from it.
    template<class Change>
    Result<void> reconfigure(Change change);
    void deliver(std::unique_lock<std::mutex>& lock);

    // dispatcher_cells.cpp
    void serve(nanoseconds time);
    void take_over(PartitionId id, nanoseconds time);
    void read_doorbell(PartitionId id, nanoseconds time);
    void look(LogicalCpu cpu, nanoseconds time);
    void look_at_holder(LogicalCpu cpu, DispatchState state, nanoseconds time);
    void believe(LogicalCpu cpu, Belief belief, nanoseconds time);
    [[nodiscard]] bool carry_out(const Policy::Grant& grant, nanoseconds time);
    [[nodiscard]] bool ask(LogicalCpu cpu, nanoseconds time);
    [[nodiscard]] bool displace(LogicalCpu cpu, nanoseconds time);
    [[nodiscard]] bool resume(LogicalCpu cpu, nanoseconds time);
    bool tell_holders(nanoseconds time);
    [[nodiscard]] static u64 parked_now(const DispatchCell& cell, nanoseconds time);
    [[nodiscard]] bool set_flags(LogicalCpu cpu, u32 flags, nanoseconds time);
    void enforce(nanoseconds time);
    [[nodiscard]] bool was_starved(const Partition& partition, const Logical& cpu, nanoseconds time) const;
    [[nodiscard]] static nanoseconds dispatched_beside(const Partition& partition, const Logical& cpu, nanoseconds time);
    void misbehaves(PartitionId id, std::string why, nanoseconds time);
    [[nodiscard]] DispatchCell& cell(LogicalCpu cpu) { return m_partitions.at(cpu.partition).region->cells()[cpu.number]; }
    [[nodiscard]] Logical& logical(LogicalCpu cpu) { return m_partitions.at(cpu.partition).cpus[cpu.number]; }

    Options m_options;
    Report m_report;
    UniqueFd m_events;
    EventFd m_wake;
    nanoseconds m_created;
    u64 m_wakeups { 0 };
    /// Guards all below.
    std::mutex m_mutex;
    Policy m_policy;
    std::map<PartitionId, Partition> m_partitions;
    std::vector<Misdeed> m_misdeeds;
    /// Some logical CPU changed since decisions were made.
    bool m_news { false };
    std::jthread m_thread;
};

} // namespace zvisor::prsm
