#include "prsm/virtual_world.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <span>

namespace zvisor::prsm {
namespace {

using namespace std::chrono_literals;

using World = VirtualWorld;

[[nodiscard]] double seconds(nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

/// CPUs a partition has while `time` passes.
[[nodiscard]] double rate_over(World& world, PartitionId id, nanoseconds time)
{
    nanoseconds before = world.used(id);
    world.run_for(time);
    return seconds(world.used(id) - before) / seconds(time);
}

/// Partitions first to last, each of one CPU that computes, with equal weights.
void add_spinners(World& world, PartitionId first, PartitionId last)
{
    for (PartitionId id = first; id <= last; ++id)
        world.add(id, 1, { .weight = 100 }, World::spins());
}

/// Of CPU 0 of partition 1 after it woke up, apart from the beginning, when all wake up; each of at least `count` waits.
[[nodiscard]] nanoseconds longest_wait(World& world, std::size_t count)
{
    auto latencies = std::span(world.latencies({ 1, 0 })).subspan(10);
    EXPECT_GE(latencies.size(), count);
    return std::ranges::max(latencies);
}

// ---- Shares ----------------------------------------------------------------------------------------------------------

TEST(Policy, WeightsAreSharesOfOneCpu)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 300 }, World::spins());
    world.add(2, 1, { .weight = 100 }, World::spins());
    EXPECT_NEAR(rate_over(world, 1, 1s), 0.75, 0.01);
    EXPECT_NEAR(rate_over(world, 1, 60s), 0.75, 0.001);
}

TEST(Policy, AShareIsOfAllPhysicalCpus)
{
    World world({ 0, 1 });
    world.add(1, 2, { .weight = 300 }, World::spins());
    world.add(2, 2, { .weight = 100 }, World::spins());
    EXPECT_NEAR(rate_over(world, 1, 1s), 1.5, 0.01);
    EXPECT_NEAR(rate_over(world, 2, 60s), 0.5, 0.001);
}

TEST(Policy, OneLogicalCpuUsesOnePhysicalCpuAtMostAndOthersGetTheRest)
{
    World world({ 0, 1 });
    world.add(1, 1, { .weight = 300 }, World::spins());
    world.add(2, 2, { .weight = 100 }, World::spins());
    world.add(3, 2, { .weight = 100 }, World::spins());
    world.run_for(100ms);
    nanoseconds before = world.used(2);
    EXPECT_NEAR(rate_over(world, 1, 10s), 1, 0.005);
    EXPECT_NEAR(seconds(world.used(2) - before) / 10, 0.5, 0.005);
}

TEST(Policy, AnUnusedShareGoesToTheOthersInProportionToTheirWeights)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 999 }, World::cycles(1ms, 1000s));
    world.add(2, 1, { .weight = 300 }, World::spins());
    world.add(3, 1, { .weight = 100 }, World::spins());
    EXPECT_NEAR(rate_over(world, 2, 10s), 0.75, 0.005);
}

/// Partitions that want all they can get, with weights, caps and numbers of logical CPUs at random, and what each ought to have.
struct RandomSet {
    explicit RandomSet(unsigned seed)
        : m_random(seed)
        , world(physical_cpus(pick(1, 4)))
        , cpus(static_cast<double>(world.policy.physical_count()))
    {
        world.give_back_time = std::chrono::microseconds(pick(0, 50));
        std::vector<Claim> claims;
        for (PartitionId id = 0, count = pick(2, 32); id < count; ++id)
            claims.push_back(add(id));
        std::vector<double> no_groups;
        double left = cpus;
        raise_rates(claims, no_groups, left);
        for (const Claim& claim : claims)
            rates.push_back(claim.rate);
        // In the beginning the light ones have their turns, too.
        world.run_for(2s);
    }

    /// The greatest difference from what a partition ought to have over a time, as a part of all physical CPUs.
    [[nodiscard]] double error_over(nanoseconds time)
    {
        std::vector<nanoseconds> before;
        for (PartitionId id = 0; id < rates.size(); ++id)
            before.push_back(world.used(id));
        world.run_for(time);
        double worst = 0;
        for (PartitionId id = 0; id < rates.size(); ++id)
            worst = std::max(worst, std::abs(seconds(world.used(id) - before[id]) / seconds(time) - rates[id]) / cpus);
        return worst;
    }

private:
    [[nodiscard]] u32 pick(u32 least, u32 most) { return std::uniform_int_distribution<u32>(least, most)(m_random); }

