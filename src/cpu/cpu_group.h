#pragma once

#include "arch/facility.h"
#include "base/host_timer.h"
#include "cpu/cpu_observer.h"
#include "cpu/cpu_types.h"
#include "cpu/services.h"
#include "cpu/timer_alarm.h"
#include "cpu/tod_clock.h"
#include "storage/absolute_storage.h"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace zvisor {

class Cpu;

/// The CPUs of one configuration and what they share: storage, clock, facilities, and the services around them.
class CpuGroup {
public:
    /// Everything must outlive the group.
    CpuGroup(AbsoluteStorage& storage, const FacilitySet& facilities, ChannelServices& channels, MachineServices& machine);
    ~CpuGroup();
    CpuGroup(const CpuGroup&) = delete;
    CpuGroup& operator=(const CpuGroup&) = delete;

    /// Adds a CPU in the stopped state; before `start`.
    Cpu& add();
    [[nodiscard]] std::size_t size() const { return m_cpus.size(); }
    /// The CPU with this address, or null.
    [[nodiscard]] Cpu* find(u16 address) { return address < m_cpus.size() ? m_cpus[address].get() : nullptr; }
    /// The same unless it is not in the configuration: nobody can signal such a CPU. From any thread; it is stopped when that changes.
    [[nodiscard]] Cpu* find_configured(u16 address);
    void set_configured(u16 address, bool configured);
    [[nodiscard]] const std::vector<std::unique_ptr<Cpu>>& cpus() const { return m_cpus; }

    /// Starts one host thread a CPU; CPUs run when ordered to.
    void start();
    /// Makes every CPU leave its engine and joins the threads.
    void finish();
    [[nodiscard]] bool ending() const { return m_ending.load(std::memory_order_relaxed); }

    /// A floating interruption became pending; from any thread.
    void interruption_pending();
    /// Drops cached translations on every other CPU and returns when none of them can use an old one (PoP ch. 10, IPTE).
    void purge_others(Cpu& self, const Purge& what = {});
    /// Makes every other CPU notice its next store to an absolute page that now holds code, before returning.
    void watch_code_page(Cpu& self, u64 absolute_page);
    /// Makes every CPU forget where absolute storage is and drop code of [address, address+length), and returns when none can use
    /// what it knew: storage that left the configuration.
    void forget_storage(Cpu& self, u64 address, u64 length);
    /// A store by `self` (null: a device) hit a page with code.
    void code_stored(Cpu* self, u64 absolute_address, u64 length);
    /// True for one CPU for each time a channel report became pending (PoP ch. 17, "Channel Report").
    [[nodiscard]] bool claim_channel_report() { return m_channel_report.exchange(false); }
    void channel_report_pending();
    /// A running CPU's timer deadline moved to `deadline` (TOD).
    void deadline_changed(u64 deadline);
    /// A CPU is about to sleep until its own deadline: the alarm need not ring for it.
    void put_alarm_off(u64 deadline);
    /// The TOD clock when the alarm rings next, at the earliest.
    [[nodiscard]] u64 alarm() const { return m_timer_target.load(); }

    /// What sees the CPUs' doings, or null; before `start`, and it must outlive the group.
    void set_observer(CpuObserver* observer) { m_observer = observer; }
    [[nodiscard]] CpuObserver* observer() const { return m_observer; }

    /// Who decides when the CPUs may run, or null: they run whenever they have something to execute. Before `start`.
    void set_dispatching(std::unique_ptr<Dispatching> dispatching) { m_dispatching = std::move(dispatching); }
    [[nodiscard]] Dispatching* dispatching() const { return m_dispatching.get(); }

    /// Whether there is no other CPU, nor can be: updates of storage are to be interlocked with those by devices only, see PageFlag.
    [[nodiscard]] bool is_uniprocessor() const { return m_cpus.size() == 1; }

    [[nodiscard]] AbsoluteStorage& storage() { return m_storage; }
    [[nodiscard]] const FacilitySet& facilities() const { return m_facilities; }
    [[nodiscard]] ChannelServices& channels() { return m_channels; }
    [[nodiscard]] MachineServices& machine() { return m_machine; }
    [[nodiscard]] TodClock& tod() { return m_tod; }
    /// SET CLOCK by `self`: the CPU timers of all CPUs keep their values.
    void set_tod(Cpu& self, u64 value);
    /// Serializes SIGP orders that must not overlap.
    [[nodiscard]] std::mutex& signalling() { return m_signalling; }
    /// The lock of PERFORM LOCKED OPERATION; never held while waiting for another CPU.
    [[nodiscard]] std::mutex& locked_operation() { return m_locked_operation; }

private:
    template<class Post>
    void post_and_wait(Cpu& self, Post post);
    void watch_timers();
    void set_alarm();
    void arm(u64 target, u64 now);

    AbsoluteStorage& m_storage;
    const FacilitySet& m_facilities;
    ChannelServices& m_channels;
    MachineServices& m_machine;
    CpuObserver* m_observer { nullptr };
    TodClock m_tod;
    std::vector<std::unique_ptr<Cpu>> m_cpus;
    /// Of CPUs outside the configuration the bit is set.
    std::array<std::atomic<u64>, 4> m_deconfigured {};
    // It may notify CPUs as long as it lives.
    std::unique_ptr<Dispatching> m_dispatching;
    std::vector<std::jthread> m_threads;
    std::atomic<bool> m_ending { false };
    std::atomic<bool> m_channel_report { false };
    std::mutex m_signalling;
    std::mutex m_locked_operation;

    std::mutex m_timer_mutex;
    /// Set under m_timer_mutex, to the target: when to look at CPUs next.
    HostTimer m_timer;
    std::atomic<u64> m_timer_target { TimerAlarm::never };
    std::jthread m_timer_thread;
};

} // namespace zvisor
