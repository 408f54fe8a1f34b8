#include "service/utilization.h"

#include "base/ebcdic.h"
#include "service/utilization_blocks.h"

#include <algorithm>
#include <cstring>

namespace zvisor {

namespace {

constexpr std::size_t page = 4096;
constexpr u64 per_microsecond = 1000;
constexpr u64 mebibyte = u64 { 1 } << 20;
constexpr u8 cpu_type = static_cast<u8>(CpuType::linux_facility);

/// Appends blocks one behind the other.
class BlockWriter {
public:
    template<class Block>
    void put(const Block& block, std::size_t size = sizeof(Block))
    {
        std::size_t at = m_bytes.size();
        m_bytes.resize(at + size);
        std::memcpy(m_bytes.data() + at, &block, sizeof block);
    }
    [[nodiscard]] std::size_t size() const { return m_bytes.size(); }
    [[nodiscard]] std::vector<std::byte> take() { return std::move(m_bytes); }

private:
    std::vector<std::byte> m_bytes;
};

[[nodiscard]] u16 weight_of(const LogicalPartition& partition)
{
    return partition.dedicated ? dedicated_weight : partition.weight;
}

[[nodiscard]] u8 online_cpus(const LogicalPartition& partition)
{
    return static_cast<u8>(std::ranges::count_if(partition.cpus, &LogicalCpuActivity::online));
}

[[nodiscard]] CpuUtilization common_part(const LogicalPartition& partition, u16 address)
{
    const auto& cpu = partition.cpus[address];
    CpuUtilization block;
    block.address = address;
    block.type = cpu_type;
    block.flags = cpu.online ? CpuUtilization::online : 0;
    block.flags |= partition.capped && !partition.dedicated ? CpuUtilization::capped : 0;
    block.weight = weight_of(partition);
    block.accumulated = (cpu.dispatched + cpu.overhead) / per_microsecond;
    block.effective = cpu.dispatched / per_microsecond;
    return block;
}

void put_cpu(BlockWriter& writer, const LogicalPartition& partition, u16 address, UtilizationFormat format)
{
    auto common = common_part(partition, address);
    if (format == UtilizationFormat::simple)
        return writer.put(common);
    const auto& cpu = partition.cpus[address];
    ExtendedUtilization::Cpu block;
    block.common = common;
    // Nobody manages weights: they are what the operator set.
    block.minimum_weight = block.current_weight = block.maximum_weight = weight_of(partition);
    block.online = cpu.online_time / per_microsecond;
    block.waiting = cpu.waiting / per_microsecond;
    block.cap = partition.cap_hundredths;
    block.group_cap = partition.group_cap_hundredths;
    writer.put(block);
}

void put_extended_header(BlockWriter& writer, const LogicalPartition& partition, u8 listed)
{
    ExtendedUtilization::Partition block;
    block.number = partition.number;
    block.cpus = online_cpus(partition);
    block.listed_cpus = listed;
    put_ebcdic(block.name, partition.name);
    put_ebcdic(block.cluster, "");
    put_ebcdic(block.program, partition.program);
    block.central_storage = partition.storage / mebibyte;
    block.user_id = partition.number;
    put_ebcdic(block.capacity_group, "");
    put_ebcdic(block.hardware_group, partition.group);
    writer.put(block);
}

void put_simple_header(BlockWriter& writer, const LogicalPartition& partition, u8 listed)
{
    SimpleUtilization::Partition block { .number = partition.number, .cpus = listed };
    put_ebcdic(block.name, partition.name);
    writer.put(block);
}

[[nodiscard]] u8 listed_cpus(const LogicalPartition& partition, UtilizationFormat format)
{
    if (!partition.active)
        return 0;
    return format == UtilizationFormat::extended_with_offline ? static_cast<u8>(partition.cpus.size()) : online_cpus(partition);
}

void put_partition(BlockWriter& writer, const LogicalPartition& partition, UtilizationFormat format)
{
    u8 listed = listed_cpus(partition, format);
    format == UtilizationFormat::simple ? put_simple_header(writer, partition, listed) : put_extended_header(writer, partition, listed);
    for (u16 address = 0; listed != 0 && address < partition.cpus.size(); ++address)
        if (partition.cpus[address].online || format == UtilizationFormat::extended_with_offline)
            put_cpu(writer, partition, address, format);
}

/// The firmware's time is not known by CPU: each gets its part.
void put_physical(BlockWriter& writer, const MachineActivity& activity, UtilizationFormat format)
{
    bool simple = format == UtilizationFormat::simple;
    PhysicalUtilization::Header header { .cpus = static_cast<u8>(activity.physical_cpus) };
    put_ebcdic(header.name, "PHYSICAL");
    writer.put(header, simple ? sizeof header : PhysicalUtilization::extended_size);
    for (u16 address = 0; address < activity.physical_cpus; ++address) {
        PhysicalUtilization::Cpu cpu;
        cpu.type = cpu_type;
        cpu.address = address;
        cpu.weight = address < activity.dedicated_physical_cpus ? dedicated_weight : u16 { 0 };
        cpu.management = activity.management / activity.physical_cpus / per_microsecond;
        writer.put(cpu, simple ? sizeof cpu : PhysicalUtilization::extended_size);
    }
}

[[nodiscard]] std::size_t size_of_partition(const LogicalPartition& partition, UtilizationFormat format)
{
    if (format == UtilizationFormat::simple)
        return sizeof(SimpleUtilization::Partition) + listed_cpus(partition, format) * sizeof(SimpleUtilization::Cpu);
    return sizeof(ExtendedUtilization::Partition) + partition.cpus.size() * sizeof(ExtendedUtilization::Cpu);
}

/// 0: it is not stored. In a single page partitions matter more.
[[nodiscard]] std::size_t size_of_physical(const MachineActivity& activity, UtilizationFormat format)
{
    if (!activity.global)
        return 0;
    if (format != UtilizationFormat::simple)
        return (1u + activity.physical_cpus) * PhysicalUtilization::extended_size;
    std::size_t size = sizeof(PhysicalUtilization::Header) + activity.physical_cpus * sizeof(PhysicalUtilization::Cpu);
    return size <= page / 2 ? size : 0;
}

[[nodiscard]] std::size_t header_size(UtilizationFormat format)
{
    return format == UtilizationFormat::simple ? sizeof(SimpleUtilization::Header) : sizeof(ExtendedUtilization::Header);
}

/// The one that asks is always there, and first: its offset is a halfword.
[[nodiscard]] std::vector<const LogicalPartition*> stored_partitions(const MachineActivity& activity, UtilizationFormat format)
{
    std::vector<const LogicalPartition*> order;
    for (const auto& partition : activity.partitions)
        partition.number == activity.own ? void(order.insert(order.begin(), &partition)) : order.push_back(&partition);
    if (format != UtilizationFormat::simple)
        return order;
    std::size_t room = page - header_size(format) - size_of_physical(activity, format);
    auto fits = [&](const auto* partition) {
        std::size_t size = size_of_partition(*partition, format);
        bool enough = size <= room;
        room -= enough ? size : 0;
        return enough;
    };
    std::vector<const LogicalPartition*> stored;
    std::ranges::copy_if(order, std::back_inserter(stored), fits);
    return stored;
}

void put_header(BlockWriter& writer, const UtilizationHeader& common, UtilizationFormat format, u64 tod)
{
    if (format == UtilizationFormat::simple) {
        SimpleUtilization::Header header;
        header.common = common;
        header.tod = tod;
        return writer.put(header);
    }
    ExtendedUtilization::Header header;
    header.common = common;
    header.tod[0] = tod >> 8;
    header.tod[1] = tod << 56;
    writer.put(header);
}

} // namespace

std::vector<std::byte> utilization(const MachineActivity& activity, UtilizationFormat format, u64 tod)
{
    BlockWriter writer;
    auto stored = stored_partitions(activity, format);
    bool physical = size_of_physical(activity, format) != 0;
    UtilizationHeader common;
    common.partitions = static_cast<u8>(stored.size());
    common.flags = physical ? UtilizationHeader::physical_block : 0;
    common.physical_cpus = activity.physical_cpus;
    common.own_offset = static_cast<u16>(header_size(format));
    put_header(writer, common, format, tod);
    for (const auto* partition : stored)
        put_partition(writer, *partition, format);
    if (physical)
        put_physical(writer, activity, format);
    return writer.take();
}

u64 utilization_pages(const MachineActivity& activity)
{
    constexpr auto format = UtilizationFormat::extended_with_offline;
    std::size_t size = header_size(format) + size_of_physical(activity, format);
    for (const auto& partition : activity.partitions)
        size += size_of_partition(partition, format);
    return (size + page - 1) / page;
}

std::array<std::byte, 4096> cpu_type_names()
{
    constexpr std::size_t length = 16;
    constexpr std::string_view names[] = { "CP", "", "AAP", "IFL", "ICF", "IIP" };
    std::array<std::byte, 4096> names_page {};
    names_page[0] = static_cast<std::byte>(std::size(names) - 1);
    for (std::size_t i = 0; i < std::size(names); ++i)
        put_ebcdic(std::span(names_page).subspan((i + 1) * length, length), names[i]);
    return names_page;
}

} // namespace zvisor
