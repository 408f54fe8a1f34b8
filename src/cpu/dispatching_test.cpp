#include "cpu/cpu.h"
#include "cpu/cpu_group.h"
#include "cpu/engine.h"
#include "cpu/null_services.h"

#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <thread>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

/// Idles at instruction boundaries, or does there what a test wants.
class IdleEngine final : public Engine {
public:
    void run(Cpu& cpu) override
    {
        while (cpu.handle_pending()) {
            ++instructions;
            instruction(cpu);
        }
    }
    void execute_target(Cpu&, u64, u64) override { }
    void code_stored(u64, u64) override { }
    void forget_all() override { }
    void give_memory_back() override { ++gave_back; }

    std::atomic<u64> instructions { 0 };
    std::atomic<int> gave_back { 0 };
    /// Set before the CPU starts.
    std::function<void(Cpu&)> instruction = [](Cpu&) { std::this_thread::yield(); };
};

/// Physical CPUs as a test grants them; notes what it was asked.
class FakeDispatching final : public Dispatching {
public:
    Held acquire(Cpu& cpu) override
    {
        ++acquired;
        for (;;) {
            if (cpu.leaving())
                return {};
            if (grants.load()) {
                auto granted = std::chrono::steady_clock::now();
                std::this_thread::sleep_for(resumes_after.load());
                return granted;
            }
            std::this_thread::sleep_for(100us);
        }
    }
    std::chrono::steady_clock::time_point held_until(Cpu&) override
    {
        auto time = taken.load();
        return time == std::chrono::steady_clock::time_point {} ? std::chrono::steady_clock::now() : time;
    }
    bool release(Cpu&, Idle idle) override
    {
        ++(idle == Idle::stopped ? stopped : waiting);
        return false;
    }
    Held give_back(Cpu& cpu) override
    {
        ++given_back;
        return acquire(cpu);
    }
    void yield(Cpu&) override { }
    void yield_to(Cpu&, u16) override { }
    void interrupt(Cpu&) override { }

    std::atomic<bool> grants { true };
    /// What the host takes to let the thread of a CPU go on that was granted a physical CPU.
    std::atomic<std::chrono::milliseconds> resumes_after { 0ms };
    /// When a CPU lost its physical CPU, whenever it notices; the clock's beginning: when it notices.
    std::atomic<std::chrono::steady_clock::time_point> taken {};
    std::atomic<int> acquired { 0 };
    std::atomic<int> waiting { 0 };
    std::atomic<int> stopped { 0 };
    std::atomic<int> given_back { 0 };
};

class DispatchingTest : public testing::Test {
protected:
    static constexpr u64 mode_64 = Psw::extended_addressing_bit | Psw::basic_addressing_bit;
    static constexpr u64 wait_mask = mode_64 | Psw::wait_bit | Psw::external_bit;

    DispatchingTest()
    {
        auto owned = std::make_unique<IdleEngine>();
        engine = owned.get();
        cpu.set_engine(std::move(owned));
        auto fake = std::make_unique<FakeDispatching>();
        dispatching = fake.get();
        group.set_dispatching(std::move(fake));
        // External interruptions go on at 3000.
        store_be<u64>(storage->host() + lowcore::external_new_psw, mode_64);
        store_be<u64>(storage->host() + lowcore::external_new_psw + 8, 0x3000);
        cpu.load_psw({ mode_64, 0x2000 });
    }
    ~DispatchingTest() override { group.finish(); }

    void start()
    {
        cpu.order_start();
        group.start();
    }
    [[nodiscard]] static bool becomes(const std::function<bool()>& condition)
    {
        for (int i = 0; i < 5000 && !condition(); ++i)
            std::this_thread::sleep_for(1ms);
        return condition();
    }

    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(16 << 20)).value() };
    FacilitySet facilities;
    NullChannelServices channels;
    NullMachineServices machine;
    CpuGroup group { *storage, facilities, channels, machine };
    Cpu& cpu { group.add() };
    IdleEngine* engine {};
    FakeDispatching* dispatching {};
};

TEST_F(DispatchingTest, ACpuExecutesOnceItIsGrantedAPhysicalCpu)
{
    dispatching->grants = false;
    start();
    ASSERT_TRUE(becomes([&] { return dispatching->acquired > 0; }));
    EXPECT_FALSE(cpu.running());
    EXPECT_EQ(engine->instructions, 0u);
    dispatching->grants = true;
    EXPECT_TRUE(becomes([&] { return cpu.running() && engine->instructions > 0; }));
}

