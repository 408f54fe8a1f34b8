#pragma once

#include "service/configuration.h"
#include "service/machine_identity.h"
#include "service/topology.h"

#include <array>
#include <cstddef>
#include <optional>

namespace zvisor {

using SystemInformationBlock = std::array<std::byte, 4096>;

/// What STORE SYSTEM INFORMATION and STORE CPU ID give (PoP ch. 10). Its parts outlive it.
class SystemInformation {
public:
    /// `entitlements` may be null: the configuration gets all its CPUs can do.
    SystemInformation(
        MachineIdentity identity, const CpuConfiguration& cpus, const Topology& topology, const CpuEntitlements* entitlements = nullptr);

    [[nodiscard]] const MachineIdentity& identity() const { return m_identity; }

    /// Current configuration level, 2 or 3: what function code 0 returns in bits 32-35 of general register 0.
    [[nodiscard]] u8 current_level() const { return m_identity.personality == Personality::lpar ? 2 : 3; }

    /// The block for a function code and its selectors on the CPU of that address; nothing (condition code 3) when
    /// the combination has none here. Function code 15 only when the topology is installed.
    [[nodiscard]] std::optional<SystemInformationBlock> store(u8 function, u8 selector_1, u16 selector_2, u16 cpu_address) const;

    /// The doubleword STORE CPU ID stores: version code, partition and serial number, machine type, format.
    [[nodiscard]] u64 cpu_id() const;

private:
    [[nodiscard]] SystemInformationBlock basic_machine(u16) const;
    [[nodiscard]] SystemInformationBlock basic_machine_cpu(u16 cpu_address) const;
    [[nodiscard]] SystemInformationBlock basic_machine_cpus(u16) const;
    [[nodiscard]] SystemInformationBlock partition_cpu(u16 cpu_address) const;
    [[nodiscard]] SystemInformationBlock partition_cpus(u16) const;
    [[nodiscard]] SystemInformationBlock virtual_machine_cpus(u16) const;

    MachineIdentity m_identity;
    const CpuConfiguration& m_cpus;
    const Topology& m_topology;
    const CpuEntitlements* m_entitlements;
};

} // namespace zvisor
