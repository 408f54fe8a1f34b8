#pragma once

#include "partition/dispatch_cell.h"
#include "service/partition_activity.h"

#include <optional>
#include <vector>

namespace zvisor {

/// What the firmware grants a partition of the physical CPUs, as it stands now.
struct OwnShare {
    struct Cpu {
        Entitlement entitlement { Entitlement::horizontal };
        /// Guaranteed, in thousandths of a physical CPU.
        u32 share { 0 };
    };
    /// 1-999; 0 with dedicated physical CPUs.
    u32 weight { 0 };
    bool vertical { false };
    bool capped { false };
    /// In hundredths of a physical CPU; 0: none.
    u32 cap_hundredths { 0 };
    std::vector<Cpu> cpus;
};

/// What a partition asks of the firmware it runs under. What waits for an answer is called on the thread of a CPU that does not
/// execute meanwhile.
struct FirmwareServices {
    virtual ~FirmwareServices() = default;
    /// What all partitions of the machine used; nothing: the firmware does not tell this one, or does not answer. Waits.
    [[nodiscard]] virtual std::optional<MachineActivity> activity() = 0;
    /// A logical CPU is to be dispatched from now on, or not any more; false: refused. Waits.
    [[nodiscard]] virtual bool configure_cpu(u16 address, bool configured) = 0;
    /// The polarization of the partition's CPUs; false: refused. It is in force when this returns. Waits.
    [[nodiscard]] virtual bool polarize(bool vertical) = 0;
    [[nodiscard]] virtual OwnShare share() const = 0;
};

} // namespace zvisor
