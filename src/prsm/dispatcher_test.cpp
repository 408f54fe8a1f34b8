#include "prsm/dispatcher.h"

#include "base/futex.h"

#include <condition_variable>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <regex>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zvisor::prsm {
namespace {

using namespace std::chrono_literals;

/// A partition's side of a region, attached as another process would be; a test speaks the protocol by hand.
class Partition {
public:
    explicit Partition(u32 cells)
        : firmware(DispatchRegion::create(cells).value())
        , region(DispatchRegion::attach(duplicate(firmware->memory_fd()), duplicate(firmware->doorbell_fd())).value())
    {
    }

    [[nodiscard]] DispatchState state(u16 cpu) { return DispatchState::from(region->cells()[cpu].state.load()); }
    void set(u16 cpu, DispatchState to)
    {
        region->cells()[cpu].state = to.word();
        region->ring(cpu);
    }
    void becomes(u16 cpu, CpuUse use) { set(cpu, { .use = use }); }

    /// Waits up to a few seconds for a state.
    template<class Condition>
    [[nodiscard]] bool reaches(u16 cpu, Condition condition)
    {
        for (int i = 0; i < 5000; ++i) {
            if (condition(state(cpu)))
                return true;
            std::this_thread::sleep_for(1ms);
        }
        return false;
    }
    [[nodiscard]] bool runs(u16 cpu)
    {
        return reaches(cpu, [](DispatchState now) { return now.use == CpuUse::running; });
    }
    [[nodiscard]] bool is_asked(u16 cpu)
    {
        return reaches(cpu, [](DispatchState now) { return now.give_back; });
    }
    /// Does what an honest CPU does when it is asked: over and over, until the test ends.
    void serve()
    {
        m_server = std::jthread([this](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                for (u16 i = 0; i < region->cells().size(); ++i)
                    if (state(i).use == CpuUse::running && state(i).give_back)
                        becomes(i, CpuUse::ready);
                std::this_thread::sleep_for(200us);
            }
        });
    }

    [[nodiscard]] static UniqueFd duplicate(int fd) { return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

    std::shared_ptr<DispatchRegion> firmware;
    std::shared_ptr<DispatchRegion> region;

private:
    std::jthread m_server;
};

class DispatcherTest : public testing::Test {
protected:
    /// Long enough for honest partitions of tests on a busy host.
    nanoseconds grace { 2s };
    [[nodiscard]] std::unique_ptr<Dispatcher> make(std::vector<u16> physical)
    {
        return Dispatcher::create({ .physical_cpus = std::move(physical), .grace = grace, .starved_grace = 10 * grace },
            [this](PartitionId id, const std::string& why) {
                std::lock_guard lock(m_mutex);
                m_reports.emplace_back(id, why);
                m_reported.notify_all();
            })
            .value();
    }
    /// The first misdeed reported; empty after some seconds.
    [[nodiscard]] std::pair<PartitionId, std::string> report()
    {
        std::unique_lock lock(m_mutex);
        m_reported.wait_for(lock, 5s, [this] { return !m_reports.empty(); });
        return m_reports.empty() ? std::pair<PartitionId, std::string> {} : m_reports.front();
    }
    [[nodiscard]] std::size_t reports()
    {
        std::lock_guard lock(m_mutex);
        return m_reports.size();
    }

private:
    std::mutex m_mutex;
    std::condition_variable m_reported;
    std::vector<std::pair<PartitionId, std::string>> m_reports;
};

TEST_F(DispatcherTest, AReadyCpuGetsAPhysicalCpuAndMayPark)
{
    auto dispatcher = make({ 3 });
    Partition partition(1);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 1, {}));
    partition.becomes(0, CpuUse::ready);
    ASSERT_TRUE(partition.runs(0));
    EXPECT_EQ(partition.state(0), (DispatchState { .use = CpuUse::running, .physical = 3 }));
}

TEST_F(DispatcherTest, AParkedPhysicalCpuGoesToWhoNeedsIt)
{
    auto dispatcher = make({ 3 });
    Partition first(1);
    Partition second(1);
    ASSERT_TRUE(dispatcher->add(1, first.firmware, 1, {}));
    ASSERT_TRUE(dispatcher->add(2, second.firmware, 1, {}));
    first.becomes(0, CpuUse::ready);
    ASSERT_TRUE(first.runs(0));
    first.region->cells()[0].state = DispatchState { .use = CpuUse::parked, .physical = 3 }.word();
    second.becomes(0, CpuUse::ready);
    EXPECT_TRUE(second.runs(0));
    EXPECT_EQ(first.state(0), DispatchState { .use = CpuUse::waiting });
    EXPECT_EQ(reports(), 0u);
}

