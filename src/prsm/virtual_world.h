#pragma once

#include "prsm/policy.h"

#include <functional>
#include <map>
#include <set>
#include <vector>

namespace zvisor::prsm {

/// Logical CPUs in virtual time, for tests of the policy: they run as it decides, and time jumps from event to event.
class VirtualWorld {
public:
    /// What a logical CPU does over and over: runs for a time (nothing: without end), sleeps for a time.
    struct Behaviour {
        std::function<nanoseconds()> runs;
        std::function<nanoseconds()> sleeps;
        /// Instead of sleeping it yields.
        Yield yield {};
    };
    static constexpr nanoseconds endless = std::chrono::hours(1000);

    explicit VirtualWorld(std::vector<u16> physical)
        : policy(std::move(physical))
    {
    }

    [[nodiscard]] static Behaviour spins()
    {
        return { [] { return endless; }, [] { return endless; } };
    }
    [[nodiscard]] static Behaviour cycles(nanoseconds runs, nanoseconds sleeps)
    {
        return { [runs] { return runs; }, [sleeps] { return sleeps; } };
    }

    void add(PartitionId id, u32 cpus, PartitionShare share, const Behaviour& behaviour);
    /// The logical CPU behaves so from now on, beginning with a wake-up.
    void start(LogicalCpu cpu, Behaviour behaviour);
    /// It sleeps from now on.
    void stop(LogicalCpu cpu);
    void run_for(nanoseconds time);

    /// CPU time a partition, or logical CPU, has had so far.
    [[nodiscard]] nanoseconds used(PartitionId id) const;
    [[nodiscard]] nanoseconds used(LogicalCpu cpu) const { return m_cpus.at(cpu).used; }
    /// Wake-ups of a logical CPU and the time until it ran.
    [[nodiscard]] const std::vector<nanoseconds>& latencies(LogicalCpu cpu) const { return m_cpus.at(cpu).latencies; }
    /// Times a logical CPU was given another physical CPU than before.
    [[nodiscard]] unsigned moves(LogicalCpu cpu) const { return m_cpus.at(cpu).moves; }

    Policy policy;
    nanoseconds now { 0 };
    /// What giving back takes a logical CPU.
    nanoseconds give_back_time { 0 };
    u64 decisions { 0 };
    u64 take_backs { 0 };

private:
    struct Cpu {
        Behaviour behaviour;
        bool runs { false };
        bool ready { false };
        nanoseconds work_left {};
        nanoseconds wakes_at { endless };
        /// When it does what it was asked to.
        nanoseconds gives_back_at { endless };
        nanoseconds ready_since {};
        nanoseconds used {};
        std::vector<nanoseconds> latencies;
        bool woke { false };
        std::optional<u16> physical;
        unsigned moves { 0 };
    };

    void decide();
    [[nodiscard]] nanoseconds next_event() const;
    void pass_to(nanoseconds time);
    void act(LogicalCpu id, Cpu& cpu);

    std::map<LogicalCpu, Cpu> m_cpus;
};

} // namespace zvisor::prsm
