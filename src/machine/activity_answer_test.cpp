#include "machine/activity_answer.h"

#include "prsm/activity_messages.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

TEST(ActivityAnswer, WhatTheFirmwareTellsArrives)
{
    MachineDefinition machine { .physical_cpus = 4, .groups = { { .name = "G", .cap_hundredths = 50 } } };
    std::vector<PartitionUsage> all;
    for (u8 number = 1; number <= 40; ++number)
        all.push_back({ .definition
            = { .name = "LP", .number = number, .maximum_cpus = 2, .weight = 7, .capped = true, .cap_hundredths = 30, .group = "G" },
            .active = true,
            .storage = 12,
            .cpus = { { .dispatched = 7s, .parked = 2s, .waiting = 3s, .configured = true, .online = 20s } } });
    MachineActivity activity;
    for (const auto& message : activity_messages(machine, all, 9s))
        ASSERT_TRUE(add_activity(nlohmann::json::from_cbor(nlohmann::json::to_cbor(message)), activity));
    EXPECT_TRUE(activity.global);
    EXPECT_EQ(activity.physical_cpus, 4);
    EXPECT_EQ(activity.management, 9'000'000'000U);
    ASSERT_EQ(activity.partitions.size(), 40U);
    const auto& partition = activity.partitions.back();
    EXPECT_EQ(partition.number, 40);
    EXPECT_EQ(partition.weight, 7);
    EXPECT_TRUE(partition.capped);
    EXPECT_EQ(partition.cap_hundredths, 30U);
    EXPECT_EQ(partition.group, "G");
    EXPECT_EQ(partition.group_cap_hundredths, 50U);
    EXPECT_EQ(partition.storage, 12U);
    ASSERT_EQ(partition.cpus.size(), 2U);
    EXPECT_TRUE(partition.cpus[0].online);
    EXPECT_EQ(partition.cpus[0].online_time, 20'000'000'000U);
    EXPECT_EQ(partition.cpus[0].dispatched, 5'000'000'000U);
    EXPECT_EQ(partition.cpus[0].waiting, 5'000'000'000U);
}

TEST(ActivityAnswer, WhatIsNotOfTheFormIsAnError)
{
    MachineActivity activity;
    EXPECT_FALSE(add_activity({ { "physical", "four" } }, activity));
    EXPECT_FALSE(add_activity(nlohmann::json::object(), activity));
    EXPECT_FALSE(
        add_activity({ { "physical", 1 }, { "dedicated", 0 }, { "management", 0 }, { "partitions", { { { "name", 3 } } } } }, activity));
}

} // namespace
} // namespace zvisor