TEST_F(DispatcherTest, TwoThatAreReadyTakeTurns)
{
    auto dispatcher = make({ 0 });
    Partition first(1);
    Partition second(1);
    first.serve();
    second.serve();
    ASSERT_TRUE(dispatcher->add(1, first.firmware, 1, {}));
    ASSERT_TRUE(dispatcher->add(2, second.firmware, 1, {}));
    first.becomes(0, CpuUse::ready);
    second.becomes(0, CpuUse::ready);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(first.runs(0));
        ASSERT_TRUE(second.runs(0));
        ASSERT_TRUE(first.reaches(0, [](DispatchState now) { return now.use == CpuUse::ready; }));
    }
    EXPECT_GE(dispatcher->usage(1).at(0).dispatches, 2u);
    EXPECT_EQ(reports(), 0u);
}

TEST_F(DispatcherTest, WhoDoesNotGiveBackIsReportedAndOthersGoOn)
{
    grace = 10ms;
    auto dispatcher = make({ 0 });
    Partition hostile(1);
    Partition honest(1);
    ASSERT_TRUE(dispatcher->add(1, hostile.firmware, 1, {}));
    ASSERT_TRUE(dispatcher->add(2, honest.firmware, 1, {}));
    hostile.becomes(0, CpuUse::ready);
    ASSERT_TRUE(hostile.runs(0));
    honest.becomes(0, CpuUse::ready);
    EXPECT_TRUE(honest.runs(0));
    auto [id, why] = report();
    EXPECT_EQ(id, 1u);
    EXPECT_TRUE(std::regex_match(why, std::regex("CPU 0 did not give its physical CPU back within [0-9.]+ s when it was asked to"))) << why;
    EXPECT_TRUE(dispatcher->remove(1));
}

TEST_F(DispatcherTest, WhoIsKeptFromRunningByTheHostHasMoreTime)
{
    grace = 50ms;
    auto dispatcher = make({ 0 });
    Partition starved(1);
    Partition other(1);
    // Its process is one that sleeps all the time.
    pid_t sleeper = fork();
    if (sleeper == 0) {
        pause();
        _exit(0);
    }
    ASSERT_TRUE(dispatcher->add(1, starved.firmware, 1, {}, sleeper));
    ASSERT_TRUE(dispatcher->add(2, other.firmware, 1, {}));
    starved.becomes(0, CpuUse::ready);
    ASSERT_TRUE(starved.runs(0));
    other.becomes(0, CpuUse::ready);
    ASSERT_TRUE(starved.is_asked(0));
    std::this_thread::sleep_for(100ms);
    EXPECT_EQ(reports(), 0u);
    EXPECT_EQ(report().first, 1u) << "but not for ever";
    kill(sleeper, SIGKILL);
    waitpid(sleeper, nullptr, 0);
}

TEST_F(DispatcherTest, WhatOtherCpusRanMeanwhileIsNotHeldAgainstOneThatDidNot)
{
    grace = 200ms;
    auto dispatcher = make({ 0, 1 });
    Partition starved(2);
    Partition other(1);
    // Its process is one that runs all the time: on its other CPU, as far as can be known.
    pid_t busy = fork();
    if (busy == 0)
        for (std::atomic<u64> count = 0;; ++count)
            ;
    ASSERT_TRUE(dispatcher->add(1, starved.firmware, 2, {}, busy));
    ASSERT_TRUE(dispatcher->add(2, other.firmware, 1, {}));
    starved.becomes(0, CpuUse::ready);
    starved.becomes(1, CpuUse::ready);
    ASSERT_TRUE(starved.runs(0));
    ASSERT_TRUE(starved.runs(1));
    other.becomes(0, CpuUse::ready);
    ASSERT_TRUE(starved.reaches(0, [&](DispatchState now) { return now.give_back || starved.state(1).give_back; }));
    u16 works = starved.state(0).give_back ? 1 : 0;
    std::this_thread::sleep_for(170ms);
    starved.becomes(works, CpuUse::waiting);
    std::this_thread::sleep_for(100ms);
    EXPECT_EQ(reports(), 0u);
    kill(busy, SIGKILL);
    waitpid(busy, nullptr, 0);
}