TEST_F(DispatchingTest, NobodyWaitsForAnswersOfACpuThatIsNotDispatched)
{
    Cpu& other = group.add();
    other.set_engine(std::make_unique<IdleEngine>());
    dispatching->grants = false;
    start();
    ASSERT_TRUE(becomes([&] { return dispatching->acquired > 0; }));
    group.purge_others(other);
    EXPECT_TRUE(cpu.request_pending());
    dispatching->grants = true;
    EXPECT_TRUE(becomes([&] { return engine->instructions > 0; }));
    EXPECT_FALSE(cpu.request_pending()) << "answered before the first instruction";
}

TEST_F(DispatchingTest, AnEnabledWaitReleasesAndAnInterruptionAsksAnew)
{
    cpu.cr[0] |= cr0::external_call;
    cpu.load_psw({ wait_mask, 0x2000 });
    start();
    ASSERT_TRUE(becomes([&] { return dispatching->waiting == 1; }));
    int before = dispatching->acquired;
    cpu.order_external_call(0);
    EXPECT_TRUE(becomes([&] { return engine->instructions > 0; }));
    EXPECT_EQ(dispatching->acquired, before + 1);
}

TEST_F(DispatchingTest, RequestsAndInterruptionsForOthersLeaveAWaitingCpuWithoutAPhysicalCpu)
{
    cpu.load_psw({ wait_mask, 0x2000 });
    start();
    ASSERT_TRUE(becomes([&] { return dispatching->waiting == 1; }));
    int before = dispatching->acquired;
    cpu.post_purge({});
    group.interruption_pending();
    EXPECT_TRUE(becomes([&] { return !cpu.request_pending(); }));
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(dispatching->acquired, before);
    EXPECT_EQ(dispatching->waiting, 1);
}

TEST_F(DispatchingTest, GivingBackIsBetweenInstructions)
{
    start();
    ASSERT_TRUE(becomes([&] { return cpu.running() && engine->instructions > 0; }));
    dispatching->grants = false;
    cpu.notify(Pending::give_back);
    ASSERT_TRUE(becomes([&] { return dispatching->given_back == 1 && !cpu.running(); }));
    u64 executed = engine->instructions;
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(engine->instructions, executed);
    dispatching->grants = true;
    EXPECT_TRUE(becomes([&] { return engine->instructions > executed; }));
}

TEST_F(DispatchingTest, TheCpuTimerStandsStillWhileAnotherHasThePhysicalCpu)
{
    constexpr u64 long_time = u64 { 1 } << 62;
    u64 begun = cpu.tod();
    cpu.set_cpu_timer(long_time);
    start();
    ASSERT_TRUE(becomes([&] { return cpu.running() && engine->instructions > 0; }));
    dispatching->grants = false;
    cpu.notify(Pending::give_back);
    ASSERT_TRUE(becomes([&] { return dispatching->given_back == 1; }));
    constexpr auto stolen = 50ms;
    std::this_thread::sleep_for(stolen);
    dispatching->grants = true;
    u64 executed = engine->instructions;
    ASSERT_TRUE(becomes([&] { return engine->instructions > executed + 1; }));
    cpu.order_stop(false);
    cpu.wait_for_orders();
    u64 spent = long_time - cpu.cpu_timer();
    EXPECT_GE(cpu.tod() - begun - spent, TodClock::from_nanoseconds(std::chrono::nanoseconds(stolen).count()));
}

TEST_F(DispatchingTest, TheCpuTimerStandsStillWhileAnInstructionGivesThePhysicalCpuUp)
{
    constexpr u64 long_time = u64 { 1 } << 62;
    constexpr auto given_up = 20ms;
    std::atomic<u64> hidden { 0 };
    engine->instruction = [&](Cpu& self) {
        u64 begun = self.tod();
        self.set_cpu_timer(long_time);
        self.while_not_executing([&] { std::this_thread::sleep_for(given_up); });
        u64 left = self.cpu_timer();
        hidden = self.tod() - begun - (long_time - left);
    };
    start();
    EXPECT_TRUE(becomes([&] { return hidden > 0; }));
    group.finish();
    EXPECT_GE(hidden, TodClock::from_nanoseconds(std::chrono::nanoseconds(given_up).count()));
}

