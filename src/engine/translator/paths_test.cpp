#include "engine/test_bench.h"
#include "engine/translator/translator.h"

#include <array>
#include <gtest/gtest.h>
#include <vector>

namespace zvisor {
namespace {

/// A guest that interprets a program of bytes: 0 adds 3, 1 multiplies by 5, 2 exclusive-ors with general register 5, 3 shifts, and 4 goes
/// back to the first byte as often as general register 1 says. A table says where what executes a byte is.
class Bytecode : public testing::Test {
protected:
    using Program = std::vector<u8>;

    Bytecode()
    {
        dynamic_cast<Translator&>(bench.cpu.engine()).set_path_patience(1000);
        bench.put(0x3000, { "LLGC 3,0(0,4)", "AGHI 4,1", "SLLG 3,3,3(0)", "LG 3,0(3,8)", "BASR 14,3", "BRC 15,0x3000" });
        bench.put(0x3100, { "AGHI 2,3", "BCR 15,14" });
        bench.put(0x3140, { "MGHI 2,5", "BCR 15,14" });
        bench.put(0x3180, { "XGR 2,5", "BCR 15,14" });
        bench.put(0x31c0, { "SRLG 2,2,1(0)", "BCR 15,14" });
        bench.put(0x3200, { "LGR 4,9", "BCTGR 1,14" });
        for (u64 byte = 0; byte <= 4; ++byte)
            store_be<u64>(bench.storage->host() + table_at + byte * 8, 0x3100 + byte * 0x40);
    }

    /// Returns general register 2.
    u64 run(const Program& program, u64 rounds)
    {
        std::ranges::copy(program, bench.storage->host() + program_at);
        bench.storage->host()[program_at + program.size()] = 4;
        auto& gr = bench.cpu.gr;
        gr[1] = rounds;
        gr[2] = 1;
        gr[4] = gr[9] = program_at;
        gr[5] = mask;
        gr[8] = table_at;
        bench.run();
        return gr[2];
    }
    static u64 expected(const Program& program, u64 rounds)
    {
        u64 value = 1;
        for (u64 round = 0; round < rounds; ++round)
            for (u8 byte : program)
                value = byte == 0 ? value + 3 : byte == 1 ? value * 5 : byte == 2 ? value ^ mask : value >> 1;
        return value;
    }
    u64 executions() { return bench.cpu.engine().statistics().executions; }

