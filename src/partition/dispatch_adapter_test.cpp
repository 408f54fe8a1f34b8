#include "partition/dispatch_adapter.h"

#include "base/futex.h"
#include "cpu/cpu.h"
#include "cpu/engine.h"
#include "cpu/null_services.h"

#include <functional>
#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

class IdleEngine final : public Engine {
public:
    void run(Cpu& cpu) override
    {
        while (cpu.handle_pending())
            std::this_thread::yield();
    }
    void execute_target(Cpu&, u64, u64) override { }
    void code_stored(u64, u64) override { }
    void forget_all() override { }
};

/// Two CPUs over a region; a test is the firmware.
class DispatchAdapterTest : public testing::Test {
protected:
    static constexpr u64 mode_64 = Psw::extended_addressing_bit | Psw::basic_addressing_bit;

    DispatchAdapterTest()
    {
        for (int i = 0; i < 2; ++i)
            group.add().set_engine(std::make_unique<IdleEngine>());
        auto owned = std::make_unique<DispatchAdapter>(group, region, [this] { ++share_changes; });
        adapter = owned.get();
        group.set_dispatching(std::move(owned));
        cpu().load_psw({ mode_64, 0x2000 });
        cpu().cr[0] |= cr0::external_call;
        store_be<u64>(storage->host() + lowcore::external_new_psw, mode_64);
        store_be<u64>(storage->host() + lowcore::external_new_psw + 8, 0x3000);
    }
    ~DispatchAdapterTest() override { group.finish(); }

    void start()
    {
        cpu().order_start();
        group.start();
    }
    [[nodiscard]] Cpu& cpu() { return *group.find(0); }
    [[nodiscard]] DispatchCell& cell() { return region->cells()[0]; }
    [[nodiscard]] DispatchState state() { return DispatchState::from(cell().state.load()); }
    [[nodiscard]] static bool becomes(const std::function<bool()>& condition)
    {
        for (int i = 0; i < 5000 && !condition(); ++i)
            std::this_thread::sleep_for(1ms);
        return condition();
    }
    [[nodiscard]] bool uses(CpuUse use)
    {
        return becomes([&] { return state().use == use; });
    }
    /// Says `granted` of a CPU that is ready, as if it had been `before` now.
    [[nodiscard]] bool answer(DispatchState granted, std::chrono::nanoseconds before = 0ns)
    {
        if (!uses(CpuUse::ready))
            return false;
        std::chrono::nanoseconds time = std::chrono::steady_clock::now().time_since_epoch() - before;
        cell().granted = static_cast<u64>(time.count());
        u32 ready = DispatchState { .use = CpuUse::ready }.word();
        bool done = cell().state.compare_exchange_strong(ready, granted.word());
        futex_wake(cell().state);
        return done;
    }
    [[nodiscard]] bool grant(std::chrono::nanoseconds before = 0ns)
    {
        return answer({ .use = CpuUse::running }, before) && becomes([&] { return cpu().running(); });
    }
    void ask()
    {
        cell().state |= DispatchState::give_back_bit | DispatchState::tell_bit;
        ++region->header().attention;
        futex_wake(region->header().attention);
    }

    std::unique_ptr<AbsoluteStorage> storage { std::move(AbsoluteStorage::create(16 << 20)).value() };
    FacilitySet facilities;
    NullChannelServices channels;
    NullMachineServices machine;
    CpuGroup group { *storage, facilities, channels, machine };
    std::shared_ptr<DispatchRegion> region { DispatchRegion::create(2).value() };
    DispatchAdapter* adapter {};
    std::atomic<int> share_changes { 0 };
};

TEST_F(DispatchAdapterTest, ACpuWithWorkIsReadyUntilItIsGrantedAPhysicalCpu)
{
    start();
    ASSERT_TRUE(uses(CpuUse::ready));
    EXPECT_FALSE(cpu().running());
    EXPECT_EQ(region->header().rung, 1u);
    EXPECT_EQ(region->header().changed[0] & 1, 1u);
    EXPECT_TRUE(grant());
}

TEST_F(DispatchAdapterTest, GivesBackWhenItIsAskedAndCompetesAnew)
{
    start();
    ASSERT_TRUE(grant());
    ask();
    EXPECT_TRUE(uses(CpuUse::ready));
    EXPECT_FALSE(cpu().running());
    EXPECT_TRUE(grant());
}

TEST_F(DispatchAdapterTest, AnEnabledWaitParksAndGoesOnWithoutTheFirmware)
{
    cpu().load_psw({ mode_64 | Psw::wait_bit | Psw::external_bit, 0x2000 });
    start();
    ASSERT_TRUE(answer({ .use = CpuUse::running }));
    ASSERT_TRUE(uses(CpuUse::parked));
    cpu().order_external_call(1);
    EXPECT_TRUE(becomes([&] { return cpu().running(); }));
    EXPECT_EQ(state().use, CpuUse::running);
    EXPECT_GT(cell().parked, 0u);
}

TEST_F(DispatchAdapterTest, AnEnabledWaitReleasesWhenTheFirmwareWantsToKnow)
{
    cpu().load_psw({ mode_64 | Psw::wait_bit | Psw::external_bit, 0x2000 });
    start();
    ASSERT_TRUE(answer({ .use = CpuUse::running, .tell = true }));
    EXPECT_TRUE(uses(CpuUse::waiting));
}

TEST_F(DispatchAdapterTest, YieldingIsOfUseOnlyWhileOthersAreReady)
{
    start();
    ASSERT_TRUE(grant());
    adapter->yield_to(cpu(), 1);
    cpu().notify(Pending::give_back);
    ASSERT_TRUE(becomes([&] { return !cpu().pending(); }));
    EXPECT_EQ(state().use, CpuUse::running);
    ask();
    ASSERT_TRUE(uses(CpuUse::ready));
    EXPECT_EQ(cell().hint, 0u);
}

