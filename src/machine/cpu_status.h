#pragma once

#include "prsm/partition_dump.h"

namespace zvisor {

class Cpu;

/// The registers of a CPU that does not execute.
[[nodiscard]] CpuStatus status_of(const Cpu& cpu);

} // namespace zvisor
