#include "engine/interpreter/interpreter.h"

#include "engine/test_bench.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace zvisor {
namespace {

/// A CPU that idles keeps few blocks, whatever it executes, and executes the same.
TEST(InterpreterThatKeepsLittle, ForgetsBlocksForOthers)
{
    constexpr u64 blocks = 8000;
    TestBench bench { EngineOptions {} };
    u64 at = TestBench::code_at;
    for (u64 i = 0; i < blocks; ++i) {
        at = bench.put(at, "AGHI 2,1");
        at = bench.put(at, fmt::format("BRC 15,{:#x}", at + 4));
    }
    CodeCache cache { *bench.storage };
    Interpreter interpreter { cache, nullptr };
    auto execute = [&] {
        bench.cpu.gr[2] = 0;
        bench.cpu.load_psw({ Psw::extended_addressing_bit | Psw::basic_addressing_bit, TestBench::code_at });
        while (bench.cpu.next < at)
            interpreter.execute_block(bench.cpu);
        return bench.cpu.gr[2];
    };
    EXPECT_EQ(execute(), blocks);
    EXPECT_EQ(cache.size(), blocks);
    interpreter.give_memory_back();
    interpreter.keep_little(true);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(execute(), blocks);
        EXPECT_LT(cache.size(), blocks / 2);
    }
    interpreter.keep_little(false);
    EXPECT_EQ(execute(), blocks);
    EXPECT_GT(cache.size(), blocks / 2);
}

} // namespace
} // namespace zvisor
