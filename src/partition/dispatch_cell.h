#pragma once

#include "base/types.h"

#include <array>
#include <atomic>

namespace zvisor {

/// What a logical CPU does with its physical CPU.
enum class CpuUse : u32 {
    /// Stopped, without a physical CPU.
    stopped = 0,
    /// In an enabled wait, without a physical CPU.
    waiting = 1,
    /// Has instructions to execute and no physical CPU.
    ready = 2,
    /// Executes on the physical CPU it was granted.
    running = 3,
    /// In an enabled wait; keeps its physical CPU as long as nobody else is ready.
    parked = 4,
};

/// The state word of a logical CPU. It changes by compare-and-swap alone, but for the firmware's setting of flags. The firmware believes
/// in it only what it granted itself; the partition believes it all.
///
/// The partition goes stopped/waiting → ready → (firmware) running → parked/waiting/stopped/ready and parked → running.
/// The firmware goes ready → running, parked → waiting, and sets flags.
struct DispatchState {
    CpuUse use { CpuUse::stopped };
    /// Ring the doorbell when the physical CPU is no longer used: there is no parking.
    bool tell { false };
    /// Give the physical CPU back now.
    bool give_back { false };
    /// The host's number of the physical CPU held; 0 when none is.
    u16 physical { 0 };

    static constexpr u32 use_mask = 0x7;
    static constexpr u32 tell_bit = 0x8;
    static constexpr u32 give_back_bit = 0x10;

    [[nodiscard]] static constexpr DispatchState from(u32 word)
    {
        return { .use = static_cast<CpuUse>(word & use_mask),
            .tell = (word & tell_bit) != 0,
            .give_back = (word & give_back_bit) != 0,
            .physical = static_cast<u16>(word >> 16) };
    }
    [[nodiscard]] constexpr u32 word() const
    {
        return static_cast<u32>(use) | (tell ? tell_bit : 0) | (give_back ? give_back_bit : 0) | u32 { physical } << 16;
    }
    /// It holds a physical CPU.
    [[nodiscard]] constexpr bool holds() const { return use == CpuUse::running || use == CpuUse::parked; }

    friend bool operator==(const DispatchState&, const DispatchState&) = default;
};

/// How much of a physical CPU the firmware stands for (PR/SM: entitlement), as STSI 15.1.x and PTF show it.
enum class Entitlement : u32 { horizontal = 0, low = 1, medium = 2, high = 3 };

/// The dispatch cell of one logical CPU. Times are of the host's monotonic clock, in nanoseconds.
struct alignas(64) DispatchCell {
    /// DispatchState; also the futex word on which the logical CPU waits while ready.
    std::atomic<u32> state { 0 };
    /// Why the physical CPU was given back, read by the firmware with `ready`: 0, `yields`, or `yields_to` | CPU address.
    std::atomic<u32> hint { 0 };
    /// Time in the state `parked` before the present one, in nanoseconds, and when that began: the partition's word, of use for display
    /// alone. The firmware adds to it when it ends the state.
    std::atomic<u64> parked { 0 };
    std::atomic<u64> parked_since { 0 };
    /// When the physical CPU was granted, written by the firmware before it says so: the time of both accounts begins here.
    std::atomic<u64> granted { 0 };
    /// When it went to another that woke up, although this one has not given it back yet; 0: it has not. Written by the firmware.
    std::atomic<u64> withdrawn { 0 };
    /// How long it was another's since it was granted, and came back before that was noticed. Written by the firmware.
    std::atomic<u64> lost { 0 };
    /// Entitlement, written by the firmware for the partition.
    std::atomic<u32> entitlement { 0 };
    /// Share of a physical CPU that is guaranteed, in thousandths, written by the firmware for the partition.
    std::atomic<u32> share { 0 };

    /// The program gives up the rest of its slice (DIAGNOSE X'44').
    static constexpr u32 yields = 1;
    /// In favour of another CPU of the partition (DIAGNOSE X'9C').
    static constexpr u32 yields_to = 0x10000;
};

/// What stands before the cells of a partition.
struct DispatchHeader {
    static constexpr u32 current_version = 2;
    static constexpr u32 most_cells = 256;

    // Written by the firmware for the partition, never read back.
    alignas(64) std::atomic<u32> version { 0 };
    /// Cells behind the header.
    std::atomic<u32> cells { 0 };
    /// The partition's weight, 1-999; 0 with dedicated physical CPUs.
    std::atomic<u32> weight { 0 };
    /// 1: vertical polarization.
    std::atomic<u32> vertical { 0 };
    /// 1: never more than the weight stands for.
    std::atomic<u32> capped { 0 };
    /// Absolute cap in hundredths of a physical CPU; 0: none.
    std::atomic<u32> cap { 0 };

    /// Futex word the firmware increments when some cell was asked to give back, and when what it wrote above or of entitlements changed.
    alignas(64) std::atomic<u32> attention { 0 };

    // Written by the partition when it rings.
    /// The doorbell has been rung and not been heard yet: no need to ring it again.
    alignas(64) std::atomic<u32> rung { 0 };
    /// Cells that changed since the doorbell was heard: bit n % 64 of word n / 64.
    std::array<std::atomic<u64>, most_cells / 64> changed {};
};

static_assert(std::atomic<u32>::is_always_lock_free && std::atomic<u64>::is_always_lock_free);
static_assert(sizeof(std::atomic<u32>) == 4 && sizeof(std::atomic<u64>) == 8);
static_assert(sizeof(DispatchCell) == 64 && sizeof(DispatchHeader) == 192);

} // namespace zvisor