    [[nodiscard]] static std::vector<u16> physical_cpus(u32 count)
    {
        std::vector<u16> numbers;
        for (u16 i = 0; i < count; ++i)
            numbers.push_back(i);
        return numbers;
    }

    [[nodiscard]] Claim add(PartitionId id)
    {
        PartitionShare share { .weight = pick(1, 999) };
        if (pick(0, 3) == 0)
            share.absolute_cap = pick(1, 150);
        u32 logical = pick(1, 4);
        double limit = std::min<double>(logical, share.absolute_cap.value_or(100 * logical) / 100.0);
        world.add(id, logical, share, World::spins());
        return { .weight = static_cast<double>(share.weight), .limit = limit };
    }

    std::mt19937 m_random;

public:
    World world;
    double cpus;
    std::vector<double> rates;
};

TEST(Policy, SharesOfTwoHundredRandomSetsAreRightWithinASlice)
{
    // A slice of 12.5 ms more or less, and what others make of theirs.
    for (unsigned seed = 0; seed < 200; ++seed)
        EXPECT_LE(RandomSet(seed).error_over(1s), 0.016) << "seed " << seed;
}

TEST(Policy, SharesOfRandomSetsConvergeInAMinute)
{
    for (unsigned seed = 0; seed < 10; ++seed)
        EXPECT_LE(RandomSet(seed).error_over(60s), 0.001) << "seed " << seed;
}

// ---- Caps ------------------------------------------------------------------------------------------------------------

TEST(Policy, AbsoluteCapHoldsThoughPhysicalCpusAreIdle)
{
    World world({ 0, 1 });
    world.add(1, 2, { .absolute_cap = 37 }, World::spins());
    EXPECT_NEAR(rate_over(world, 1, 1s), 0.37, 0.01);
    EXPECT_NEAR(rate_over(world, 1, 60s), 0.37, 0.001);
}

TEST(Policy, TheLeastCapIsKept)
{
    World world({ 0 });
    world.add(1, 1, { .absolute_cap = 1 }, World::spins());
    EXPECT_NEAR(rate_over(world, 1, 60s), 0.01, 0.0002);
}

TEST(Policy, InitialCappingIsTheWeightsShare)
{
    World world({ 0, 1 });
    world.add(1, 2, { .weight = 100, .capped = true }, World::spins());
    world.add(2, 2, { .weight = 300 }, World::cycles(1ms, 10s));
    EXPECT_NEAR(rate_over(world, 1, 10s), 0.5, 0.005);
    ASSERT_TRUE(world.policy.change(world.now, 2, { .weight = 100 }));
    EXPECT_NEAR(rate_over(world, 1, 10s), 1.0, 0.01);
}

TEST(Policy, AGroupCapIsForAllMembersTogetherByTheirWeights)
{
    World world({ 0, 1 });
    ASSERT_TRUE(world.policy.set_group_cap(world.now, "test", 60));
    world.add(1, 1, { .weight = 200, .group = "test" }, World::spins());
    world.add(2, 1, { .weight = 100, .group = "test" }, World::spins());
    world.add(3, 2, { .weight = 100 }, World::spins());
    world.run_for(1s);
    nanoseconds second = world.used(2);
    nanoseconds third = world.used(3);
    EXPECT_NEAR(rate_over(world, 1, 20s), 0.4, 0.01);
    EXPECT_NEAR(seconds(world.used(2) - second) / 20, 0.2, 0.01);
    EXPECT_NEAR(seconds(world.used(3) - third) / 20, 1.4, 0.01);
}

TEST(Policy, ACappedPartitionDoesNotLoseItsShareToOneThatIsNot)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 500, .absolute_cap = 25 }, World::spins());
    world.add(2, 1, { .weight = 500 }, World::spins());
    EXPECT_NEAR(rate_over(world, 1, 30s), 0.25, 0.003);
}

// ---- Sleepers and cheats -----------------------------------------------------------------------------------------------

TEST(Policy, AWakingCpuBelowItsShareRunsAtOnce)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 100 }, World::cycles(1ms, 9ms));
    add_spinners(world, 2, 4);
    EXPECT_NEAR(rate_over(world, 1, 10s), 0.1, 0.005);
    EXPECT_EQ(longest_wait(world, 901), 0ms);
}

