#include "engine/test_bench.h"
#include "engine/translator/translator.h"

#include <gtest/gtest.h>
#include <initializer_list>
#include <utility>

namespace zvisor {
namespace {

/// A loop over an object of three doublewords at general register 4: it adds the first to the second and that to the third, as often as
/// general register 1 says. Made a path soon.
class Located : public testing::Test {
protected:
    Located()
    {
        dynamic_cast<Translator&>(bench.cpu.engine()).set_path_patience(1000);
        bench.put(TestBench::code_at, { "LG 2,0(0,4)", "AG 2,8(0,4)", "STG 2,8(0,4)", "AG 2,16(0,4)", "STG 2,16(0,4)", "BRCTG 1,0x3000" });
    }

    void expect_sums(u64 object, u64 count)
    {
        u8* host = bench.storage->host() + object;
        u64 second = load_be<u64>(host + 8);
        u64 third = load_be<u64>(host + 16);
        u64 first = load_be<u64>(host);
        bench.cpu.gr[1] = count;
        bench.cpu.gr[4] = object;
        bench.run();
        for (u64 round = 0; round < count; ++round) {
            second += first;
            third += second;
        }
        EXPECT_EQ(load_be<u64>(host), first);
        EXPECT_EQ(load_be<u64>(host + 8), second);
        EXPECT_EQ(load_be<u64>(host + 16), third);
    }
    [[nodiscard]] u64 executions() { return bench.cpu.engine().statistics().executions; }

    static constexpr u64 rounds = 20'000;
    TestBench bench { { .statistics = true } };
};

TEST_F(Located, OperandsAreWhereTheirBaseIs)
{
    store_be<u64>(bench.storage->host() + 0x9100, 3);
    expect_sums(0x9100, rounds);
    EXPECT_LT(executions(), 2000);
}

TEST_F(Located, OperandsMayBeInTwoPages)
{
    for (u64 object : std::initializer_list<u64> { 0x9100, 0x9ff0, 0x9ff8, 0x9fec, 0x9ff4 }) {
        store_be<u64>(bench.storage->host() + object, object);
        expect_sums(object, rounds);
    }
}

/// Once operands were often where they are not located, paths are made that look for each, and stay.
TEST_F(Located, PathsAreMadeThatLookForEachOperand)
{
    store_be<u64>(bench.storage->host() + 0x9ff0, 3);
    expect_sums(0x9ff0, 10 * rounds);
    u64 before = executions();
    expect_sums(0x9ff0, rounds);
    EXPECT_LT(executions() - before, 2000);
}

/// Stores into a page with code are noticed, wherever in the page.
TEST_F(Located, OperandsMayBeInThePageOfThePath)
{
    store_be<u64>(bench.storage->host() + 0x3800, 3);
    expect_sums(0x3800, rounds);
}

/// Several registers at once, in a frame of general register 4.
TEST_F(Located, RegistersAreSavedAndRestored)
{
    bench.put(0x3100,
        { "STMG 6,9,48(4)", "AGHI 6,1", "LA 7,1(7,6)", "LG 2,56(4)", "STG 6,80(4)", "LMG 7,9,56(4)", "AG 9,80(4)", "STM 6,9,96(4)",
            "BRCTG 1,0x3100" });
    for (u64 object : std::initializer_list<u64> { 0x9100, 0x9fa0 }) {
        auto& gr = bench.cpu.gr;
        gr[1] = rounds;
        gr[4] = object;
        gr[6] = gr[9] = 0;
        gr[7] = 0x1234567890abcdef;
        gr[8] = 8;
        bench.run(0x3100);
        EXPECT_EQ(gr[6], rounds);
        EXPECT_EQ(gr[7], 0x1234567890abcdef);
        EXPECT_EQ(gr[2], gr[7]);
        EXPECT_EQ(gr[8], 8);
        EXPECT_EQ(gr[9], rounds * (rounds + 1) / 2);
        const u8* frame = bench.storage->host() + object;
        EXPECT_EQ(load_be<u64>(frame + 48), rounds - 1);
        EXPECT_EQ(load_be<u64>(frame + 72), rounds * (rounds - 1) / 2);
        EXPECT_EQ(load_be<u32>(frame + 96), rounds);
        EXPECT_EQ(load_be<u32>(frame + 108), static_cast<u32>(gr[9]));
    }
}

/// A base that the loop does not change is located before it; one that it changes, in each round.
TEST_F(Located, BasesMayMove)
{
    bench.put(0x3100, { "LG 2,0(0,4)", "AG 2,8(0,4)", "STG 2,16(0,4)", "LA 4,8(0,4)", "BRCTG 1,0x3100" });
    u8* host = bench.storage->host() + 0x9000;
    store_be<u64>(host, 1);
    store_be<u64>(host + 8, 1);
    constexpr u64 count = 10'000;
    u64 before = 1;
    u64 sum = 1;
    bench.cpu.gr[1] = count;
    bench.cpu.gr[4] = 0x9000;
    bench.run(0x3100);
    for (u64 i = 2; i < count + 2; ++i) {
        before = std::exchange(sum, sum + before);
        ASSERT_EQ(load_be<u64>(host + i * 8), sum) << i;
    }
}

/// Nothing is done with what is fetched, but that there is nothing to be fetched from is an exception all the same.
TEST_F(Located, OperandsThatNobodyNeedsAreAccessed)
{
    bench.put(0x3100, { "LG 2,0(0,4)", "LG 2,8(0,4)", "LGHI 2,0", "BRCTG 1,0x3100" });
    constexpr u64 outside = u64 { 1 } << 32;
    for (u64 object : std::initializer_list<u64> { 0x9100, outside }) {
        bench.cpu.gr[1] = rounds;
        bench.cpu.gr[4] = object;
        bench.run(0x3100);
        EXPECT_EQ(bench.cpu.gr[1], object == outside ? rounds : 0);
    }
}

/// A vector that is loaded keeps what it was when there is nothing to be loaded from.
TEST_F(Located, VectorsStayAsTheyAreAtAnException)
{
    bench.put(0x3100, { "VLEIB 18,1,4", "VL 18,0(4)", "BRCTG 1,0x3100" });
    bench.cpu.gr[1] = rounds;
    bench.cpu.gr[4] = 0x9100;
    bench.run(0x3100);
    bench.cpu.vr[18] = { .lo = 0x0123456789abcdef, .hi = 0x1111111122222222 };
    bench.cpu.gr[1] = rounds;
    bench.cpu.gr[4] = u64 { 1 } << 32;
    bench.run(0x3100);
    EXPECT_EQ(bench.cpu.gr[1], rounds);
    EXPECT_EQ(bench.cpu.vr[18].hi, 0x1111111101222222);
    EXPECT_EQ(bench.cpu.vr[18].lo, 0x0123456789abcdef);
}

} // namespace
} // namespace zvisor
