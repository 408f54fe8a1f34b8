#include "engine/test_bench.h"

#include "engine/host_code.h"
#include "engine/translator/translator.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

constexpr u64 rounds = 1000;
/// At least: the first ones are interpreted.
constexpr u64 translated_rounds = rounds - executions_before_translation - 4;

/// A loop of four instructions, one of which its handler executes, and the operation exception behind it.
class Loop : public testing::Test {
protected:
    void run(bool statistics)
    {
        bench.emplace(EngineOptions { .statistics = statistics });
        bench->put(TestBench::code_at, { "LGHI 2,0x100", "LA 3,0x400(0,2)", "EPSW 4,5", "LG 5,0x200(0,2)", "BRCTG 1,0x3004" });
        bench->cpu.gr[1] = rounds;
        bench->run();
    }

    std::optional<TestBench> bench;
};

TEST_F(Loop, IsCountedByInstructionsExecuted)
{
    run(true);
    EngineStatistics sum = bench->cpu.engine().statistics();
    EXPECT_EQ(sum.executed + sum.interpreted, bench->cpu.retired);
    EXPECT_GT(sum.executed, 4 * translated_rounds);
    EXPECT_GT(sum.host_executed, sum.executed);
    EXPECT_GT(sum.executions, 0U);
}

TEST_F(Loop, IsCountedWithTheRoutineThatFindsItsOperand)
{
    constexpr u64 least_of_lookup = 9;
    run(true);
    EngineStatistics sum = bench->cpu.engine().statistics();
    EXPECT_GT(sum.host_executed, sum.executed + least_of_lookup * translated_rounds);
}

TEST_F(Loop, IsCountedAsTranslated)
{
    run(true);
    EngineStatistics sum = bench->cpu.engine().statistics();
    EXPECT_GE(sum.instructions, 4U);
    EXPECT_GT(sum.host_instructions, sum.instructions);
    EXPECT_GT(sum.host_bytes, sum.host_instructions);
    EXPECT_EQ(sum.made_again, 0U);
}

TEST_F(Loop, CountsWhatHandlersExecute)
{
    run(true);
    auto handlers = bench->cpu.engine().statistics().handlers;
    ASSERT_TRUE(handlers.contains("EPSW"));
    EXPECT_GT(handlers["EPSW"], translated_rounds);
    EXPECT_LE(handlers["EPSW"], rounds);
}

TEST_F(Loop, IsMadeAgainAfterItWasForgotten)
{
    run(true);
    bench->cpu.engine().forget_all();
    u64 dropped = bench->cpu.engine().statistics().dropped;
    EXPECT_GT(dropped, 0U);
    bench->cpu.gr[1] = rounds;
    bench->run();
    EXPECT_GT(bench->cpu.engine().statistics().made_again, 0U);
}

TEST_F(Loop, IsCountedOnItsPath)
{
    run(true);
    EXPECT_EQ(bench->cpu.engine().statistics().executed_on_paths, 0U);
    dynamic_cast<Translator&>(bench->cpu.engine()).set_path_patience(100);
    bench->cpu.engine().forget_all();
    bench->cpu.gr[1] = rounds;
    bench->run();
    EXPECT_GT(bench->cpu.engine().statistics().executed_on_paths, 4 * (rounds - 200));
    EXPECT_LT(bench->cpu.engine().statistics().executed_on_paths, 4 * rounds);
}

TEST_F(Loop, IsNotCountedUnlessAskedFor)
{
    run(false);
    EXPECT_EQ(bench->cpu.engine().statistics().blocks, 0U);
    EXPECT_EQ(bench->cpu.gr[1], 0U);
}

TEST(CodeMemory, StartsOverWhenItIsUsedUp)
{
    constexpr u64 blocks = 20'000;
    constexpr u64 passes = 60;
    TestBench bench({ .code_bytes = std::size_t { 2 } << 20, .statistics = true }, u64 { 4 } << 20);
    dynamic_cast<Translator&>(bench.cpu.engine()).set_patience(4);
    for (u64 i = 0; i < blocks; ++i)
        bench.put(TestBench::code_at + i * 32, { "AGR 2,3", "LA 4,32(0,4)", "BCTGR 5,4" });
    for (u64 pass = 0; pass < passes; ++pass) {
        bench.cpu.gr[3] = 1;
        bench.cpu.gr[4] = TestBench::code_at;
        bench.cpu.gr[5] = blocks;
        bench.run();
    }
    EngineStatistics sum = bench.cpu.engine().statistics();
    EXPECT_EQ(bench.cpu.gr[2], blocks * passes);
    EXPECT_EQ(sum.executed + sum.interpreted, bench.cpu.retired);
    EXPECT_GT(sum.fillings, 0U);
    EXPECT_LT(sum.fillings, sum.blocks / 1000);
    EXPECT_GT(sum.made_again, 0U);
}

TEST(HostCode, IsCountedAndWrittenAsInstructions)
{
    const u8 code[] { 0x48, 0x83, 0xc0, 0x05, 0xc3 };
    EXPECT_EQ(count_host_instructions(code), 2U);
    const u8 routine[] { 0x90, 0x90, 0xc3, 0x90 };
    EXPECT_EQ(count_host_instructions(routine), 4U);
    EXPECT_EQ(count_host_routine(routine), 3U);
    auto first = disassemble_host(code, 0x1000);
    EXPECT_EQ(first.text, "add rax, 0x05");
    EXPECT_EQ(first.length, 4U);
}

TEST(EngineStatistics, AddUp)
{
    EngineStatistics one { .blocks = 1, .executed = 5, .handlers = { { "IPM", 2 } } };
    EngineStatistics two { .blocks = 2, .executed = 6, .handlers = { { "IPM", 3 }, { "MVC", 4 } } };
    one += two;
    EXPECT_EQ(one.blocks, 3U);
    EXPECT_EQ(one.executed, 11U);
    EXPECT_EQ(one.handlers["IPM"], 5U);
    EXPECT_EQ(one.handlers["MVC"], 4U);
}

} // namespace
} // namespace zvisor
