#pragma once

#include "service/partition_activity.h"

#include <array>
#include <cstddef>
#include <vector>

namespace zvisor {

/// How the data of DIAGNOSE X'204' is laid out: in at most a page, or in as many as it takes; and whether CPUs that are not online are in
/// it.
enum class UtilizationFormat : u8 { simple, extended, extended_with_offline };

/// Logical-CPU utilization, as DIAGNOSE X'204' stores it; `tod` is the time of day it was taken at. Simple data leaves out partitions
/// that do not fit the page.
[[nodiscard]] std::vector<std::byte> utilization(const MachineActivity& activity, UtilizationFormat format, u64 tod);

/// Pages that extended data of these partitions never exceeds, whichever of them are active.
[[nodiscard]] u64 utilization_pages(const MachineActivity& activity);

/// The names of CPU types by number that DIAGNOSE X'224' stores: a page.
[[nodiscard]] std::array<std::byte, 4096> cpu_type_names();

} // namespace zvisor
