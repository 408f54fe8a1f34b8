#pragma once

#include "control/types.h"
#include "prsm/firmware.h"

namespace zvisor {

/// What the door says of the firmware's things.
[[nodiscard]] MachineInfo info_of(const Firmware& firmware);
[[nodiscard]] PartitionInfo info_of(const PartitionStatus& status);
/// With what it has on the machine's boards.
[[nodiscard]] PartitionInfo info_of(const PartitionStatus& status, const std::vector<BoardDefinition>& boards);
[[nodiscard]] EventInfo info_of(const MachineEvent& event);

} // namespace zvisor
