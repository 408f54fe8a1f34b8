#pragma once

#include "arch/interruption.h"
#include "channel/layouts.h"

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace zvisor {

/// The pending I/O interruptions of one configuration, by interruption subclass. An ISC mask has ISC 0 in its leftmost bit,
/// as byte 4 of control register 6 has. All methods may be called from any thread.
class InterruptionQueue {
public:
    /// Adapter-interruption modes as SET INTERRUPTION CONTROL sets them for one subclass.
    enum class Mode : u8 { all = 0, single = 1 };

    /// Called, on whatever thread, when an interruption became pending. Set once, before CPUs run.
    void on_interruption(std::function<void()> listener) { m_listener = std::move(listener); }

    /// A subchannel became status-pending; it is pending at most once.
    void add(SubsystemId id, u8 isc, u32 parameter);
    /// The subchannel's status was cleared.
    void remove(SubsystemId id);
    /// An adapter interruption. A suppressible one is dropped while its subclass is in single mode and had its one.
    void add_adapter(u8 isc, bool suppressible);
    void set_mode(u8 isc, Mode mode);

    [[nodiscard]] bool pending(u8 isc_mask) const { return m_pending.load(std::memory_order_acquire) & isc_mask; }
    /// Takes the interruption of the lowest-numbered enabled subclass.
    [[nodiscard]] std::optional<IoInterruption> take(u8 isc_mask);

    /// Forgets everything and returns to mode `all` (reset).
    void clear();

private:
    static constexpr unsigned subclasses = 8;
    struct Subclass {
        std::deque<IoInterruption> subchannels;
        bool adapter { false };
        Mode mode { Mode::all };
        bool suppressing { false };

        [[nodiscard]] bool empty() const { return !adapter && subchannels.empty(); }
    };

    static constexpr u8 mask_of(u8 isc) { return static_cast<u8>(0x80 >> isc); }
    void note(u8 isc);

    std::mutex m_mutex;
    std::array<Subclass, subclasses> m_subclasses;
    std::atomic<u8> m_pending { 0 };
    std::function<void()> m_listener;
};

} // namespace zvisor
