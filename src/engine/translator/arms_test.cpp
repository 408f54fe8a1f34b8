#include "engine/test_bench.h"
#include "engine/translator/translator.h"

#include <array>
#include <bit>
#include <gtest/gtest.h>
#include <utility>

namespace zvisor {
namespace {

/// Paths and arms are made soon.
class Arms : public testing::Test {
protected:
    Arms() { dynamic_cast<Translator&>(bench.cpu.engine()).set_path_patience(1000); }

    [[nodiscard]] EngineStatistics statistics() const { return bench.cpu.engine().statistics(); }

    static constexpr u64 rounds = 200'000;
    static constexpr u64 factor = 6364136223846793005;
    TestBench bench { { .statistics = true } };
};

/// A branch that goes either way leaves the loop only until both ways are known.
TEST_F(Arms, KeepBranchesThatGoEitherWayInTheLoop)
{
    bench.put(TestBench::code_at,
        { "MSGR 2,6", "AGHI 2,12345", "TMHH 2,0x8000", "BRC 8,0x3018", "AGHI 3,1", "BRC 15,0x301c", "AGHI 4,1", "BRCTG 1,0x3000" });
    auto& gr = bench.cpu.gr;
    gr[1] = rounds;
    gr[2] = 1;
    gr[6] = factor;
    gr[3] = gr[4] = 0;
    bench.run();
    std::array<u64, 2> ways {};
    u64 number = 1;
    for (u64 round = 0; round < rounds; ++round) {
        number = number * factor + 12345;
        ++ways[number >> 63];
    }
    EXPECT_EQ(gr[2], number);
    EXPECT_EQ(gr[4], ways[0]);
    EXPECT_EQ(gr[3], ways[1]);
    EngineStatistics sum = statistics();
    EXPECT_LT(sum.executions, rounds / 10);
    EXPECT_EQ(sum.executed + sum.interpreted, bench.cpu.retired);
}

/// What arms change of registers that the rest of the loop only reads, or changes otherwise: a word of general register 7 and all of 8.
TEST_F(Arms, ChangeRegistersInTheirWays)
{
    bench.put(TestBench::code_at,
        { "MSGR 2,6", "AGR 5,7", "XGR 5,8", "TMHH 2,0x8000", "BRC 8,0x301c", "AHI 7,3", "AGR 8,2", "TMHH 2,0x4000", "BRC 8,0x3028",
            "AHI 8,-1", "LTGR 9,2", "BRCTG 1,0x3000" });
    auto& gr = bench.cpu.gr;
    gr[1] = rounds;
    gr[2] = 1;
    gr[5] = 0;
    gr[6] = factor;
    gr[7] = 0x11111111ffff0000;
    gr[8] = 0x2222222200000001;
    u64 number = 1;
    u64 sum = 0;
    u64 seven = gr[7];
    u64 eight = gr[8];
    auto add_to_word = [](u64& whole, u64 value) { whole = (whole >> 32 << 32) | static_cast<u32>(whole + value); };
    for (u64 round = 0; round < rounds; ++round) {
        number *= factor;
        sum = (sum + seven) ^ eight;
        if (number >> 63) {
            add_to_word(seven, 3);
            eight += number;
        }
        if (number >> 62 & 1)
            add_to_word(eight, ~u64 { 0 });
    }
    bench.run();
    EXPECT_EQ(gr[5], sum);
    EXPECT_EQ(gr[7], seven);
    EXPECT_EQ(gr[8], eight);
    EXPECT_LT(statistics().executions, rounds / 10);
}

/// The first instruction of the loop reads the condition code that was there before it; later that of the round before.
TEST_F(Arms, BeginWithTheConditionCodeOfBefore)
{
    constexpr u64 entries = 20'000;
    constexpr u64 in_loop = 5;
    bench.put(
        TestBench::code_at, { "TMLL 6,1", "LGHI 1,5", "IPM 3", "SRL 3,28(0)", "AGR 4,3", "AGHI 1,-1", "BRC 7,0x3008", "BRCTG 5,0x3000" });
    auto& gr = bench.cpu.gr;
    gr[3] = gr[4] = 0;
    gr[5] = entries;
    gr[6] = 1;
    bench.run();
    // 3 of the test of a one, and 2 of each difference that is positive.
    EXPECT_EQ(gr[4], entries * (3 + 2 * (in_loop - 1)));
}

/// Each arm leaves a condition code of another kind, which the next round reads before it has its own.
TEST_F(Arms, EndWithConditionCodesOfTheirKinds)
{
    bench.put(TestBench::code_at,
        { "IPM 7", "SRL 7,28(0)", "ALGR 4,7", "MSGR 2,6", "TMHH 2,0x8000", "BRC 8,0x3020", "SGR 3,2", "BRC 15,0x3024", "CLGR 2,6",
            "BRCTG 1,0x3000", "IPM 7" });
    auto& gr = bench.cpu.gr;
    gr[1] = rounds;
    gr[2] = 1;
    gr[3] = gr[4] = 0;
    gr[6] = factor;
    gr[7] = 0;
    bench.run();
    u64 number = 1;
    u64 codes = 0;
    u64 difference = 0;
    u64 code = 0;
    for (u64 round = 0; round < rounds; ++round) {
        codes += code;
        number *= factor;
        if (number >> 63) {
            auto less = static_cast<i64>(number);
            i64 result = 0;
            bool overflow = __builtin_sub_overflow(static_cast<i64>(difference), less, &result);
            difference = static_cast<u64>(result);
            code = overflow ? 3 : result < 0 ? 1 : result > 0 ? 2 : 0;
        } else {
            code = number < factor ? 1 : number > factor ? 2 : 0;
        }
    }
    EXPECT_EQ(gr[4], codes);
    EXPECT_EQ(gr[3], difference);
    EXPECT_EQ(gr[7] >> 28 & 3, code);
    EXPECT_LT(statistics().executions, rounds / 10);
}

/// The first path goes by 0x3008, the exit that is taken later leads to where another path begins.
TEST_F(Arms, GoOnWhereAPathIsKnown)
{
    bench.put(TestBench::code_at, { "LTGR 10,10", "BRC 8,0x300c", "AGHI 3,1", "AGHI 4,1", "BRCTG 1,0x3000", "AGHI 1,1", "BRCTG 2,0x300c" });
    auto& gr = bench.cpu.gr;
    gr[3] = gr[4] = 0;
    u64 before = 0;
    auto executions = [&](u64 address, u64 first, u64 second, u64 other_way) {
        gr[1] = first;
        gr[2] = second;
        gr[10] = other_way;
        bench.run(address);
        return statistics().executions - std::exchange(before, statistics().executions);
    };
    EXPECT_LT(executions(0x300c, 1, rounds, 0), rounds / 10);
    EXPECT_LT(executions(0x3000, rounds, 1, 1), rounds / 10);
    EXPECT_LT(executions(0x3000, rounds, 1, 0), rounds / 10);
    EXPECT_EQ(gr[3], rounds);
    EXPECT_EQ(gr[4], 3 * rounds);
}

/// More arms than are made one by one.
TEST_F(Arms, AreMadeSeveralAtATime)
{
    bench.put(TestBench::code_at,
        { "MSGR 2,6", "TMHH 2,0x8000", "BRC 8,0x3010", "AGHI 7,1", "TMHH 2,0x4000", "BRC 8,0x301c", "AGHI 8,1", "TMHH 2,0x2000",
            "BRC 8,0x3028", "AGHI 9,1", "BRCTG 1,0x3000" });
    auto& gr = bench.cpu.gr;
    gr[1] = rounds;
    gr[2] = 1;
    gr[6] = factor;
    gr[7] = gr[8] = gr[9] = 0;
    bench.run();
    std::array<u64, 3> ways {};
    u64 number = 1;
    for (u64 round = 0; round < rounds; ++round) {
        number *= factor;
        for (std::size_t bit = 0; bit < ways.size(); ++bit)
            ways[bit] += number >> (63 - bit) & 1;
    }
    for (std::size_t bit = 0; bit < ways.size(); ++bit)
        EXPECT_EQ(gr[7 + bit], ways[bit]);
    EngineStatistics sum = statistics();
    EXPECT_LT(sum.executions, rounds / 4);
    EXPECT_EQ(sum.executed + sum.interpreted, bench.cpu.retired);
}

/// An arm that calls a handler, which loses what the loop has in the host's registers for numbers, and an arm of that arm.
TEST_F(Arms, MayCallHandlers)
{
    bench.put(TestBench::code_at,
        { "MSGR 2,6", "ADBR 0,4", "TMHH 2,0x8000", "BRC 8,0x3028", "EPSW 7,8", "TMHH 2,0x4000", "BRC 8,0x3020", "AGHI 9,1", "AGHI 10,1",
            "LTGR 11,2", "LTGR 12,2", "BRCTG 1,0x3000" });
    constexpr u64 one = 0x3ff0000000000000;
    auto& gr = bench.cpu.gr;
    gr[1] = rounds;
    gr[2] = 1;
    gr[6] = factor;
    gr[9] = gr[10] = 0;
    bench.cpu.vr[0] = {};
    bench.cpu.vr[4] = { .lo = 0, .hi = one };
    bench.run();
    u64 number = 1;
    u64 nine = 0;
    u64 ten = 0;
    for (u64 round = 0; round < rounds; ++round) {
        number *= factor;
        ten += number >> 63;
        nine += number >> 62 == 3;
    }
    EXPECT_EQ(gr[2], number);
    EXPECT_EQ(gr[9], nine);
    EXPECT_EQ(gr[10], ten);
    EXPECT_EQ(std::bit_cast<double>(bench.cpu.vr[0].hi), static_cast<double>(rounds));
    EngineStatistics sum = statistics();
    EXPECT_EQ(sum.executed + sum.interpreted, bench.cpu.retired);
}

/// An address that an access of the stem adds up, and the arm, too.
TEST_F(Arms, KnowAddressesOfTheStem)
{
    constexpr u64 table = 0x9000;
    bench.put(TestBench::code_at,
        { "MSGR 2,6", "AGHI 2,12345", "SRLG 8,2,56(0)", "LLGC 3,0(8,4)", "AGR 5,3", "TMHH 2,0x0080", "BRC 8,0x3028", "LA 9,0(8,4)",
            "AGR 7,9", "BRCTG 1,0x3000" });
    constexpr u64 bytes = 256;
    for (u64 i = 0; i < bytes; ++i)
        bench.storage->host()[table + i] = static_cast<u8>(i * 7);
    auto& gr = bench.cpu.gr;
    gr[1] = rounds;
    gr[2] = 1;
    gr[4] = table;
    gr[5] = gr[7] = 0;
    gr[6] = factor;
    bench.run();
    u64 number = 1;
    u64 read = 0;
    u64 addresses = 0;
    for (u64 round = 0; round < rounds; ++round) {
        number = number * factor + 12345;
        read += static_cast<u8>((number >> 56) * 7);
        addresses += number >> 55 & 1 ? table + (number >> 56) : 0;
    }
    EXPECT_EQ(gr[5], read);
    EXPECT_EQ(gr[7], addresses);
    EXPECT_LT(statistics().executions, rounds / 10);
}

/// A page seems changed only when it was stored into, although the place of the store is found before the loop begins.
TEST_F(Arms, StoresThatAreNotMadeChangeNothing)
{
    constexpr u64 used = 0x9000;
    constexpr u64 unused = 0xb000;
    bench.put(TestBench::code_at, { "LTGR 3,3", "BRC 8,0x3018", "STG 3,0(0,4)", "STG 3,8(0,4)", "BRCTG 1,0x3000" });
    auto& gr = bench.cpu.gr;
    gr[1] = rounds;
    gr[3] = 5;
    gr[4] = used;
    bench.run();
    EXPECT_EQ(gr[1], 0U);
    EXPECT_LT(statistics().executions, rounds / 10);
    EXPECT_TRUE(bench.storage->key(used).value & StorageKey::change);
    for (u64 number : { 0U, 5U }) {
        gr[1] = 1;
        gr[3] = number;
        gr[4] = unused;
        bench.run();
        EXPECT_EQ((bench.storage->key(unused).value & StorageKey::change) != 0, number != 0);
    }
    EXPECT_EQ(load_be<u64>(bench.storage->host() + unused + 8), 5U);
}

} // namespace
} // namespace zvisor
