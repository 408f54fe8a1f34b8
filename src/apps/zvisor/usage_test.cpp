#include "apps/zvisor/usage.h"

#include <gtest/gtest.h>

namespace zvisor {

namespace {

[[nodiscard]] PartitionList partitions(double cpu, double ready, double host = 0)
{
    constexpr double parked = 100;
    PartitionInfo partition;
    partition.name = "LP1";
    partition.cpu_seconds = host;
    for (int i = 0; i < 2; ++i)
        partition.logical_cpus.push_back({ .dispatched = parked + cpu / 2, .parked = parked, .ready = ready / 2 });
    return { { partition } };
}

const Usage::time_point begin { std::chrono::hours(1) };

} // namespace

TEST(Usage, IsTheDifferenceOfTwoLooks)
{
    Usage usage;
    usage.take(partitions(10, 1, 20), begin);
    EXPECT_EQ(usage.rows().front().cpu_percent, 0);
    usage.take(partitions(13, 1.5, 21), begin + std::chrono::seconds(2));
    EXPECT_DOUBLE_EQ(usage.rows().front().cpu_percent, 150);
    EXPECT_DOUBLE_EQ(usage.rows().front().ready_percent, 25);
    EXPECT_DOUBLE_EQ(usage.rows().front().host_percent, 50);
    EXPECT_DOUBLE_EQ(usage.cpu_percent(), 150);
}

TEST(Usage, APartitionThatWasActivatedAnewUsedNothingYet)
{
    Usage usage;
    usage.take(partitions(10, 1), begin);
    usage.take(partitions(0.1, 0), begin + std::chrono::seconds(2));
    EXPECT_EQ(usage.rows().front().cpu_percent, 0);
    EXPECT_EQ(usage.rows().front().ready_percent, 0);
}

} // namespace zvisor