TEST(Policy, AWakingCpuDoesNotWaitUntilAnotherHasGivenBack)
{
    World world({ 0 });
    world.give_back_time = 5ms;
    world.add(1, 1, { .weight = 100 }, World::cycles(1ms, 29ms));
    add_spinners(world, 2, 4);
    world.run_for(10s);
    EXPECT_EQ(longest_wait(world, 301), 0ms);
}

TEST(Policy, WhoMadeRoomForAMomentGoesOnAlthoughItHasNotNoticed)
{
    World world({ 0 });
    world.give_back_time = 20ms;
    world.add(1, 1, { .weight = 100 }, World::cycles(100us, 4'900us));
    add_spinners(world, 2, 3);
    world.run_for(1s);
    double sleeper = rate_over(world, 1, 10s);
    EXPECT_NEAR(sleeper, 0.02, 0.001);
    EXPECT_GE(rate_over(world, 2, 10s) + rate_over(world, 3, 10s), 0.9);
}

TEST(Policy, AWakingCpuDoesNotWaitForASliceThatEndedWhileNobodyWasReady)
{
    for (nanoseconds sleeps : { 3ms, 30ms, 300ms }) {
        World world({ 0 });
        world.add(1, 1, { .weight = 100 }, World::cycles(1ms, sleeps));
        world.add(2, 1, { .weight = 100 }, World::spins());
        world.run_for(10s);
        EXPECT_EQ(longest_wait(world, 1), 0ms) << sleeps.count();
    }
}

TEST(Policy, SleepingJustBeforeTheSliceEndsGainsNothing)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 100 }, World::cycles(12'400us, 100us));
    world.add(2, 1, { .weight = 100 }, World::spins());
    EXPECT_LE(rate_over(world, 1, 20s), 0.505);
}

TEST(Policy, SleepingOftenGainsNothing)
{
    for (nanoseconds runs : { 100us, 1'000us, 5'000us, 20'000us }) {
        World world({ 0 });
        world.add(1, 1, { .weight = 100 }, World::cycles(runs, runs / 100));
        world.add(2, 1, { .weight = 100 }, World::spins());
        world.add(3, 1, { .weight = 100 }, World::spins());
        EXPECT_LE(rate_over(world, 1, 20s), 1.0 / 3 + 0.005) << runs.count();
    }
}

TEST(Policy, LongIdlenessIsNoLongCredit)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 100 }, World::cycles(1ms, 1000s));
    world.add(2, 1, { .weight = 100 }, World::spins());
    world.run_for(100s);
    nanoseconds before = world.used(1);
    world.policy.became_idle(world.now, { 1, 0 });
    world.start({ 1, 0 }, World::spins());
    world.run_for(500ms);
    EXPECT_NEAR(seconds(world.used(1) - before), 0.25, 0.02);
}

TEST(Policy, WhoYieldsLetsOthersRunAndKeepsItsShare)
{
    World world({ 0 });
    World::Behaviour yielder = World::cycles(50us, 0ms);
    yielder.yield = { .yields = true };
    world.add(1, 1, { .weight = 100 }, yielder);
    world.add(2, 1, { .weight = 100 }, World::spins());
    double rate = rate_over(world, 1, 5s);
    EXPECT_LE(rate, 0.5);
    EXPECT_GT(rate, 0.001) << "it runs, too";
}

TEST(Policy, WhatYieldersLeaveGoesToTheOthersInProportion)
{
    World world({ 0 });
    World::Behaviour yielder = World::cycles(50us, 0ms);
    yielder.yield = { .yields = true };
    world.add(1, 1, { .weight = 600 }, yielder);
    world.add(2, 1, { .weight = 300 }, World::spins());
    world.add(3, 1, { .weight = 100 }, World::spins());
    world.run_for(1s);
    auto before = std::pair(world.used(2), world.used(3));
    world.run_for(20s);
    EXPECT_NEAR(seconds(world.used(2) - before.first) / seconds(world.used(3) - before.second), 3, 0.05);
}

