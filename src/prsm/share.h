#pragma once

#include "base/types.h"

#include <chrono>
#include <compare>
#include <optional>
#include <string>

namespace zvisor::prsm {

using std::chrono::nanoseconds;

using PartitionId = u32;

/// A logical CPU: the cell with its number in the region of its partition.
struct LogicalCpu {
    PartitionId partition { 0 };
    u16 number { 0 };

    friend auto operator<=>(const LogicalCpu&, const LogicalCpu&) = default;
};

/// A number of CPUs in hundredths, as caps are given.
using Hundredths = u32;

/// How a partition takes part in the physical CPUs.
struct PartitionShare {
    /// Relative to those of the others: 1-999. What it stands for is guaranteed; what others leave is shared by it, too.
    u32 weight { 100 };
    /// Initial capping: never more than the weight stands for.
    bool capped { false };
    /// Absolute capping: never more than that, 1-25500.
    std::optional<Hundredths> absolute_cap {};
    /// The group whose cap its members have together; empty: none.
    std::string group {};
    /// Each logical CPU has a physical CPU to itself; weight and caps are of no effect.
    bool dedicated { false };
    /// Vertical polarization: the share is gathered on few logical CPUs, and those of low entitlement get what others leave.
    bool vertical { false };

    friend bool operator==(const PartitionShare&, const PartitionShare&) = default;
};

} // namespace zvisor::prsm
