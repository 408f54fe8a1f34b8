#pragma once

#include "base/types.h"

namespace zvisor {

/// EXTRACT CPU ATTRIBUTE (PoP ch. 7): attribute indication `attribute` (0 topology of the caches, 1 line size, 2 total size,
/// 3 set associativity, sizes in bytes) of the cache at `level` (0 is the first) of `type` (0 data or unified, 1 instruction)
/// in a machine of `generation` (Model::generation). All ones for what the machine does not define.
[[nodiscard]] u64 extract_cpu_attribute(unsigned generation, u8 attribute, u8 level, u8 type);

} // namespace zvisor