TEST(Policy, YieldingToASiblingHandsItTheRestOfTheSlice)
{
    World world({ 0 });
    ASSERT_TRUE(world.policy.add(world.now, 1, 2, 2, {}));
    ASSERT_TRUE(world.policy.add(world.now, 2, 1, 1, {}));
    auto& policy = world.policy;
    policy.became_ready(0ms, { 1, 0 });
    ASSERT_EQ(policy.decide(0ms).grants.size(), 1u);
    policy.became_ready(1ms, { 2, 0 });
    policy.became_ready(1ms, { 1, 1 });
    policy.gave_back(1ms, { 1, 0 }, { .to = u16 { 1 } });
    auto decisions = policy.decide(1ms);
    ASSERT_EQ(decisions.grants.size(), 1u);
    EXPECT_EQ(decisions.grants[0].cpu, (LogicalCpu { 1, 1 }));
}

// ---- Time that was not dispatched ----------------------------------------------------------------------------------------

TEST(Policy, TimeThatWasNotDispatchedComesOutOfTheShare)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 100 }, World::spins());
    world.add(2, 1, { .weight = 100 }, World::spins());
    for (int second = 0; second < 20; ++second) {
        world.run_for(1s);
        world.policy.charge(world.now, 1, 250ms);
    }
    EXPECT_NEAR(seconds(world.used(1)), 20 * (1 - 0.25) / 2, 0.3);
    EXPECT_NEAR(seconds(world.used(2)), 20 * (1 + 0.25) / 2, 0.3);
}

TEST(Policy, TimeThatWasNotDispatchedCountsForACap)
{
    World world({ 0, 1 });
    world.add(1, 1, { .weight = 100, .absolute_cap = 50 }, World::spins());
    for (int second = 0; second < 20; ++second) {
        world.run_for(1s);
        world.policy.charge(world.now, 1, 200ms);
    }
    EXPECT_NEAR(seconds(world.used(1)), 20 * 0.3, 0.3);
}

TEST(Policy, WhoOwesMuchIsNotShutOutForEver)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 100 }, World::spins());
    world.add(2, 1, { .weight = 100 }, World::spins());
    world.run_for(1s);
    world.policy.charge(world.now, 1, 1h);
    world.run_for(11s);
    EXPECT_NEAR(rate_over(world, 1, 10s), 0.5, 0.02);
    EXPECT_NEAR(rate_over(world, 2, 10s), 0.5, 0.02);
}

// ---- Several physical CPUs -----------------------------------------------------------------------------------------------

TEST(Policy, NothingIsToBeDecidedWhileNobodyCompetes)
{
    World world({ 0, 1, 2 });
    world.add(1, 2, {}, World::spins());
    world.add(2, 1, {}, World::spins());
    world.run_for(1ms);
    EXPECT_FALSE(world.policy.next_decision());
    EXPECT_FALSE(world.policy.contended());
}

TEST(Policy, ALogicalCpuStaysWhereItWas)
{
    World world({ 0, 1 });
    world.add(1, 1, { .weight = 100 }, World::cycles(2ms, 2ms));
    world.add(2, 1, { .weight = 100 }, World::cycles(3ms, 3ms));
    world.run_for(10s);
    EXPECT_LE(world.moves({ 1, 0 }) + world.moves({ 2, 0 }), 2u);
}

TEST(Policy, DedicatedPhysicalCpusAreNeverShared)
{
    World world({ 0, 1 });
    world.add(1, 1, { .dedicated = true }, World::cycles(1ms, 1ms));
    world.add(2, 2, {}, World::spins());
    EXPECT_NEAR(rate_over(world, 2, 1s), 1, 0.001);
    EXPECT_EQ(world.moves({ 1, 0 }), 0u);
    for (nanoseconds latency : world.latencies({ 1, 0 }))
        EXPECT_EQ(latency, 0ms);
    EXPECT_FALSE(world.policy.add(world.now, 3, 1, 1, { .dedicated = true })) << "one is left for those that share";
}

TEST(Policy, APartitionThatBecomesDedicatedMovesToItsOwnPhysicalCpu)
{
    World world({ 0, 1 });
    world.add(1, 1, {}, World::spins());
    world.add(2, 2, {}, World::spins());
    world.run_for(1s);
    ASSERT_TRUE(world.policy.change(world.now, 1, { .dedicated = true }));
    world.run_for(1ms);
    EXPECT_DOUBLE_EQ(rate_over(world, 1, 1s), 1);
    EXPECT_NEAR(rate_over(world, 2, 1s), 1, 0.001);
    ASSERT_TRUE(world.policy.change(world.now, 1, { .weight = 100 }));
    EXPECT_NEAR(rate_over(world, 2, 10s), 1, 0.01);
}