TEST_F(DispatcherTest, AClaimOfAPhysicalCpuThatWasNotGrantedIsReported)
{
    auto dispatcher = make({ 0, 1 });
    Partition partition(2);
    ASSERT_TRUE(dispatcher->add(7, partition.firmware, 2, {}));
    partition.set(1, { .use = CpuUse::running, .physical = 1 });
    EXPECT_EQ(report(), (std::pair<PartitionId, std::string>(7, "CPU 1 claims a physical CPU that it was not granted")));
}

TEST_F(DispatcherTest, AStateThatIsNoneIsReported)
{
    auto dispatcher = make({ 0 });
    Partition partition(1);
    ASSERT_TRUE(dispatcher->add(7, partition.firmware, 1, {}));
    partition.region->cells()[0].state = ~u32 { 0 };
    partition.region->ring(0);
    EXPECT_EQ(report().second, "the dispatch cell of CPU 0 has no valid state");
}

TEST_F(DispatcherTest, GarbageInOnePartitionDoesNotKeepAnotherFromRunning)
{
    grace = 1s; // the honest one waits for a CPU of the host, too
    auto dispatcher = make({ 0 });
    Partition honest(1);
    honest.serve();
    ASSERT_TRUE(dispatcher->add(0, honest.firmware, 1, {}));
    honest.becomes(0, CpuUse::ready);
    std::jthread scribbler([&](const std::stop_token& stop) {
        u32 random = 1;
        for (PartitionId id = 1; !stop.stop_requested(); ++id) {
            Partition hostile(4);
            ASSERT_TRUE(dispatcher->add(id, hostile.firmware, 4, { .weight = 999 }));
            auto* words = reinterpret_cast<std::atomic<u32>*>(&hostile.region->header());
            std::size_t count = (sizeof(DispatchHeader) + 4 * sizeof(DispatchCell)) / sizeof(u32);
            u64 one = 1;
            for (int i = 0; i < 20000 && !stop.stop_requested(); ++i) {
                random = random * 1664525 + 1013904223;
                words[(random >> 8) % count] = i % 3 == 0 ? random >> 24 & 7 : random;
                if (i % 16 == 0 && write(hostile.region->doorbell_fd(), &one, sizeof(one)) != 8)
                    return;
            }
            ASSERT_TRUE(dispatcher->remove(id));
        }
    });
    for (int i = 0; i < 20; ++i) {
        std::this_thread::sleep_for(20ms);
        EXPECT_TRUE(honest.runs(0));
    }
    scribbler.request_stop();
    scribbler.join();
    EXPECT_TRUE(honest.runs(0));
}

TEST_F(DispatcherTest, ADoorbellThatRingsWithoutEndIsHeardSeldom)
{
    auto dispatcher = make({ 0 });
    Partition partition(1);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 1, {}));
    auto end = std::chrono::steady_clock::now() + 200ms;
    u64 one = 1;
    while (std::chrono::steady_clock::now() < end)
        ASSERT_EQ(write(partition.region->doorbell_fd(), &one, sizeof(one)), 8);
    // 300 in each of 21 windows, and what ends them.
    EXPECT_LE(dispatcher->usage().wakeups, 7'000u);
    partition.becomes(0, CpuUse::ready);
    EXPECT_TRUE(partition.runs(0)) << "it is heard again";
}

TEST_F(DispatcherTest, TimeIsAccountedByTheFirmware)
{
    auto dispatcher = make({ 0 });
    Partition partition(2);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 2, {}));
    partition.region->cells()[0].parked = ~u64 { 0 };
    partition.becomes(0, CpuUse::ready);
    ASSERT_TRUE(partition.runs(0));
    std::this_thread::sleep_for(20ms);
    auto usage = dispatcher->usage(1).at(0);
    EXPECT_GE(usage.dispatched, 20ms);
    EXPECT_EQ(usage.parked, usage.dispatched) << "a claim is not believed beyond what can be";
    EXPECT_EQ(usage.dispatches, 1u);
    EXPECT_GE(dispatcher->usage(1).at(1).stopped, 20ms);
}

