#include "service/system_information.h"

#include "base/ebcdic.h"
#include "service/cpu_attributes.h"
#include "service/system_information_blocks.h"

#include <cstring>
#include <gtest/gtest.h>
#include <numeric>

namespace zvisor {
namespace {

template<class T>
T at(const std::optional<SystemInformationBlock>& block, std::size_t offset = 0)
{
    T value;
    std::memcpy(&value, block.value().data() + offset, sizeof value);
    return value;
}

class SystemInformationTest : public testing::Test {
protected:
    SystemInformation make(Personality personality)
    {
        MachineIdentity identity;
        identity.personality = personality;
        identity.partition_name = "PROD1";
        identity.partition_number = 5;
        identity.vm_extended_name = "a longer name";
        return { identity, cpus, topology };
    }

    CpuConfiguration cpus = *CpuConfiguration::create(3, 1, 2);
    Topology topology { cpus, { .cpus_per_socket = 2 } };
};

TEST_F(SystemInformationTest, LevelsFollowThePersonality)
{
    auto partition = make(Personality::lpar);
    EXPECT_EQ(partition.current_level(), 2);
    EXPECT_FALSE(partition.store(3, 2, 2, 0));
    auto kvm = make(Personality::kvm);
    EXPECT_EQ(kvm.current_level(), 3);
    EXPECT_EQ(ebcdic_field(at<VirtualMachineCpus>(kvm.store(3, 2, 2, 0)).machines[0].control_program), "KVM/Linux");
    EXPECT_EQ(
        ebcdic_field(at<VirtualMachineCpus>(make(Personality::zvm).store(3, 2, 2, 0)).machines[0].control_program).substr(0, 4), "z/VM");
    EXPECT_STREQ(at<VirtualMachineCpus>(kvm.store(3, 2, 2, 0)).extended_names[0], "a longer name");
    EXPECT_FALSE(kvm.store(1, 1, 2, 0));
    EXPECT_FALSE(kvm.store(4, 2, 2, 0));
}

TEST_F(SystemInformationTest, BlocksTellOfTheMachine)
{
    auto information = make(Personality::lpar);
    auto machine = at<BasicMachine>(information.store(1, 1, 1, 0));
    EXPECT_EQ(ebcdic_field(machine.type), "8561");
    EXPECT_EQ(ebcdic_field(machine.manufacturer), "IBM");
    EXPECT_EQ(at<BasicMachineCpu>(information.store(1, 2, 1, 2)).cpu_address, 2);
    EXPECT_EQ(at<PartitionCpu>(information.store(2, 2, 1, 2)).cpu_address, 2);
    auto all = at<BasicMachineCpus>(information.store(1, 2, 2, 0));
    EXPECT_EQ(all.total, 6);
    EXPECT_EQ(all.configured, 3);
    EXPECT_EQ(all.standby, 1);
    EXPECT_EQ(all.reserved, 2);
    EXPECT_EQ(at<Be<u16>>(information.store(1, 2, 2, 0), 44), 65024);
    EXPECT_EQ(at<Be<u16>>(information.store(1, 2, 2, 0), 44 + 2 * 5), 0) << "a factor for each number of CPUs from 2 to 6";
    auto partition = at<PartitionCpus>(information.store(2, 2, 2, 0));
    EXPECT_EQ(ebcdic_field(partition.name), "PROD1");
    EXPECT_EQ(partition.partition_number, 5);
    EXPECT_EQ(partition.shared, 3);
}

TEST_F(SystemInformationTest, CpuIdNamesPartitionSerialAndType)
{
    EXPECT_EQ(make(Personality::lpar).cpu_id(), 0x0005234585618000U);
    EXPECT_EQ(make(Personality::kvm).cpu_id() >> 56, 0xffU);
}

TEST_F(SystemInformationTest, TopologyListsConfiguredCpusBySocket)
{
    auto information = make(Personality::lpar);
    auto block = information.store(15, 1, 3, 0);
    auto header = at<TopologyInformation>(block);
    EXPECT_EQ(header.length, 16 + 8 + 2 * (8 + 16));
    EXPECT_EQ(header.nesting, 3);
    EXPECT_EQ(header.magnitudes[5], 2);
    EXPECT_EQ(header.magnitudes[4], 3);
    EXPECT_EQ(at<TopologyContainer>(block, 16).nesting_level, 2);
    EXPECT_EQ(at<TopologyContainer>(block, 24).nesting_level, 1);
    EXPECT_EQ(at<TopologyCpus>(block, 32).mask, 0xc000000000000000U);
    EXPECT_EQ(at<TopologyContainer>(block, 48).id, 1);
    EXPECT_EQ(at<TopologyCpus>(block, 56).mask, 0x2000000000000000U);
    EXPECT_FALSE(information.store(15, 1, 1, 0));
    EXPECT_FALSE(information.store(15, 1, 5, 0));
    Topology absent(cpus, { .installed = false });
    EXPECT_FALSE(absent.information(2));
}

TEST(Topology, SocketsMayCrossAMaskAndTheLargestConfigurationFits)
{
    auto cpus = *CpuConfiguration::create(248);
    Topology crossing(cpus, { .cpus_per_socket = 48 });
    auto block = crossing.information(2);
    EXPECT_EQ(at<TopologyCpus>(block, 16 + 24 + 8).mask, 0xffffU);
    EXPECT_EQ(at<TopologyCpus>(block, 16 + 24 + 8 + 16).origin, 64);
    EXPECT_EQ(at<TopologyCpus>(block, 16 + 24 + 8 + 16).mask, 0xffffffff00000000U);
}

TEST(Topology, CpusLieInBooks)
{
    auto cpus = *CpuConfiguration::create(3, 1);
    Topology topology(cpus, { .cpus_per_socket = 8, .books = { 1, 1, 0, 2 } });
    auto block = topology.information(3);
    EXPECT_EQ(at<TopologyInformation>(block).length, 16 + 2 * (8 + 8 + 16)) << "a book without configured CPUs is not shown";
    EXPECT_EQ(at<TopologyInformation>(block).magnitudes[3], 3);
    EXPECT_EQ(at<TopologyContainer>(block, 16).nesting_level, 2);
    EXPECT_EQ(at<TopologyContainer>(block, 16).id, 0);
    EXPECT_EQ(at<TopologyCpus>(block, 32).mask, 0x2000000000000000U);
    EXPECT_EQ(at<TopologyContainer>(block, 48).id, 1);
    EXPECT_EQ(at<TopologyCpus>(block, 64).mask, 0xc000000000000000U);
    EXPECT_EQ(at<TopologyContainer>(topology.information(2), 16 + 24).id, 1) << "sockets have numbers of their own without books";
}

TEST(Topology, SocketsOfManyBooksHaveDifferentNumbers)
{
    constexpr u16 count = 60;
    auto cpus = *CpuConfiguration::create(count);
    std::vector<u8> books(count);
    std::iota(books.begin(), books.end(), u8 { 0 });
    Topology topology(cpus, { .cpus_per_socket = 8, .books = books });
    auto block = topology.information(2);
    EXPECT_EQ(at<TopologyInformation>(block).magnitudes[4], count);
    for (u16 i = 0; i < count; ++i)
        EXPECT_EQ(at<TopologyContainer>(block, 16 + i * 24u).id, i);
}

TEST(Topology, PerformTopologyFunction)
{
    auto cpus = *CpuConfiguration::create(1);
    Topology topology(cpus, {});
    EXPECT_EQ(topology.perform_function(2)->condition_code, 0);
    EXPECT_EQ(topology.perform_function(1)->condition_code, 0);
    EXPECT_EQ(topology.perform_function(2)->condition_code, 1);
    EXPECT_EQ(topology.perform_function(2)->condition_code, 0);
    EXPECT_EQ(topology.perform_function(1)->condition_code, 2);
    EXPECT_EQ(topology.perform_function(1)->r1, 0x101U);
    EXPECT_EQ(at<TopologyCpus>(topology.information(2), 24).dedicated_and_polarization, 3);
    EXPECT_EQ(topology.perform_function(3).error(), ProgramCode::specification);
    topology.reset();
    topology.changed();
    EXPECT_EQ(topology.perform_function(2)->condition_code, 1);
    EXPECT_EQ(topology.perform_function(0)->condition_code, 2);
}

/// A firmware that grants what a test says.
struct Entitlements final : CpuEntitlements {
    [[nodiscard]] bool vertical() const override { return polarized; }
    [[nodiscard]] Polarization polarization(u16 address) const override { return granted[address]; }
    [[nodiscard]] bool polarize(bool vertical) override
    {
        polarized = obeys ? vertical : polarized;
        return obeys;
    }
    [[nodiscard]] u32 capability_limit() const override { return limit; }

