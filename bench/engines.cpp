// What engines take for guest instructions and for what is around them, on a CPU without a machine.

#include "cpu/cpu.h"
#include "engine/test_bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace zvisor {
namespace {

constexpr u64 data_at = 0x20000;
constexpr u64 mega = 1 << 20;
constexpr u64 rounds = 100'000;

/// A loop of the guest. General register 1 counts rounds, 2 is the address of data, 3 is for the body; 9 is the loop's address.
struct Loop {
    const char* name;
    std::vector<std::string_view> body;
    u64 storage { mega };
    u64 measured { 1 };
};

const Loop loops[] {
    { "add", { "AGR 3,2", "AGR 3,2", "AGR 3,2", "AGR 3,2" }, mega, 4 },
    { "load_store", { "LG 4,0(0,2)", "STG 4,8(0,2)", "LG 5,16(0,2)", "STG 5,24(0,2)" }, mega, 4 },
    // Addresses a page and a bit apart: more pages than the TLB has entries.
    { "tlb_miss", { "LG 4,0(3,2)", "AGFI 3,4096", "NILF 3,0x3ffffff" }, 128 * mega, 1 },
    { "bfp", { "ADBR 0,2", "MDBR 4,2", "ADBR 6,2", "SDBR 4,2" }, mega, 4 },
    { "mvc", { "MVC 0(64,2),256(2)" }, mega, 1 },
    // Through a register: found by address each time.
    { "dispatch", { "LA 4,0x900(0,9)", "BASR 14,4" }, mega, 1 },
    { "svc_round_trip", { "SVC 1" }, mega, 1 },
};

/// Puts the loop at the usual place, what it calls 0x900 behind, and the first-level interruption handler that returns from SVC.
void put(TestBench& bench, const Loop& loop)
{
    u64 at = TestBench::code_at;
    for (auto line : loop.body)
        at = bench.put(at, line);
    bench.put(at, fmt::format("BRCTG 1,{:#x}", TestBench::code_at));
    bench.put(TestBench::code_at + 0x900, "BCR 15,14");
    constexpr u64 handler = 0x8000;
    bench.put(handler, fmt::format("LPSWE {}(0)", lowcore::svc_old_psw));
    store_be<u64>(bench.storage->host() + lowcore::svc_new_psw, Psw::extended_addressing_bit | Psw::basic_addressing_bit);
    store_be<u64>(bench.storage->host() + lowcore::svc_new_psw + 8, handler);
    bench.cpu.gr[2] = data_at;
    bench.cpu.gr[3] = 0;
    bench.cpu.gr[9] = TestBench::code_at;
    bench.cpu.vr[2].hi = 0x3ff0000000000001;
}

void run_loop(benchmark::State& state, const Loop& loop, EngineKind kind)
{
    TestBench bench({ .kind = kind }, loop.storage);
    put(bench, loop);
    bench.cpu.gr[1] = 100;
    bench.run(); // translates
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(rounds * loop.measured))) {
        bench.cpu.gr[1] = rounds;
        bench.run();
    }
}

// ---- Many blocks -------------------------------------------------------------------------------------------

constexpr u64 block_bytes = 32;

/// `count` blocks of four instructions behind each other, executed round and round; register 1 counts rounds.
void put_chain(TestBench& bench, u64 count)
{
    for (u64 i = 0; i < count; ++i) {
        u64 at = TestBench::code_at + i * block_bytes;
        u64 next = i + 1 == count ? TestBench::code_at + count * block_bytes : at + block_bytes;
        bench.put(at, { "AGR 3,2", "LGR 4,3", "NR 4,2" });
        bench.put(at + 10, fmt::format("BRCL 15,{:#x}", next));
    }
    u64 end = bench.put(TestBench::code_at + count * block_bytes, "AGHI 1,-1");
    bench.put(end, fmt::format("BRCL 2,{:#x}", TestBench::code_at));
}

/// The first executions of blocks, until all are translated: a guest instruction.
void translate_cold(benchmark::State& state)
{
    constexpr u64 blocks = 2000;
    TestBench bench({ .statistics = true });
    put_chain(bench, blocks);
    while (state.KeepRunningBatch(blocks * 4)) {
        state.PauseTiming();
        bench.cpu.engine().forget_all();
        bench.cpu.gr[1] = 1;
        state.ResumeTiming();
        bench.run();
    }
    EngineStatistics sum = bench.cpu.engine().statistics();
    state.counters["ns_translating"] = static_cast<double>(sum.nanoseconds) / static_cast<double>(sum.instructions);
}

/// Blocks that are entered from the engine's loop each time, being too many for the table of positions.
void look_up(benchmark::State& state)
{
    constexpr u64 blocks = 40'000;
    TestBench bench({}, 4 * mega);
    for (u64 i = 0; i < blocks; ++i) {
        u64 at = TestBench::code_at + i * block_bytes;
        bench.put(at, { "LA 4,32(0,4)", "BCTGR 3,4" });
    }
    auto walk = [&](u64 passes) {
        for (u64 i = 0; i < passes; ++i) {
            bench.cpu.gr[3] = blocks;
            bench.cpu.gr[4] = TestBench::code_at;
            bench.run();
        }
    };
    walk(6);
    while (state.KeepRunningBatch(blocks))
        walk(1);
}

/// A million blocks round and round with so many MiB for code: a guest instruction.
void churn(benchmark::State& state)
{
    constexpr u64 blocks = 1'000'000;
    constexpr u64 passes = 4;
    auto code = static_cast<std::size_t>(state.range(0)) * mega;
    TestBench bench({ .kind = code ? EngineKind::translator : EngineKind::interpreter, .code_bytes = code }, 64 * mega);
    put_chain(bench, blocks);
    bench.cpu.gr[1] = 6;
    bench.run();
    while (state.KeepRunningBatch(blocks * 4 * passes)) {
        bench.cpu.gr[1] = passes;
        bench.run();
    }
}

void add_benchmarks()
{
    for (const Loop& loop : loops) {
        for (auto [kind, name] :
            { std::pair { EngineKind::interpreter, "interpreter" }, std::pair { EngineKind::translator, "translator" } })
            benchmark::RegisterBenchmark(fmt::format("{}/{}", loop.name, name).c_str(), run_loop, loop, kind);
    }
    benchmark::RegisterBenchmark("translate_cold", translate_cold);
    benchmark::RegisterBenchmark("look_up", look_up);
    benchmark::RegisterBenchmark("churn", churn)->Arg(0)->Arg(16)->Arg(96)->Arg(512)->Unit(benchmark::kNanosecond);
}

[[maybe_unused]] const bool added = (add_benchmarks(), true);

} // namespace
} // namespace zvisor
