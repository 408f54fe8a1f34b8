#pragma once

#include "arch/interruption.h"
#include "base/types.h"
#include "service/configuration.h"
#include "storage/absolute_storage.h"

#include <expected>
#include <vector>

namespace zvisor {

/// What DIAGNOSE X'260' (access certain virtual machine information) leaves.
struct StorageLimits {
    u8 condition_code { 0 };
    u64 rx { 0 };
    u64 ry { 0 };
};

/// DIAGNOSE X'260' with general registers Rx, Rx+1 and Ry. Subcode X'0C': Rx and Ry get the address of the last byte.
/// Subcode X'10': the extents go to absolute address Rx, where there are Rx+1 bytes; Ry gets their number, and condition
/// code 3 says that they did not fit and none was stored. Specification for another subcode or an area that is not a
/// positive number of 16-byte entries on a 16-byte boundary; addressing when the area is not in storage.
[[nodiscard]] std::expected<StorageLimits, ProgramCode> store_storage_limits(
    AbsoluteStorage& storage, const std::vector<StorageExtent>& extents, u64 rx, u64 rx_odd, u64 ry);

} // namespace zvisor