TEST(Policy, HighStaysOnItsPhysicalCpuAndLowLivesOnWhatIsLeft)
{
    World world({ 0, 1 });
    world.add(1, 2, { .weight = 100, .vertical = true }, World::spins());
    world.add(2, 1, { .weight = 100 }, World::spins());
    world.run_for(10s);
    EXPECT_EQ(world.policy.entitlement(LogicalCpu { 1, 0 }).kind, Entitlement::high);
    EXPECT_GT(world.used(LogicalCpu { 1, 0 }), 9'900ms);
    EXPECT_LT(world.used(LogicalCpu { 1, 1 }), 50ms);
    world.stop({ 2, 0 });
    EXPECT_NEAR(rate_over(world, 1, 1s), 2, 0.01) << "the other left its share";
}

TEST(Policy, VerticalSharesAreHighMediumAndLow)
{
    auto kinds = [](double entitlement, u32 cpus) {
        std::string names;
        for (u32 i = 0; i < cpus; ++i)
            names += "-LMH"[static_cast<u32>(entitlement_of(i, cpus, entitlement, true).kind)];
        return names;
    };
    EXPECT_EQ(kinds(2, 4), "HHLL");
    EXPECT_EQ(kinds(2.5, 4), "HHML");
    EXPECT_EQ(kinds(2.2, 4), "HMML") << "a medium one stands for half a CPU or more";
    EXPECT_EQ(kinds(0.2, 2), "ML");
    EXPECT_EQ(kinds(9, 2), "HH");
    EXPECT_DOUBLE_EQ(entitlement_of(1, 4, 2.2, true).share, 0.6);
}

// ---- Changes while it runs ------------------------------------------------------------------------------------------------

TEST(Policy, PhysicalCpusComeAndGo)
{
    World world({ 0, 1 });
    world.add(1, 2, {}, World::spins());
    EXPECT_NEAR(rate_over(world, 1, 1s), 2, 0.001);
    ASSERT_TRUE(world.policy.set_physical_cpus(world.now, { 1 }));
    EXPECT_NEAR(rate_over(world, 1, 1s), 1, 0.001);
    ASSERT_TRUE(world.policy.set_physical_cpus(world.now, { 1, 5 }));
    EXPECT_NEAR(rate_over(world, 1, 1s), 2, 0.001);
}

TEST(Policy, WeightsChangeAtOnce)
{
    World world({ 0 });
    world.add(1, 1, { .weight = 100 }, World::spins());
    world.add(2, 1, { .weight = 100 }, World::spins());
    world.run_for(1s);
    ASSERT_TRUE(world.policy.change(world.now, 1, { .weight = 900 }));
    EXPECT_NEAR(rate_over(world, 1, 1s), 0.9, 0.015);
}

TEST(Policy, ALogicalCpuThatIsDeconfiguredIsTakenOff)
{
    World world({ 0, 1 });
    world.add(1, 2, {}, World::spins());
    world.run_for(1ms);
    ASSERT_TRUE(world.policy.configure(world.now, { 1, 1 }, false));
    nanoseconds before = world.used(LogicalCpu { 1, 1 });
    world.run_for(1s);
    EXPECT_EQ(world.used(LogicalCpu { 1, 1 }), before);
}

TEST(Policy, WrongConfigurationsAreRefused)
{
    Policy policy({ 0, 1 });
    EXPECT_FALSE(policy.add(0ms, 1, 1, 1, { .weight = 0 }));
    EXPECT_FALSE(policy.add(0ms, 1, 1, 1, { .weight = 1000 }));
    EXPECT_FALSE(policy.add(0ms, 1, 1, 2, {}));
    EXPECT_FALSE(policy.add(0ms, 1, 1, 1, { .absolute_cap = 0 }));
    EXPECT_FALSE(policy.add(0ms, 1, 3, 3, { .dedicated = true }));
    ASSERT_TRUE(policy.add(0ms, 1, 1, 1, {}));
    EXPECT_FALSE(policy.add(0ms, 1, 1, 1, {}));
    EXPECT_FALSE(policy.change(0ms, 2, {}));
    EXPECT_FALSE(policy.remove(0ms, 2));
    EXPECT_FALSE(policy.set_physical_cpus(0ms, {}));
    EXPECT_FALSE(policy.set_physical_cpus(0ms, { 1, 1 }));
}

} // namespace
} // namespace zvisor::prsm
