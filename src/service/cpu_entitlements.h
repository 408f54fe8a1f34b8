#pragma once

#include "base/types.h"

namespace zvisor {

/// What a logical CPU is entitled to of a physical one, as the configuration topology codes it (PoP ch. 10, "CPU-type TLE").
enum class Polarization : u8 { horizontal = 0, vertical_low = 1, vertical_medium = 2, vertical_high = 3 };

/// What whoever dispatches the CPUs of the configuration grants them. May be asked from any thread.
struct CpuEntitlements {
    virtual ~CpuEntitlements() = default;
    [[nodiscard]] virtual bool vertical() const = 0;
    /// Of the CPU with this address.
    [[nodiscard]] virtual Polarization polarization(u16 address) const = 0;
    /// The program asks for vertical or for horizontal polarization; false: refused. It is in force when this returns.
    [[nodiscard]] virtual bool polarize(bool vertical) = 0;
    /// How much of the capability of its CPUs the configuration gets at most, in thousandths, 1..1000.
    [[nodiscard]] virtual u32 capability_limit() const = 0;
};

} // namespace zvisor
