#pragma once

#include "prsm/definition.h"

namespace zvisor {

/// The boards of a machine: those its definition has, else one without a name that has everything.
[[nodiscard]] std::vector<BoardDefinition> boards_of(const MachineDefinition& machine);
/// The board, as its place in `boards_of`, that each logical CPU of a partition is placed on: partitions in the order of the definition,
/// one physical CPU after the other.
[[nodiscard]] std::vector<u8> board_of_each_cpu(const MachineDefinition& machine, const PartitionDefinition& partition);

} // namespace zvisor
