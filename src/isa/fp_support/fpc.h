#pragma once

#include "base/types.h"

namespace zvisor::isa {

/// Bits of the floating-point-control register (PoP ch. 9, "Floating-Point-Control (FPC) Register").
struct Fpc {
    /// Masks, flags and exception codes all keep invalid operation, division by zero, overflow, underflow and inexact
    /// in the leftmost bits of their byte.
    static constexpr unsigned masks_shift = 24;
    static constexpr unsigned flags_shift = 16;
    static constexpr u32 masks = 0xf8000000;
    static constexpr u32 flags = 0x00f80000;
    static constexpr u32 quantum = 0x04040000;
    static constexpr u32 inexact_flag = 0x00080000;
    static constexpr unsigned dfp_rounding_shift = 4;
    static constexpr u32 dfp_rounding = 0x00000070;
    static constexpr u32 bfp_rounding = 0x00000007;
    /// With one of these on, the host's arithmetic gives other results: something traps or is not rounded to nearest.
    static constexpr u32 host_differs = masks | bfp_rounding;
    /// Bits that must be zero in every value placed in the register.
    static constexpr u32 unassigned = 0x03030088;

    /// True for a BFP rounding mode the register may hold; 4-6 are undefined, 7 came with the floating-point extension.
    static constexpr bool valid_bfp_rounding(u32 mode, bool extension) { return mode < 4 || (mode == 7 && extension); }
};

} // namespace zvisor::isa
