#pragma once

#include "service/machine_identity.h"
#include "service/partition_activity.h"

#include <array>
#include <cstddef>

namespace zvisor {

/// The capacity that STORE HYPERVISOR INFORMATION (function code 0) tells of: header, machine and partition (facts: Linux
/// arch/s390/kernel/sthyi.c). What needs the activity of all partitions is left out, and said to be, when that is not `global`.
[[nodiscard]] std::array<std::byte, 4096> hypervisor_information(const MachineIdentity& identity, const MachineActivity& activity);

} // namespace zvisor
