#include "service/hypervisor_information.h"

#include "base/ebcdic.h"
#include "service/hypervisor_information_blocks.h"

#include <cstring>
#include <gtest/gtest.h>

namespace zvisor {
namespace {

struct Sections {
    HypervisorHeader header;
    MachineSection machine;
    PartitionSection partition;
};

[[nodiscard]] Sections sections(const MachineActivity& activity, std::string machine_name = "CPC1")
{
    MachineIdentity identity {
        .machine_type = 0x3931, .partition_name = "PROD", .partition_number = 7, .machine_name = std::move(machine_name)
    };
    auto block = hypervisor_information(identity, activity);
    Sections read;
    std::memcpy(&read.header, block.data(), sizeof read.header);
    std::memcpy(&read.machine, block.data() + read.header.machine_offset, sizeof read.machine);
    std::memcpy(&read.partition, block.data() + read.header.partition_offset, sizeof read.partition);
    return read;
}

[[nodiscard]] MachineActivity activity()
{
    LogicalPartition own { .name = "PROD",
        .number = 7,
        .active = true,
        .capped = true,
        .weight = 300,
        .cap_hundredths = 50,
        .group = "G1",
        .group_cap_hundredths = 200,
        .cpus = { { .online = true }, { .online = true }, {} } };
    LogicalPartition other { .name = "TEST", .number = 1, .active = true, .weight = 100, .cpus = { { .online = true } } };
    LogicalPartition inactive { .name = "OFF", .number = 2, .weight = 600, .cpus = {} };
    return { .global = true, .own = 7, .physical_cpus = 9, .dedicated_physical_cpus = 1, .partitions = { own, other, inactive } };
}

TEST(HypervisorInformation, SectionsFollowTheHeader)
{
    auto header = sections(activity()).header;
    EXPECT_EQ(header.flags, 0);
    EXPECT_EQ(header.levels, 0);
    EXPECT_EQ(header.header_length, 48);
    EXPECT_EQ(header.machine_offset, 48);
    EXPECT_EQ(header.machine_length, 64);
    EXPECT_EQ(header.partition_offset, 112);
    EXPECT_EQ(header.partition_length, 56);
    EXPECT_EQ(header.total_length, 168);
}

TEST(HypervisorInformation, TheMachineHasAnIdentityAndCpus)
{
    auto machine = sections(activity()).machine;
    EXPECT_EQ(machine.valid, 0xe0);
    EXPECT_EQ(ebcdic_field(machine.type), "3931");
    EXPECT_EQ(ebcdic_field(machine.name), "CPC1");
    EXPECT_EQ(machine.cpus.shared_linux, 8);
    EXPECT_EQ(machine.cpus.dedicated_linux, 1);
    EXPECT_EQ(sections(activity(), "").machine.valid, 0xc0);
}

TEST(HypervisorInformation, ThePartitionHasCapsAndOnlineCpus)
{
    auto partition = sections(activity()).partition;
    EXPECT_EQ(partition.valid, 0xf8);
    EXPECT_EQ(partition.number, 7);
    EXPECT_EQ(ebcdic_field(partition.name), "PROD");
    EXPECT_EQ(partition.cpus.shared_linux, 2);
    EXPECT_EQ(partition.cpus.dedicated_linux, 0);
    EXPECT_EQ(partition.absolute_cap_linux, 0x8000);
    EXPECT_EQ(partition.group_cap_linux, 0x20000);
    EXPECT_EQ(ebcdic_field(partition.group), "G1");
    EXPECT_EQ(partition.weight_cap_linux, 0x60000) << "three of four parts of eight CPUs";
}

TEST(HypervisorInformation, WithoutInitialCappingAWeightIsNoCap)
{
    auto uncapped = activity();
    uncapped.partitions[0].capped = false;
    EXPECT_EQ(sections(uncapped).partition.weight_cap_linux, 0);
    EXPECT_EQ(sections(uncapped).partition.valid, 0xf8);
}

TEST(HypervisorInformation, WithoutAuthorityWhatNeedsTheOthersIsMissing)
{
    auto alone = activity();
    alone.global = false;
    auto read = sections(alone);
    EXPECT_EQ(read.header.flags, HypervisorHeader::performance_data_missing);
    EXPECT_EQ(read.machine.valid & MachineSection::counts_valid, 0);
    EXPECT_EQ(read.machine.cpus.shared_linux, 0);
    EXPECT_EQ(read.partition.valid & PartitionSection::weight_cap_valid, 0);
    EXPECT_EQ(read.partition.cpus.shared_linux, 2);
}

} // namespace
} // namespace zvisor
