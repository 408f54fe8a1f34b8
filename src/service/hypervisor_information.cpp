#include "service/hypervisor_information.h"

#include "base/ebcdic.h"
#include "service/hypervisor_information_blocks.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace zvisor {

namespace {

/// A CPU in caps.
constexpr u64 whole_cpu = 0x10000;

[[nodiscard]] u32 scaled(u32 hundredths)
{
    return static_cast<u32>(whole_cpu * hundredths / 100);
}

[[nodiscard]] u16 shared_physical_cpus(const MachineActivity& activity)
{
    return static_cast<u16>(activity.physical_cpus - std::min(activity.physical_cpus, activity.dedicated_physical_cpus));
}

[[nodiscard]] MachineSection machine_section(const MachineIdentity& identity, const MachineActivity& activity)
{
    MachineSection section;
    section.valid = MachineSection::identity_valid;
    put_ebcdic(section.type, fmt::format("{:04X}", identity.machine_type));
    put_ebcdic(section.manufacturer, identity.manufacturer);
    put_ebcdic(section.sequence, identity.sequence);
    put_ebcdic(section.plant, identity.plant);
    if (!identity.machine_name.empty()) {
        put_ebcdic(section.name, identity.machine_name);
        section.valid |= MachineSection::name_valid;
    }
    if (activity.global) {
        section.cpus.shared_linux = shared_physical_cpus(activity);
        section.cpus.dedicated_linux = activity.dedicated_physical_cpus;
        section.valid |= MachineSection::counts_valid;
    }
    return section;
}

/// The part of the shared physical CPUs that the weight stands for, when the partition is held to it.
[[nodiscard]] u32 weight_cap(const MachineActivity& activity, const LogicalPartition& own)
{
    u64 weights = 0;
    for (const auto& partition : activity.partitions)
        weights += partition.active && !partition.dedicated ? partition.weight : 0;
    if (!own.capped || own.dedicated || weights == 0)
        return 0;
    return static_cast<u32>(shared_physical_cpus(activity) * whole_cpu * own.weight / weights);
}

[[nodiscard]] PartitionSection partition_section(const MachineIdentity& identity, const MachineActivity& activity)
{
    PartitionSection section;
    section.valid = PartitionSection::identity_valid;
    section.number = identity.partition_number;
    put_ebcdic(section.name, identity.partition_name);
    const auto* own = activity.asking();
    if (!own)
        return section;
    auto online = static_cast<u16>(std::ranges::count_if(own->cpus, &LogicalCpuActivity::online));
    (own->dedicated ? section.cpus.dedicated_linux : section.cpus.shared_linux) = online;
    section.absolute_cap_linux = scaled(own->cap_hundredths);
    put_ebcdic(section.group, own->group);
    section.group_cap_linux = scaled(own->group_cap_hundredths);
    section.valid |= PartitionSection::counts_valid | PartitionSection::absolute_cap_valid | PartitionSection::group_valid;
    if (activity.global) {
        section.weight_cap_linux = weight_cap(activity, *own);
        section.valid |= PartitionSection::weight_cap_valid;
    }
    return section;
}

} // namespace

std::array<std::byte, 4096> hypervisor_information(const MachineIdentity& identity, const MachineActivity& activity)
{
    HypervisorHeader header;
    header.flags = activity.global ? 0 : HypervisorHeader::performance_data_missing;
    header.header_length = sizeof(HypervisorHeader);
    header.machine_offset = sizeof(HypervisorHeader);
    header.machine_length = sizeof(MachineSection);
    header.partition_offset = sizeof(HypervisorHeader) + sizeof(MachineSection);
    header.partition_length = sizeof(PartitionSection);
    header.total_length = sizeof(HypervisorHeader) + sizeof(MachineSection) + sizeof(PartitionSection);
    auto machine = machine_section(identity, activity);
    auto partition = partition_section(identity, activity);
    std::array<std::byte, 4096> block {};
    std::memcpy(block.data(), &header, sizeof header);
    std::memcpy(block.data() + header.machine_offset, &machine, sizeof machine);
    std::memcpy(block.data() + header.partition_offset, &partition, sizeof partition);
    return block;
}

} // namespace zvisor