TEST_F(DispatchingTest, TheAlarmRingsForACpuThatWokeUpBeforeItsTimer)
{
    cpu.cr[0] |= cr0::external_call | cr0::clock_comparator;
    cpu.load_psw({ wait_mask, 0x2000 });
    // The host may take its time to let the threads begin.
    cpu.set_clock_comparator(cpu.tod() + TodClock::from_nanoseconds(2'000'000'000));
    std::atomic<bool> rang { false };
    engine->instruction = [&](Cpu& self) {
        rang = rang || load_be<u16>(storage->host() + lowcore::external_code) == 0x1004;
        if (!rang)
            self.load_psw({ mode_64 | Psw::external_bit, 0x2000 });
    };
    start();
    ASSERT_TRUE(becomes([&] { return dispatching->waiting == 1; }));
    cpu.order_external_call(0);
    EXPECT_TRUE(becomes([&] { return rang.load(); }));
    group.finish();
}

TEST_F(DispatchingTest, TheAlarmDoesNotRingForACpuThatSleepsUntilItsTimer)
{
    cpu.cr[0] |= cr0::clock_comparator;
    cpu.load_psw({ wait_mask, 0x2000 });
    u64 deadline = cpu.tod() + TodClock::from_nanoseconds(3'000'000'000);
    cpu.set_clock_comparator(deadline);
    EXPECT_EQ(group.alarm(), deadline);
    start();
    EXPECT_TRUE(becomes([&] { return group.alarm() > deadline; }));
}

TEST_F(DispatchingTest, ACpuThatWaitsOrIsStoppedGivesMemoryBack)
{
    Cpu& other = group.add();
    auto owned = std::make_unique<IdleEngine>();
    auto* other_engine = owned.get();
    other.set_engine(std::move(owned));
    other.load_psw({ mode_64, 0x2000 });
    cpu.load_psw({ wait_mask, 0x2000 });
    cpu.storage().mark_code(0x2000, 2);
    other.order_start();
    start();
    ASSERT_TRUE(becomes([&] { return other_engine->instructions > 0; }));
    other.order_stop(false);
    auto both_have = [&] { return engine->gave_back > 0 && other_engine->gave_back > 0; };
    for (auto waited = 0ms; waited < 3 * Idleness::window && !both_have(); waited += 100ms)
        std::this_thread::sleep_for(100ms);
    EXPECT_EQ(engine->gave_back, 1);
    EXPECT_EQ(other_engine->gave_back, 1);
    EXPECT_TRUE(becomes([&] { return !cpu.storage().holds_code(0x2000, 2); }));
}

TEST_F(DispatchingTest, TimeCountsFromTheGrantNotFromWhenTheHostLetsTheThreadGoOn)
{
    constexpr u64 long_time = u64 { 1 } << 62;
    cpu.set_cpu_timer(long_time);
    start();
    ASSERT_TRUE(becomes([&] { return cpu.running() && engine->instructions > 0; }));
    cpu.order_stop(false);
    cpu.wait_for_orders();
    u64 timer = cpu.cpu_timer();
    cpu.order_start();
    ASSERT_TRUE(becomes([&] { return cpu.running(); }));
    auto before = cpu.times().executing.read();
    dispatching->resumes_after = 50ms;
    cpu.notify(Pending::give_back);
    ASSERT_TRUE(becomes([&] { return dispatching->given_back == 1 && cpu.running(); }));
    EXPECT_GE(cpu.times().executing.read() - before, 50ms);
    cpu.order_stop(false);
    cpu.wait_for_orders();
    EXPECT_GE(timer - cpu.cpu_timer(), TodClock::from_nanoseconds(std::chrono::nanoseconds(50ms).count()));
}

TEST_F(DispatchingTest, TimeEndsWhenThePhysicalCpuWasTakenNotWhenTheCpuNotices)
{
    start();
    ASSERT_TRUE(becomes([&] { return cpu.times().executing.read() > 30ms; }));
    dispatching->grants = false;
    dispatching->taken = std::chrono::steady_clock::now() - 20ms;
    auto before = cpu.times().executing.read();
    cpu.notify(Pending::give_back);
    ASSERT_TRUE(becomes([&] { return dispatching->given_back == 1 && !cpu.running(); }));
    EXPECT_LT(cpu.times().executing.read(), before);
}

TEST_F(DispatchingTest, AStopOrderEndsTheWaitForAPhysicalCpu)
{
    dispatching->grants = false;
    start();
    ASSERT_TRUE(becomes([&] { return dispatching->acquired > 0; }));
    cpu.order_stop(false);
    cpu.wait_for_orders();
    EXPECT_EQ(cpu.state(), RunState::stopped);
    EXPECT_EQ(engine->instructions, 0u);
    EXPECT_TRUE(becomes([&] { return dispatching->stopped >= 2; }));
}

} // namespace
} // namespace zvisor