TEST_F(DispatchAdapterTest, AStoppedCpuHoldsNothing)
{
    start();
    ASSERT_TRUE(grant());
    cpu().order_stop(false);
    cpu().wait_for_orders();
    EXPECT_TRUE(uses(CpuUse::stopped));
}

TEST_F(DispatchAdapterTest, AStopOrderWithdrawsAReadyCpu)
{
    start();
    ASSERT_TRUE(uses(CpuUse::ready));
    cpu().order_stop(false);
    cpu().wait_for_orders();
    EXPECT_EQ(cpu().state(), RunState::stopped);
    EXPECT_TRUE(uses(CpuUse::stopped));
}

TEST_F(DispatchAdapterTest, WithoutTheFirmwareCpusRunFreelyUntilItIsBack)
{
    start();
    ASSERT_TRUE(uses(CpuUse::ready));
    adapter->unsupervised(true);
    EXPECT_TRUE(becomes([&] { return cpu().running(); }));
    cell().state = DispatchState { .use = CpuUse::waiting }.word();
    adapter->unsupervised(false);
    EXPECT_TRUE(uses(CpuUse::ready));
    EXPECT_TRUE(grant());
}

TEST_F(DispatchAdapterTest, WhatTheFirmwareGrantsIsSeenAndTold)
{
    start();
    auto& header = region->header();
    header.weight = 300;
    header.vertical = 1;
    header.cap = 150;
    region->cells()[1].share = 250;
    region->cells()[1].entitlement = static_cast<u32>(Entitlement::high);
    ++header.attention;
    futex_wake(header.attention);
    EXPECT_TRUE(becomes([&] { return share_changes == 1; }));
    auto share = adapter->share();
    EXPECT_EQ(share.weight, 300u);
    EXPECT_TRUE(share.vertical);
    EXPECT_FALSE(share.capped);
    EXPECT_EQ(share.cap_hundredths, 150u);
    EXPECT_EQ(share.cpus.at(1).share, 250u);
    EXPECT_EQ(share.cpus.at(1).entitlement, Entitlement::high);
}

TEST_F(DispatchAdapterTest, TimeWithoutAPhysicalCpuIsNotExecutingTime)
{
    start();
    ASSERT_TRUE(uses(CpuUse::ready));
    EXPECT_EQ(cpu().times().executing.read().count(), 0);
    ASSERT_TRUE(grant());
    EXPECT_TRUE(becomes([&] { return cpu().times().executing.read() > 1ms; }));
    ask();
    ASSERT_TRUE(uses(CpuUse::ready));
    auto executed = cpu().times().executing.read();
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(cpu().times().executing.read(), executed);
}

TEST_F(DispatchAdapterTest, TimeIsThatSinceTheFirmwareGrantedAPhysicalCpu)
{
    start();
    ASSERT_TRUE(grant(100s));
    EXPECT_GE(cpu().times().executing.read(), 100s);
    // Nobody wants it: it is held since then, and nothing counts twice.
    cpu().notify(Pending::give_back);
    ASSERT_TRUE(becomes([&] { return !cpu().pending(); }));
    EXPECT_LT(cpu().times().executing.read(), 200s);
}

TEST_F(DispatchAdapterTest, TimeEndsWhenThePhysicalCpuWentToAnother)
{
    start();
    ASSERT_TRUE(grant(100s));
    std::chrono::nanoseconds time = std::chrono::steady_clock::now().time_since_epoch() - 40s;
    cell().withdrawn = static_cast<u64>(time.count());
    ask();
    ASSERT_TRUE(uses(CpuUse::ready));
    ASSERT_TRUE(becomes([&] { return cpu().times().executing.read() < 61s; }));
    EXPECT_GE(cpu().times().executing.read(), 60s);
    cell().withdrawn = 0;
    ASSERT_TRUE(grant());
    EXPECT_LT(cpu().times().executing.read(), 100s);
}

TEST_F(DispatchAdapterTest, TimeThatAnotherHadMeanwhileDoesNotCount)
{
    start();
    ASSERT_TRUE(grant(100s));
    cell().lost = 40'000'000'000;
    cpu().notify(Pending::give_back);
    ASSERT_TRUE(becomes([&] { return !cpu().pending(); }));
    EXPECT_GE(cpu().times().executing.read(), 60s);
    EXPECT_LT(cpu().times().executing.read(), 61s);
    cpu().notify(Pending::give_back);
    ASSERT_TRUE(becomes([&] { return !cpu().pending(); }));
    EXPECT_GE(cpu().times().executing.read(), 60s) << "only once";
}

TEST_F(DispatchAdapterTest, AParkedCpuThatIsToGiveBackAsksForAnother)
{
    cpu().load_psw({ mode_64 | Psw::wait_bit | Psw::external_bit, 0x2000 });
    start();
    ASSERT_TRUE(answer({ .use = CpuUse::running }));
    ASSERT_TRUE(uses(CpuUse::parked));
    cell().state |= DispatchState::give_back_bit;
    std::this_thread::sleep_for(2ms);
    cpu().order_external_call(1);
    EXPECT_TRUE(uses(CpuUse::ready));
    EXPECT_TRUE(becomes([&] { return cell().parked >= 2'000'000; }));
}

TEST_F(DispatchAdapterTest, AnotherFirmwareBringsItsOwnRegion)
{
    start();
    ASSERT_TRUE(grant());
    adapter->supervised_by(region = DispatchRegion::create(2).value());
    ASSERT_TRUE(grant());
    ask();
    EXPECT_TRUE(uses(CpuUse::ready)) << "it listens to the new one";
}

} // namespace
} // namespace zvisor
