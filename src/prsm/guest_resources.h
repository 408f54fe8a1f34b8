#pragma once

#include "prsm/guest_agent.h"

#include <vector>

namespace zvisor {

/// A block of storage as the program sees it: absolute storage from number * size on.
struct GuestBlock {
    u64 number { 0 };
    bool online { false };
    /// False: the program knows already that it will not take it offline.
    bool removable { false };
};

/// In ascending order, of `size` bytes each.
struct GuestStorage {
    u64 size { 0 };
    std::vector<GuestBlock> blocks;
};

/// A CPU as the program numbers it, which need not be its address.
struct GuestCpu {
    u64 number { 0 };
    bool online { false };
    bool removable { false };
};

/// What the program says of its storage and of its CPUs, in ascending order.
[[nodiscard]] Result<GuestStorage> storage_of_guest(GuestAgent& agent, const Patience& patience);
[[nodiscard]] Result<std::vector<GuestCpu>> cpus_of_guest(GuestAgent& agent, const Patience& patience);

/// Has the program take a block online or offline: the partition has the storage, or has it no more, when this returns.
[[nodiscard]] Result<void> set_guest_block(GuestAgent& agent, u64 number, bool online, const Patience& patience);
/// Has the program configure a CPU and use it, or the opposite.
[[nodiscard]] Result<void> set_guest_cpu(GuestAgent& agent, u64 number, bool online, const Patience& patience);

} // namespace zvisor
