#pragma once

#include "partition/dispatch_cell.h"
#include "prsm/share.h"

namespace zvisor::prsm {

/// What one logical CPU stands for.
struct CpuEntitlement {
    Entitlement kind { Entitlement::horizontal };
    /// CPUs guaranteed, 0-1.
    double share { 0 };
};

/// What logical CPU `index` of `cpus` is entitled to when the partition is to `entitlement` CPUs. Vertical polarization: whole CPUs are
/// high; a rest of half a CPU or more, or without a high one, is medium; a smaller rest takes a high one down to two medium ones; the
/// others are low.
[[nodiscard]] CpuEntitlement entitlement_of(u32 index, u32 cpus, double entitlement, bool vertical);

} // namespace zvisor::prsm