TEST_F(DispatcherTest, BothAccountsBeginWithTheGrant)
{
    auto dispatcher = make({ 0 });
    Partition partition(1);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 1, {}));
    partition.becomes(0, CpuUse::ready);
    ASSERT_TRUE(partition.runs(0));
    nanoseconds granted(static_cast<i64>(partition.region->cells()[0].granted.load()));
    auto before = std::chrono::steady_clock::now().time_since_epoch() - granted;
    auto dispatched = dispatcher->usage(1).at(0).dispatched;
    auto after = std::chrono::steady_clock::now().time_since_epoch() - granted;
    EXPECT_GE(dispatched, before);
    EXPECT_LE(dispatched, after);
}

TEST_F(DispatcherTest, ParkedTimeCountsWhileItLastsAndWhenItIsEnded)
{
    auto dispatcher = make({ 0 });
    Partition parked(1);
    Partition other(1);
    ASSERT_TRUE(dispatcher->add(1, parked.firmware, 1, {}));
    ASSERT_TRUE(dispatcher->add(2, other.firmware, 1, {}));
    parked.becomes(0, CpuUse::ready);
    ASSERT_TRUE(parked.runs(0));
    nanoseconds began = std::chrono::steady_clock::now().time_since_epoch();
    parked.region->cells()[0].parked_since = static_cast<u64>(began.count());
    parked.region->cells()[0].state = DispatchState { .use = CpuUse::parked }.word();
    std::this_thread::sleep_for(20ms);
    EXPECT_GE(dispatcher->usage(1).at(0).parked, 20ms);
    other.becomes(0, CpuUse::ready);
    ASSERT_TRUE(other.runs(0));
    auto usage = dispatcher->usage(1).at(0);
    EXPECT_GE(usage.parked, 20ms);
    EXPECT_LE(usage.parked, usage.dispatched);
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(dispatcher->usage(1).at(0).parked, usage.parked);
}

/// Of two partitions on one physical CPU one went on when it woke up; the other has not noticed.
class DisplacedTest : public DispatcherTest {
protected:
    void SetUp() override
    {
        ASSERT_TRUE(dispatcher->add(1, slow.firmware, 1, {}));
        ASSERT_TRUE(dispatcher->add(2, woken.firmware, 1, {}));
        slow.becomes(0, CpuUse::ready);
        ASSERT_TRUE(slow.runs(0));
        woken.becomes(0, CpuUse::ready);
        ASSERT_TRUE(woken.runs(0));
    }

    std::unique_ptr<Dispatcher> dispatcher { make({ 3 }) };
    Partition slow { 1 };
    Partition woken { 1 };
};

TEST_F(DisplacedTest, WhoWakesUpBelowItsShareGoesOnBeforeAnotherHasGivenBack)
{
    EXPECT_EQ(woken.state(0).physical, 3u);
    EXPECT_TRUE(slow.is_asked(0));
    EXPECT_GE(slow.region->cells()[0].withdrawn, slow.region->cells()[0].granted);
    auto before = dispatcher->usage(1).at(0);
    std::this_thread::sleep_for(20ms);
    auto after = dispatcher->usage(1).at(0);
    EXPECT_EQ(after.dispatched, before.dispatched) << "its time has ended";
    EXPECT_GE(after.ready - before.ready, 20ms);
    slow.becomes(0, CpuUse::ready);
    woken.becomes(0, CpuUse::waiting);
    EXPECT_TRUE(slow.runs(0));
    EXPECT_EQ(reports(), 0u);
}

TEST_F(DisplacedTest, WhoMadeRoomForAMomentGoesOnBeforeItHasNoticed)
{
    ASSERT_TRUE(slow.is_asked(0));
    std::this_thread::sleep_for(5ms);
    woken.becomes(0, CpuUse::waiting);
    EXPECT_TRUE(slow.reaches(0, [](DispatchState now) { return now.use == CpuUse::running && !now.give_back; }));
    auto& cell = slow.region->cells()[0];
    EXPECT_EQ(cell.withdrawn, 0u);
    EXPECT_GE(cell.lost, 5'000'000u);
    EXPECT_EQ(reports(), 0u);
}

