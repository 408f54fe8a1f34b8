// What a program learns of its partition and of others: DIAGNOSE X'204' and X'224', STORE HYPERVISOR INFORMATION, entitlements. Facts:
// Linux arch/s390/hypfs/hypfs_diag.c, arch/s390/kernel/diag.c and sthyi.c.

#include "base/ebcdic.h"
#include "cpu/cpu.h"
#include "partition/partition.h"
#include "service/hypervisor_information.h"
#include "service/utilization.h"

#include <algorithm>

namespace zvisor {

namespace {

[[nodiscard]] u64 configured_storage(const ServiceProcessor& services)
{
    u64 bytes = 0;
    for (const auto& extent : services.storage_extents())
        bytes += extent.last + 1 - extent.first;
    return bytes;
}

[[nodiscard]] u64 nanoseconds(const Stopwatch& watch)
{
    return static_cast<u64>(watch.read().count());
}

} // namespace

// ---- Activity --------------------------------------------------------------------------------------------------

LogicalCpuActivity Partition::cpu_activity(u16 address)
{
    const CpuTimes& times = m_cpus.find(address)->times();
    return { .online = m_cpu_configuration.state(address) == CpuState::configured,
        .online_time = nanoseconds(m_online[address]),
        .dispatched = nanoseconds(times.executing),
        .overhead = 0,
        .waiting = nanoseconds(times.waiting) };
}

/// What the partition knows without asking anyone.
MachineActivity Partition::own_activity()
{
    const MachineIdentity& identity = m_config.identity;
    OwnShare share = m_config.firmware ? m_config.firmware->share() : OwnShare { .weight = 100, .cpus = {} };
    auto program = m_services.events().control_program();
    LogicalPartition own { .name = identity.partition_name,
        .number = identity.partition_number,
        .active = true,
        .dedicated = identity.dedicated_cpus,
        .capped = share.capped,
        .weight = static_cast<u16>(share.weight),
        .cap_hundredths = share.cap_hundredths,
        .group = m_config.group,
        .group_cap_hundredths = m_config.group_cap_hundredths,
        .program = program ? program->system_type : "",
        .storage = configured_storage(m_services),
        .cpus = {} };
    for (u16 address = 0; address < m_cpu_configuration.size(); ++address)
        own.cpus.push_back(cpu_activity(address));
    u16 physical = identity.physical_cpus != 0 ? identity.physical_cpus : m_cpu_configuration.size();
    return { .global = false,
        .own = identity.partition_number,
        .physical_cpus = physical,
        .dedicated_physical_cpus = 0,
        .management = 0,
        .partitions = { std::move(own) } };
}

/// The machine's as far as the firmware tells; of itself the partition knows best.
MachineActivity Partition::machine_activity(Cpu& cpu)
{
    MachineActivity own = own_activity();
    if (!m_config.firmware)
        return own;
    std::optional<MachineActivity> all;
    cpu.while_not_executing([&] { all = m_config.firmware->activity(); });
    if (!all)
        return own;
    auto listed = std::ranges::find(all->partitions, own.own, &LogicalPartition::number);
    if (listed == all->partitions.end())
        return own;
    *listed = std::move(own.partitions.front());
    all->own = own.own;
    return std::move(*all);
}

// ---- DIAGNOSE --------------------------------------------------------------------------------------------------

/// X'204': logical-CPU utilization. Bits 32-63 of R3 are the subcode, R3+1 is a number of pages, R1 an address. R3 becomes zero when it
/// was done.
bool Partition::logical_cpu_utilization(Cpu& cpu, u8 r1, u8 r3)
{
    constexpr u32 extended = 0x10000;
    constexpr u32 largest_size = extended | 5;
    constexpr u64 not_done = 4;
    static constexpr u32 storing[] { 0, 4, extended | 6, extended | 7 };
    if (m_config.identity.personality != Personality::lpar)
        return false;
    if (r3 & 1)
        cpu.specification();
    u32 subcode = cpu.w(r3);
    auto size_register = static_cast<u8>(r3 + 1);
    if (subcode == largest_size) {
        cpu.g(size_register, utilization_pages(machine_activity(cpu)));
        cpu.g(r3, 0);
    } else if (std::ranges::find(storing, subcode) != std::end(storing)) {
        cpu.g(r3, store_utilization(cpu, r1, subcode, cpu.g(size_register)) ? 0 : not_done);
    } else {
        cpu.g(r3, not_done);
    }
    return true;
}

/// Simple data goes to a real page, extended data to as many pages as R3+1 says, of the address space of the program. False: there are
/// too few.
bool Partition::store_utilization(Cpu& cpu, u8 r1, u32 subcode, u64 pages)
{
    constexpr u32 format_bits = 0xffff0000;
    constexpr u32 offline_too = 7;
    bool simple = (subcode & format_bits) == 0;
    auto format = simple                          ? UtilizationFormat::simple
        : (subcode & ~format_bits) == offline_too ? UtilizationFormat::extended_with_offline
                                                  : UtilizationFormat::extended;
    Address to = cpu.register_address(r1);
    cpu.require_aligned(to.at, page_size);
    auto data = utilization(machine_activity(cpu), format, cpu.tod());
    if (simple) {
        if (!m_storage->write(cpu.real_to_absolute(to.at), data))
            cpu.program(ProgramCode::addressing);
        return true;
    }
    if (pages < (data.size() + page_size - 1) / page_size)
        return false;
    cpu.store_bytes(to, data.data(), data.size());
    return true;
}

/// X'224': the names of CPU types, at the real page R3 designates.
bool Partition::type_names(Cpu& cpu, u8, u8 r3)
{
    if (m_config.identity.personality != Personality::lpar)
        return false;
    u64 at = cpu.register_address(r3).at;
    cpu.require_aligned(at, page_size);
    if (!m_storage->write(cpu.real_to_absolute(at), cpu_type_names()))
        cpu.program(ProgramCode::addressing);
    return true;
}

// ---- Other instructions ----------------------------------------------------------------------------------------

void Partition::store_hypervisor_information(Cpu& cpu, std::span<std::byte, 4096> block)
{
    std::ranges::copy(hypervisor_information(m_config.identity, machine_activity(cpu)), block.begin());
}

// ---- Entitlements ------------------------------------------------------------------------------------------------

bool Partition::vertical() const
{
    return m_config.firmware->share().vertical;
}

Polarization Partition::polarization(u16 address) const
{
    return static_cast<Polarization>(m_config.firmware->share().cpus.at(address).entitlement);
}

bool Partition::polarize(bool vertical)
{
    return m_config.firmware->polarize(vertical);
}

/// A cap of either kind limits the capability; without one a partition may get all that its CPUs can do.
u32 Partition::capability_limit() const
{
    constexpr u32 all = 1000;
    constexpr u32 thousandths_of_hundredth = 10;
    OwnShare share = m_config.firmware->share();
    u32 cpus = std::max<u32>(1, m_cpu_configuration.count(CpuState::configured));
    u32 granted = all * cpus;
    if (share.cap_hundredths != 0)
        granted = std::min(granted, share.cap_hundredths * thousandths_of_hundredth);
    u32 guaranteed = 0;
    for (const auto& cpu : share.cpus)
        guaranteed += cpu.share;
    if (share.capped)
        granted = std::min(granted, guaranteed);
    return std::clamp<u32>(granted / cpus, 1, all);
}

} // namespace zvisor