    bool polarized { false };
    bool obeys { true };
    u32 limit { 1000 };
    std::array<Polarization, 4> granted {};
};

TEST(Topology, EntriesOfASocketAreByEntitlement)
{
    auto cpus = *CpuConfiguration::create(3, 1);
    Entitlements entitlements;
    using enum Polarization;
    entitlements.granted = { vertical_high, vertical_low, vertical_medium, vertical_high };
    Topology topology(cpus, { .dedicated_cpus = true, .entitlements = &entitlements });
    auto block = topology.information(2);
    EXPECT_EQ(at<TopologyInformation>(block).length, 16 + 8 + 3 * 16);
    auto high = at<TopologyCpus>(block, 24);
    EXPECT_EQ(high.dedicated_and_polarization, 7);
    EXPECT_EQ(high.type, 3);
    EXPECT_EQ(high.mask, 0x8000000000000000U);
    EXPECT_EQ(at<TopologyCpus>(block, 40).dedicated_and_polarization, 6);
    EXPECT_EQ(at<TopologyCpus>(block, 40).mask, 0x2000000000000000U);
    EXPECT_EQ(at<TopologyCpus>(block, 56).dedicated_and_polarization, 5);
    EXPECT_EQ(at<TopologyCpus>(block, 56).mask, 0x4000000000000000U);
}

TEST(Topology, TheFirmwarePolarizes)
{
    auto cpus = *CpuConfiguration::create(1);
    Entitlements entitlements;
    Topology topology(cpus, { .entitlements = &entitlements });
    EXPECT_TRUE(topology.waits(1));
    EXPECT_FALSE(topology.waits(2));
    EXPECT_EQ(topology.perform_function(1)->condition_code, 0);
    EXPECT_TRUE(entitlements.polarized);
    EXPECT_EQ(topology.perform_function(2)->condition_code, 1) << "it is done, and said so";
    EXPECT_EQ(topology.perform_function(1)->r1, 0x101U);
    entitlements.obeys = false;
    EXPECT_EQ(topology.perform_function(0)->condition_code, 2);
    EXPECT_EQ(topology.perform_function(0)->r1, 0U);
    entitlements.obeys = true;
    topology.reset();
    EXPECT_FALSE(entitlements.polarized);
}

TEST(Topology, AResetLeavesWhatTheOperatorChose)
{
    auto cpus = *CpuConfiguration::create(1);
    Entitlements entitlements;
    entitlements.polarized = true;
    Topology topology(cpus, { .entitlements = &entitlements });
    topology.reset();
    EXPECT_TRUE(entitlements.polarized);
}

TEST(SystemInformation, APartitionIsToldOfItsCapAndItsPlace)
{
    auto cpus = *CpuConfiguration::create(2, 1);
    Topology topology(cpus, {});
    Entitlements entitlements;
    MachineIdentity identity { .personality = Personality::lpar, .partition_name = "LP1", .dedicated_cpus = true, .physical_cpus = 8 };
    identity.uuid[0] = 0x42;
    SystemInformation information(identity, cpus, topology, &entitlements);
    auto partition = at<PartitionCpus>(information.store(2, 2, 2, 0));
    EXPECT_EQ(partition.adjustment_factor, 1000);
    EXPECT_EQ(partition.characteristics, PartitionCpus::dedicated_cpus);
    EXPECT_EQ(partition.dedicated, 2);
    EXPECT_EQ(partition.shared, 0);
    EXPECT_EQ(partition.uuid[0], 0x42);
    EXPECT_STREQ(partition.extended_name, "LP1");
    entitlements.limit = 250;
    partition = at<PartitionCpus>(information.store(2, 2, 2, 0));
    EXPECT_EQ(partition.adjustment_factor, 250);
    EXPECT_EQ(partition.characteristics, PartitionCpus::dedicated_cpus | PartitionCpus::limited);
    auto machine = at<BasicMachineCpus>(information.store(1, 2, 2, 0));
    EXPECT_EQ(machine.total, 8);
    EXPECT_EQ(machine.configured, 8);
    EXPECT_EQ(machine.standby, 0);
    EXPECT_NE(at<Be<u16>>(information.store(1, 2, 2, 0), 44 + 2 * 6), 0) << "a factor for eight";
}

TEST(CpuAttributes, CachesOfAMachine)
{
    EXPECT_EQ(extract_cpu_attribute(15, 0, 0, 0), 0x04040b0b00000000U);
    EXPECT_EQ(extract_cpu_attribute(15, 1, 0, 0), 256U);
    EXPECT_EQ(extract_cpu_attribute(13, 2, 0, 1), 96U << 10);
    EXPECT_EQ(extract_cpu_attribute(15, 2, 2, 0), 256U << 20);
    EXPECT_EQ(extract_cpu_attribute(15, 3, 3, 0), 60U);
    EXPECT_EQ(extract_cpu_attribute(10, 2, 3, 0), ~u64 { 0 });
    EXPECT_EQ(extract_cpu_attribute(15, 2, 7, 0), ~u64 { 0 });
    EXPECT_EQ(extract_cpu_attribute(15, 4, 0, 0), ~u64 { 0 });
    EXPECT_EQ(extract_cpu_attribute(99, 2, 3, 0), 2880ULL << 20);
}

} // namespace
} // namespace zvisor
