#include "service/utilization.h"

#include "base/ebcdic.h"
#include "service/utilization_blocks.h"

#include <cstring>
#include <gtest/gtest.h>

namespace zvisor {
namespace {

using Extended = ExtendedUtilization;
using Simple = SimpleUtilization;

constexpr u64 second = 1'000'000'000;
constexpr u64 tod = 0xd9f1234567890abc;

template<class T>
T at(const std::vector<std::byte>& data, std::size_t offset)
{
    T value;
    std::memcpy(&value, data.data() + offset, sizeof value);
    return value;
}

[[nodiscard]] LogicalPartition partition(std::string name, u8 number, std::size_t cpus)
{
    LogicalPartition made {
        .name = std::move(name), .number = number, .active = true, .weight = 100, .storage = u64 { 1 } << 30, .cpus = {}
    };
    made.cpus.resize(cpus);
    made.cpus[0] = { .online = true, .online_time = 10 * second, .dispatched = 3 * second, .overhead = second, .waiting = 6 * second };
    return made;
}

[[nodiscard]] MachineActivity machine()
{
    MachineActivity activity { .global = true,
        .own = 2,
        .physical_cpus = 4,
        .dedicated_physical_cpus = 1,
        .management = 8 * second,
        .partitions = { partition("FIRST", 1, 1), partition("SECOND", 2, 3) } };
    activity.partitions[1].group = "GROUP1";
    activity.partitions[1].cap_hundredths = 150;
    activity.partitions[1].capped = true;
    activity.partitions[1].program = "LINUX";
    return activity;
}

TEST(Utilization, ExtendedDataBeginsWithThePartitionThatAsks)
{
    auto data = utilization(machine(), UtilizationFormat::extended, tod);
    auto header = at<Extended::Header>(data, 0);
    EXPECT_EQ(header.common.partitions, 2);
    EXPECT_EQ(header.common.flags, 0x80);
    EXPECT_EQ(header.common.physical_cpus, 4);
    EXPECT_EQ(header.common.own_offset, 64);
    EXPECT_EQ(header.tod[0], tod >> 8);
    auto own = at<Extended::Partition>(data, 64);
    EXPECT_EQ(own.number, 2);
    EXPECT_EQ(ebcdic_field(own.name), "SECOND");
    EXPECT_EQ(ebcdic_field(own.program), "LINUX");
    EXPECT_EQ(ebcdic_field(own.hardware_group), "GROUP1");
    EXPECT_EQ(own.central_storage, 1024);
    EXPECT_EQ(own.cpus, 1);
    EXPECT_EQ(own.listed_cpus, 1);
    EXPECT_EQ(ebcdic_field(at<Extended::Partition>(data, 64 + 2 * 96).name), "FIRST");
}

TEST(Utilization, TimesOfACpuAreInMicroseconds)
{
    auto data = utilization(machine(), UtilizationFormat::extended, tod);
    auto cpu = at<Extended::Cpu>(data, 64 + 96);
    EXPECT_EQ(cpu.common.address, 0);
    EXPECT_EQ(cpu.common.type, 3);
    EXPECT_EQ(cpu.common.flags, CpuUtilization::online | CpuUtilization::capped);
    EXPECT_EQ(cpu.common.weight, 100);
    EXPECT_EQ(cpu.common.accumulated, 4'000'000);
    EXPECT_EQ(cpu.common.effective, 3'000'000);
    EXPECT_EQ(cpu.online, 10'000'000);
    EXPECT_EQ(cpu.waiting, 6'000'000);
    EXPECT_EQ(cpu.current_weight, 100);
    EXPECT_EQ(cpu.cap, 150);
}

TEST(Utilization, CpusThatAreNotOnlineAreListedOnRequest)
{
    auto data = utilization(machine(), UtilizationFormat::extended_with_offline, tod);
    auto own = at<Extended::Partition>(data, 64);
    EXPECT_EQ(own.cpus, 1);
    EXPECT_EQ(own.listed_cpus, 3);
    auto last = at<Extended::Cpu>(data, 64 + 3 * 96);
    EXPECT_EQ(last.common.address, 2);
    EXPECT_EQ(last.common.flags & CpuUtilization::online, 0);
}

TEST(Utilization, PhysicalCpusAreLastAndShareTheFirmwaresTime)
{
    auto data = utilization(machine(), UtilizationFormat::extended, tod);
    std::size_t physical = data.size() - 5 * 96;
    auto header = at<PhysicalUtilization::Header>(data, physical);
    EXPECT_EQ(header.cpus, 4);
    EXPECT_EQ(ebcdic_field(header.name), "PHYSICAL");
    auto first = at<PhysicalUtilization::Cpu>(data, physical + 96);
    EXPECT_EQ(first.weight, dedicated_weight);
    EXPECT_EQ(first.management, 2'000'000);
    auto last = at<PhysicalUtilization::Cpu>(data, physical + 4 * 96);
    EXPECT_EQ(last.address, 3);
    EXPECT_EQ(last.weight, 0);
}

TEST(Utilization, WithoutAuthorityThereIsNothingOfTheMachine)
{
    auto activity = machine();
    activity.global = false;
    activity.partitions.erase(activity.partitions.begin());
    auto data = utilization(activity, UtilizationFormat::extended, tod);
    EXPECT_EQ(at<Extended::Header>(data, 0).common.flags, 0);
    EXPECT_EQ(data.size(), 64 + 2 * 96);
}

TEST(Utilization, APartitionThatIsNotActiveHasANameAlone)
{
    auto activity = machine();
    activity.partitions[0].active = false;
    auto data = utilization(activity, UtilizationFormat::extended_with_offline, tod);
    EXPECT_EQ(at<Extended::Partition>(data, 64 + 4 * 96).listed_cpus, 0);
    EXPECT_EQ(at<PhysicalUtilization::Header>(data, 64 + 5 * 96).cpus, 4);
}

TEST(Utilization, DedicatedCpusHaveAWeightOfTheirOwn)
{
    auto activity = machine();
    activity.partitions[1].dedicated = true;
    auto cpu = at<Extended::Cpu>(utilization(activity, UtilizationFormat::extended, tod), 64 + 96);
    EXPECT_EQ(cpu.common.weight, 0xffff);
    EXPECT_EQ(cpu.common.flags, CpuUtilization::online) << "no cap holds for it";
}

TEST(Utilization, SimpleDataIsOfTheSameFacts)
{
    auto data = utilization(machine(), UtilizationFormat::simple, tod);
    EXPECT_EQ(at<Simple::Header>(data, 0).tod, tod);
    EXPECT_EQ(at<Simple::Header>(data, 0).common.own_offset, 16);
    auto own = at<Simple::Partition>(data, 16);
    EXPECT_EQ(ebcdic_field(own.name), "SECOND");
    EXPECT_EQ(own.cpus, 1);
    EXPECT_EQ(at<Simple::Cpu>(data, 32).effective, 3'000'000);
    EXPECT_EQ(at<PhysicalUtilization::Header>(data, data.size() - 16 - 4 * 24).cpus, 4);
}

TEST(Utilization, SimpleDataNeverExceedsAPage)
{
    MachineActivity activity { .global = true, .own = 200, .physical_cpus = 248, .partitions = {} };
    for (unsigned number = 1; number <= 255; ++number) {
        activity.partitions.push_back(partition("LP", static_cast<u8>(number), 62));
        for (auto& cpu : activity.partitions.back().cpus)
            cpu.online = true;
    }
    auto data = utilization(activity, UtilizationFormat::simple, tod);
    EXPECT_LE(data.size(), 4096U);
    EXPECT_EQ(at<Simple::Partition>(data, 16).number, 200);
    EXPECT_EQ(at<Simple::Header>(data, 0).common.partitions, 2);
}

TEST(Utilization, PagesAreEnoughWhateverIsActive)
{
    auto activity = machine();
    EXPECT_EQ(utilization_pages(activity), 1U);
    activity.partitions[0].cpus.resize(62);
    activity.partitions[0].active = false;
    u64 pages = utilization_pages(activity);
    EXPECT_EQ(pages, 2U);
    activity.partitions[0].active = true;
    EXPECT_LE(utilization(activity, UtilizationFormat::extended_with_offline, tod).size(), pages * 4096);
}

TEST(Utilization, NamesOfCpuTypes)
{
    auto names = cpu_type_names();
    EXPECT_EQ(names[0], std::byte { 5 });
    EXPECT_EQ(ebcdic_field(std::span(names).subspan(16, 16)), "CP");
    EXPECT_EQ(ebcdic_field(std::span(names).subspan(16 + 3 * 16, 16)), "IFL");
    EXPECT_EQ(names[16 + 6 * 16], std::byte { 0 });
}

} // namespace
} // namespace zvisor
