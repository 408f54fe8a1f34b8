#pragma once

#include "base/host_priority.h"
#include "cpu/cpu_group.h"
#include "cpu/wait_polling.h"
#include "partition/dispatch_region.h"
#include "partition/firmware_services.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <mutex>
#include <sched.h>
#include <thread>
#include <vector>

namespace zvisor {

/// Runs the CPUs of a group as the firmware's dispatcher grants them physical CPUs, over the cells of a region: CPU n uses cell n. A
/// thread of a CPU is bound to the host CPU that was granted. Another thread listens for the firmware's wish to have one back.
/// Needs of the host, once confined: futex, write (doorbell), sched_setaffinity, and sched_setattr where allowed.
///
/// The group owns it: `group.set_dispatching(std::move(adapter))` before the group starts. Keep a pointer for `unsupervised`.
class DispatchAdapter final : public Dispatching {
public:
    /// The group has all its CPUs, at most as many as the region has cells; it must outlive the adapter. `on_share_changed` is called on
    /// the adapter's thread when the firmware grants other entitlements than before.
    DispatchAdapter(CpuGroup& group, std::shared_ptr<DispatchRegion> region, std::function<void()> on_share_changed = {});
    ~DispatchAdapter() override;

    /// The firmware is gone (true): every CPU runs freely, as the host lets it. It is back (false) and has taken the region over: CPUs
    /// give themselves up and ask for physical CPUs. From any thread.
    void unsupervised(bool on);
    /// Another firmware is there, with a region of its own of at least as many cells. From any thread.
    void supervised_by(std::shared_ptr<DispatchRegion> region);

    /// What the firmware grants, from any thread.
    [[nodiscard]] OwnShare share() const;

    Held acquire(Cpu& cpu) override;
    std::chrono::steady_clock::time_point held_until(Cpu& cpu) override;
    bool release(Cpu& cpu, Idle idle) override;
    Held give_back(Cpu& cpu) override;
    void yield(Cpu& cpu) override;
    void yield_to(Cpu& cpu, u16 address) override;
    void interrupt(Cpu& cpu) override;

private:
    /// Of one CPU; for its thread alone.
    struct alignas(64) Slot {
        u32 hint { 0 };
        /// Host CPU its thread is bound to, or -1.
        int bound { -1 };
        /// When it went on with the physical CPU on which it had waited.
        std::chrono::steady_clock::time_point resumed {};
        /// What is known of DispatchCell::lost, and when it was looked at.
        u64 lost { 0 };
        std::chrono::steady_clock::time_point looked {};
        HostSlice slice { HostSlice::brief };
        /// For the answer to one that woke up.
        WaitPolling answer { std::chrono::microseconds(100) };
    };

    [[nodiscard]] DispatchRegion& region() const { return *m_region.load(); }
    [[nodiscard]] DispatchCell& cell(const Cpu& cpu) const;
    [[nodiscard]] Slot& slot(const Cpu& cpu);
    bool change(const Cpu& cpu, u32 from, DispatchState to, bool rings);
    [[nodiscard]] bool resume_parked(Cpu& cpu, u32 word);
    void wait_for_answer(Cpu& cpu);
    void prefer(Cpu& cpu, HostSlice slice);
    void bind(Cpu& cpu, u16 physical);
    void unbind(Cpu& cpu);
    void withdraw(DispatchCell& cell, std::size_t index);
    void look_around();
    void look_at_share();
    [[nodiscard]] std::vector<Entitlement> entitlements() const;
    void listen(const std::stop_token& stop);
    static void call_listener(DispatchRegion& where);

    CpuGroup& m_group;
    std::atomic<DispatchRegion*> m_region;
    std::atomic<bool> m_unsupervised { false };
    std::vector<Slot> m_slots;
    HostSlices m_slices;
    /// Where threads may run when they are not bound.
    cpu_set_t m_everywhere {};
    std::mutex m_mutex;
    /// Under m_mutex. Regions of the past stay, since threads may look at them still.
    std::vector<std::shared_ptr<DispatchRegion>> m_regions;
    std::function<void()> m_on_share_changed;
    /// For the listener alone: the entitlements it saw last.
    std::vector<Entitlement> m_seen_entitlements;
    /// The listener has the priority it asks for.
    std::latch m_listening { 1 };
    std::jthread m_listener;
};

} // namespace zvisor