    static constexpr u64 table_at = 0x9000;
    static constexpr u64 program_at = 0xa000;
    static constexpr u64 mask = 0x123456789abcdef0;
    TestBench bench { { .statistics = true } };
};

TEST_F(Bytecode, ThatRepeatsItselfIsOneLoop)
{
    constexpr u64 rounds = 100'000;
    const Program program { 0, 1, 2, 1, 0, 3 };
    EXPECT_EQ(run(program, rounds), expected(program, rounds));
    EXPECT_LT(executions(), rounds);
}

TEST_F(Bytecode, IsFollowedAgainWhenItIsAnotherProgram)
{
    constexpr u64 rounds = 100'000;
    const Program first { 0, 1, 2, 1, 0, 3 };
    const Program second { 1, 1, 3, 0, 2 };
    EXPECT_EQ(run(first, rounds), expected(first, rounds));
    EXPECT_EQ(run(second, rounds), expected(second, rounds));
    u64 before = executions();
    EXPECT_EQ(run(second, rounds), expected(second, rounds));
    EXPECT_LT(executions() - before, rounds);
}

TEST_F(Bytecode, MayGoOnOtherWaysThanExpected)
{
    Program program;
    for (u64 at = 0, random = 1; at < 2000; ++at, random = random * 6364136223846793005 + 1442695040888963407)
        program.push_back(random >> 33 & 3);
    EXPECT_EQ(run(program, 300), expected(program, 300));
}

TEST(Path, UnrollsLoopsOfFewRounds)
{
    constexpr u64 rounds = 50'000;
    TestBench bench({ .statistics = true });
    dynamic_cast<Translator&>(bench.cpu.engine()).set_path_patience(1000);
    bench.put(TestBench::code_at, { "LGHI 3,0", "AGHI 3,8", "LA 4,1(3,4)", "CGHI 3,24", "BRC 7,0x3004", "BRCTG 1,0x3000" });
    bench.cpu.gr[1] = rounds;
    bench.cpu.gr[4] = 0;
    bench.run();
    EXPECT_EQ(bench.cpu.gr[4], rounds * (3 + 8 + 16 + 24));
    EXPECT_LT(bench.cpu.engine().statistics().executions, rounds);
}

/// More numbers and vectors than registers for them: at the end of a round general register 6 and floating-point register 1 go back to the
/// slots of the frame that a vector was in meanwhile, and is to be read from.
TEST(Path, MovesBackWhatIsInOverlappingSlots)
{
    constexpr u64 count = 100;
    constexpr u64 inexact_noted = 0x80000;
    TestBench bench({});
    auto& engine = dynamic_cast<Translator&>(bench.cpu.engine());
    engine.set_patience(0);
    engine.set_path_patience(0);
    bench.put(TestBench::code_at,
        { "VS 22,17,10,3", "VSTEF 25,2853(10),2", "ADB 6,320(9,13)", "CEBR 4,15", "VLEF 2,584(10),1", "LGHI 6,4570", "VERLL 31,7,736(10),3",
            "KEBR 10,11", "SEB 1,448(13)", "BRCTG 9,0x3000" });
    auto& vr = bench.cpu.vr;
    for (u64 i = 0; i < vr.size(); ++i)
        vr[i] = { .lo = i, .hi = 0x3ff0000040000000 + (i << 44) };
    const Vr difference { .lo = vr[17].lo - vr[10].lo, .hi = vr[17].hi - vr[10].hi };
    bench.cpu.fpc = inexact_noted;
    bench.cpu.gr[9] = count;
    bench.cpu.gr[10] = 0x9000;
    bench.cpu.gr[13] = 0xb000;
    bench.run();
    EXPECT_EQ(bench.cpu.gr[9], 0);
    EXPECT_EQ(vr[22].hi, difference.hi);
    EXPECT_EQ(vr[22].lo, difference.lo);
}

/// More values than registers of the host: the one that is stored at an address made of itself is in memory.
TEST(Path, StoresWhatItsAddressIsMadeOf)
{
    constexpr u64 rounds = 100'001;
    constexpr u64 first = 0x8000;
    constexpr u64 second = 0x9000;
    TestBench bench({ .statistics = true });
    dynamic_cast<Translator&>(bench.cpu.engine()).set_path_patience(1000);
    bench.put(TestBench::code_at,
        { "AGR 0,2", "AGR 2,3", "AGR 3,6", "AGR 6,7", "AGR 7,8", "AGR 8,9", "AGR 9,10", "AGR 10,11", "AGR 11,12", "AGR 12,13", "AGR 13,0",
            "STG 4,8(0,4)", "XGR 4,5", "BRCTG 1,0x3000" });
    constexpr std::array<std::size_t, 11> ring { 0, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13 };
    auto& gr = bench.cpu.gr;
    auto expected = gr;
    for (unsigned i = 0; i < gr.size(); ++i)
        gr[i] = expected[i] = i + 1;
    gr[1] = rounds;
    gr[4] = first;
    gr[5] = first ^ second;
    bench.run();
    for (u64 round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < ring.size(); ++i)
            expected[ring[i]] += expected[ring[(i + 1) % ring.size()]];
    for (std::size_t number : ring)
        EXPECT_EQ(gr[number], expected[number]) << number;
    EXPECT_EQ(gr[4], second);
    for (u64 base : { first, second })
        EXPECT_EQ(load_be<u64>(bench.storage->host() + base + 8), base);
    EXPECT_LT(bench.cpu.engine().statistics().executions, rounds);
}

} // namespace
} // namespace zvisor