TEST_F(DispatcherTest, OnlineTimeIsThatOfTheConfiguredState)
{
    auto dispatcher = make({ 0 });
    Partition partition(2);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 1, {}));
    std::this_thread::sleep_for(5ms);
    auto usage = dispatcher->usage(1);
    EXPECT_TRUE(usage.at(0).configured);
    EXPECT_GE(usage.at(0).online, 5ms);
    EXPECT_FALSE(usage.at(1).configured);
    EXPECT_EQ(usage.at(1).online, 0ms);
    ASSERT_TRUE(dispatcher->configure({ 1, 1 }, true));
    std::this_thread::sleep_for(5ms);
    ASSERT_TRUE(dispatcher->configure({ 1, 1 }, false));
    auto online = dispatcher->usage(1).at(1).online;
    EXPECT_GE(online, 5ms);
    EXPECT_FALSE(dispatcher->usage(1).at(1).configured);
    EXPECT_EQ(dispatcher->usage(1).at(1).online, online);
}

TEST_F(DispatcherTest, APartitionIsCalledWhenItsEntitlementsChange)
{
    auto dispatcher = make({ 0, 1 });
    Partition partition(2);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 2, {}));
    auto& header = partition.region->header();
    u32 called = header.attention;
    ASSERT_TRUE(dispatcher->change(1, { .weight = 50, .capped = true, .absolute_cap = 70 }));
    EXPECT_EQ(header.attention, called);
    EXPECT_EQ(header.capped, 1u);
    EXPECT_EQ(header.cap, 70u);
    ASSERT_TRUE(dispatcher->change(1, { .vertical = true }));
    EXPECT_GT(header.attention, called);
    EXPECT_EQ(header.cap, 0u);
}

TEST_F(DispatcherTest, AnIdleMachineNeedsNoDispatcher)
{
    auto dispatcher = make({ 0, 1 });
    Partition partition(2);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 2, {}));
    partition.becomes(0, CpuUse::ready);
    partition.becomes(1, CpuUse::ready);
    ASSERT_TRUE(partition.runs(0) && partition.runs(1));
    std::this_thread::sleep_for(20ms);
    u64 before = dispatcher->usage().wakeups;
    std::this_thread::sleep_for(200ms);
    EXPECT_EQ(dispatcher->usage().wakeups, before);
}

TEST_F(DispatcherTest, WhatIsConfiguredIsShownToTheGuest)
{
    auto dispatcher = make({ 0, 1, 2 });
    Partition partition(3);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 3, { .weight = 200, .vertical = true }));
    ASSERT_TRUE(dispatcher->add(2, Partition(1).firmware, 1, { .weight = 200 }));
    EXPECT_EQ(partition.region->header().weight, 200u);
    EXPECT_EQ(partition.region->header().vertical, 1u);
    EXPECT_EQ(partition.region->cells()[0].entitlement, static_cast<u32>(Entitlement::high));
    EXPECT_EQ(partition.region->cells()[1].entitlement, static_cast<u32>(Entitlement::medium));
    EXPECT_EQ(partition.region->cells()[1].share, 500u);
    EXPECT_EQ(partition.region->cells()[2].entitlement, static_cast<u32>(Entitlement::low));
}

TEST_F(DispatcherTest, ARegionOfAFirmwareThatIsGoneIsTakenOver)
{
    auto dispatcher = make({ 0 });
    Partition partition(2);
    partition.set(0, { .use = CpuUse::running, .physical = 5 });
    partition.becomes(1, CpuUse::ready);
    ASSERT_TRUE(dispatcher->add(1, partition.firmware, 2, {}));
    EXPECT_EQ(partition.state(0), DispatchState { .use = CpuUse::waiting });
    EXPECT_TRUE(partition.runs(1));
    EXPECT_EQ(reports(), 0u);
}

TEST(DispatchRegion, MemoryOfAnotherSizeOrThatMayShrinkIsRefused)
{
    auto region = DispatchRegion::create(2).value();
    EXPECT_NE(ftruncate(region->memory_fd(), 64), 0) << "sealed";
    UniqueFd memory(memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(ftruncate(memory.get(), 100), 0);
    EXPECT_FALSE(DispatchRegion::attach(std::move(memory), Partition::duplicate(region->doorbell_fd())));
    UniqueFd unsealed(memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(ftruncate(unsealed.get(), sizeof(DispatchHeader) + sizeof(DispatchCell)), 0);
    EXPECT_FALSE(DispatchRegion::attach(std::move(unsealed), Partition::duplicate(region->doorbell_fd())));
}

} // namespace
} // namespace zvisor::prsm
