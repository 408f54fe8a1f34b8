#include "engine/test_bench.h"

#include <gtest/gtest.h>

#include <chrono>

namespace zvisor {
namespace {

/// A loop with calls, so that code is found by computed addresses too.
class MemoryGivenBack : public testing::Test {
protected:
    MemoryGivenBack()
    {
        bench.put(0x3000, { "BASR 14,3", "BCTGR 1,4", "AGHI 2,1" });
        bench.put(0x3100, { "AGHI 2,3", "BCR 15,14" });
    }
    u64 run(u64 count = rounds)
    {
        auto& gr = bench.cpu.gr;
        gr[1] = count;
        gr[2] = 0;
        gr[3] = 0x3100;
        gr[4] = 0x3000;
        bench.run();
        return gr[2];
    }
    /// An enabled wait that the clock comparator ends.
    void wait(std::chrono::nanoseconds time)
    {
        constexpr u64 mode = Psw::extended_addressing_bit | Psw::basic_addressing_bit;
        Cpu& cpu = bench.cpu;
        store_be<u64>(bench.storage->host() + lowcore::external_new_psw, mode | Psw::wait_bit);
        cpu.cr[0] |= cr0::clock_comparator;
        cpu.control_registers_changed();
        cpu.set_clock_comparator(cpu.tod() + TodClock::from_nanoseconds(static_cast<u64>(time.count())));
        cpu.load_psw({ mode | Psw::wait_bit | Psw::external_bit, TestBench::code_at });
        cpu.engine().run(cpu);
    }
    u64 translated() { return bench.cpu.engine().statistics().blocks; }
    /// Work goes on until the engine has taken it for that: a busy host may have no time for so much at once.
    void expect_made_again(u64 before)
    {
        for (int i = 0; i < 100 && translated() == before; ++i)
            EXPECT_EQ(run(), 3 * rounds + 1);
        EXPECT_GT(translated(), before);
    }

    static constexpr u64 rounds = 500'000;
    TestBench bench { { .statistics = true } };
};

TEST_F(MemoryGivenBack, IsMadeAgain)
{
    // Until there are paths, too.
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(run(), 3 * rounds + 1);
    u64 before = translated();
    EXPECT_EQ(run(), 3 * rounds + 1);
    EXPECT_EQ(translated(), before);
    bench.cpu.engine().give_memory_back();
    expect_made_again(before);
}

TEST_F(MemoryGivenBack, AgainAndAgain)
{
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(run(), 3 * rounds + 1);
        bench.cpu.engine().give_memory_back();
        bench.cpu.engine().give_memory_back();
    }
}

/// What an idle CPU executes now and then needs no code; work does.
TEST_F(MemoryGivenBack, IsNotMadeAgainForLittle)
{
    run();
    u64 before = translated();
    bench.cpu.engine().give_memory_back();
    for (u64 i = 0; i < 10; ++i)
        EXPECT_EQ(run(10'000), 30'001);
    EXPECT_EQ(translated(), before);
    expect_made_again(before);
}

/// As much as work, but with long waits.
TEST_F(MemoryGivenBack, IsNotMadeAgainForMuchBetweenWaits)
{
    run();
    u64 before = translated();
    bench.cpu.engine().give_memory_back();
    for (u64 i = 0; i < 12; ++i) {
        EXPECT_EQ(run(50'000), 150'001);
        wait(std::chrono::milliseconds(60));
    }
    EXPECT_EQ(translated(), before);
    expect_made_again(before);
}

} // namespace
} // namespace zvisor
