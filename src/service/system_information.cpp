#include "service/system_information.h"

#include "base/ebcdic.h"
#include "service/system_information_blocks.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace zvisor {

namespace {

template<class Block>
SystemInformationBlock to_block(const Block& value)
{
    static_assert(sizeof(Block) <= sizeof(SystemInformationBlock));
    SystemInformationBlock block {};
    std::memcpy(block.data(), &value, sizeof value);
    return block;
}

std::string type_digits(u16 machine_type)
{
    std::string digits(4, '0');
    for (unsigned i = 0; i < 4; ++i)
        digits[i] = "0123456789ABCDEF"[machine_type >> (12 - 4 * i) & 0xf];
    return digits;
}

template<class Block>
void put_serial(Block& block, const MachineIdentity& identity)
{
    put_ebcdic(block.sequence, identity.sequence);
    put_ebcdic(block.plant, identity.plant);
}

template<class Block>
void put_counts(Block& block, const CpuConfiguration& cpus)
{
    block.total = cpus.size();
    block.configured = cpus.count(CpuState::configured);
    block.standby = cpus.count(CpuState::standby);
    block.reserved = cpus.count(CpuState::reserved);
}

/// A CPU of a configuration of `cpus` does this part of the work it would do alone; one is 65536.
u16 adjustment_factor(unsigned cpus)
{
    return static_cast<u16>(std::max(32768U, 65536U - 512U * (cpus - 1)));
}

/// Of the capability of its CPUs a configuration gets so many thousandths: all of it.
constexpr u32 unlimited = 1000;
/// Configuration level of a logical partition.
constexpr u8 partition_level = 2;
/// Version code of a CPU under a control program.
constexpr u64 virtual_version = 0xff;
/// Bit 48 of the CPU ID: bits 8-15 are the partition number.
constexpr u64 partition_format = 0x8000;

} // namespace

std::string_view control_program_identifier(Personality personality)
{
    switch (personality) {
    case Personality::kvm:
        return "KVM/Linux";
    case Personality::zvm:
        return "z/VM    7.3.0";
    case Personality::lpar:
        break;
    }
    return "";
}

SystemInformation::SystemInformation(
    MachineIdentity identity, const CpuConfiguration& cpus, const Topology& topology, const CpuEntitlements* entitlements)
    : m_identity(std::move(identity))
    , m_cpus(cpus)
    , m_topology(topology)
    , m_entitlements(entitlements)
{
}

std::optional<SystemInformationBlock> SystemInformation::store(u8 function, u8 selector_1, u16 selector_2, u16 cpu_address) const
{
    struct Row {
        u8 function;
        u8 selector_1;
        u16 selector_2;
        SystemInformationBlock (SystemInformation::*make)(u16 cpu_address) const;
    };
    static constexpr Row rows[] = {
        { 1, 1, 1, &SystemInformation::basic_machine },
        { 1, 2, 1, &SystemInformation::basic_machine_cpu },
        { 1, 2, 2, &SystemInformation::basic_machine_cpus },
        { 2, 2, 1, &SystemInformation::partition_cpu },
        { 2, 2, 2, &SystemInformation::partition_cpus },
        { 3, 2, 2, &SystemInformation::virtual_machine_cpus },
    };
    constexpr u8 topology_function = 15;
    if (function == topology_function && selector_1 == 1)
        return m_topology.information(selector_2);
    if (function > current_level())
        return {};
    for (const Row& row : rows) {
        if (row.function == function && row.selector_1 == selector_1 && row.selector_2 == selector_2)
            return (this->*row.make)(cpu_address);
    }
    return {};
}

u64 SystemInformation::cpu_id() const
{
    std::string_view digits = m_identity.sequence;
    digits.remove_prefix(digits.size() - std::min<std::size_t>(digits.size(), 4));
    u64 serial = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), serial, 16);
    u64 version = m_identity.personality == Personality::lpar ? 0 : virtual_version;
    return version << 56 | u64 { m_identity.partition_number } << 48 | serial << 32 | u64 { m_identity.machine_type } << 16
        | partition_format;
}

SystemInformationBlock SystemInformation::basic_machine(u16) const
{
    BasicMachine block;
    put_ebcdic(block.manufacturer, m_identity.manufacturer);
    put_ebcdic(block.type, type_digits(m_identity.machine_type));
    put_ebcdic(block.model_capacity, m_identity.model_capacity);
    put_serial(block, m_identity);
    put_ebcdic(block.model, m_identity.model);
    put_ebcdic(block.permanent_capacity, m_identity.model_capacity);
    put_ebcdic(block.temporary_capacity, m_identity.model_capacity);
    return to_block(block);
}

SystemInformationBlock SystemInformation::basic_machine_cpu(u16 cpu_address) const
{
    BasicMachineCpu block;
    put_serial(block, m_identity);
    block.cpu_address = cpu_address;
    return to_block(block);
}

SystemInformationBlock SystemInformation::basic_machine_cpus(u16) const
{
    BasicMachineCpus header;
    header.capability = m_identity.capability;
    put_counts(header, m_cpus);
    if (m_identity.physical_cpus != 0) {
        header.total = header.configured = m_identity.physical_cpus;
        header.standby = header.reserved = 0;
    }
    auto block = to_block(header);
    for (unsigned cpus = 2; cpus <= header.total; ++cpus)
        store_be(block.data() + sizeof header + (cpus - 2) * sizeof(u16), adjustment_factor(cpus));
    return block;
}

SystemInformationBlock SystemInformation::partition_cpu(u16 cpu_address) const
{
    PartitionCpu block;
    put_serial(block, m_identity);
    block.logical_cpu_id = cpu_address;
    block.cpu_address = cpu_address;
    return to_block(block);
}

SystemInformationBlock SystemInformation::partition_cpus(u16) const
{
    PartitionCpus block;
    block.partition_number = m_identity.partition_number;
    block.characteristics = m_identity.dedicated_cpus ? PartitionCpus::dedicated_cpus : PartitionCpus::shared_cpus;
    put_counts(block, m_cpus);
    put_ebcdic(block.name, m_identity.partition_name);
    block.adjustment_factor = m_entitlements ? m_entitlements->capability_limit() : unlimited;
    if (block.adjustment_factor < unlimited)
        block.characteristics |= PartitionCpus::limited;
    (m_identity.dedicated_cpus ? block.dedicated : block.shared) = block.configured;
    if (current_level() == partition_level && m_identity.uuid != std::array<u8, 16> {}) {
        block.extended_name_encoding = PartitionCpus::utf8;
        m_identity.partition_name.copy(block.extended_name, sizeof block.extended_name - 1);
        block.uuid = m_identity.uuid;
    }
    return to_block(block);
}

SystemInformationBlock SystemInformation::virtual_machine_cpus(u16) const
{
    VirtualMachineCpus block;
    block.count = 1;
    VirtualMachine& machine = block.machines[0];
    put_counts(machine, m_cpus);
    put_ebcdic(machine.name, m_identity.vm_name);
    machine.adjustment_factor = unlimited;
    put_ebcdic(machine.control_program, control_program_identifier(m_identity.personality));
    machine.uuid = m_identity.uuid;
    const std::string& extended = m_identity.vm_extended_name;
    if (!extended.empty()) {
        machine.extended_name_encoding = VirtualMachine::utf8;
        extended.copy(block.extended_names[0], sizeof block.extended_names[0] - 1);
    }
    return to_block(block);
}

} // namespace zvisor
