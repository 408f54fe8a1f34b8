#include "engine/test_bench.h"
#include "engine/translator/translator.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace zvisor {
namespace {

/// The only CPU adds to a doubleword as often as general register 1 says, while a device flips the leftmost bit of it.
TEST(Interlocks, UpdatesByADeviceAreNotLost)
{
    constexpr u64 place = 0x9000;
    constexpr u64 count = 2'000'000;
    TestBench bench({});
    bench.put(TestBench::code_at, { "LAAG 2,3,0(4)", "BRCTG 1,0x3000" });
    bench.storage->expect_updates(place, 8);
    auto& byte = *(bench.storage->host() + place);
    std::atomic<bool> done { false };
    u64 flips = 0;
    u64 lost = 0;
    std::jthread device([&] {
        for (u8 expected = 0; !done; ++flips) {
            lost += (std::atomic_ref(byte).fetch_xor(0x80) & 0x80) != expected;
            expected ^= 0x80;
        }
    });
    bench.cpu.gr[1] = count;
    bench.cpu.gr[3] = 1;
    bench.cpu.gr[4] = place;
    bench.run();
    done = true;
    device.join();
    EXPECT_EQ(lost, 0);
    EXPECT_EQ(load_be<u64>(bench.storage->host() + place) & 0x7fff'ffff'ffff'ffff, count);
    EXPECT_GT(flips, 0);
}

/// Where another CPU could see it: an operand in two of the host's cache lines would have the host stop all its processors.
TEST(Interlocks, AreForOperandsOnTheirBoundaries)
{
    constexpr u64 count = 1000;
    constexpr u64 in_two_lines = 0x903c;
    TestBench bench({ .statistics = true });
    (void)bench.cpu.group().add();
    bench.put(TestBench::code_at, { "AGSI 0(4),1", "BRCTG 1,0x3000" });
    auto slow_updates = [&](u64 place) {
        u64 before = bench.cpu.engine().statistics().slow_accesses;
        bench.cpu.gr[1] = count;
        bench.cpu.gr[4] = place;
        bench.run();
        EXPECT_EQ(load_be<u64>(bench.storage->host() + place), count);
        return bench.cpu.engine().statistics().slow_accesses - before;
    };
    EXPECT_LT(slow_updates(0x9000), count / 10);
    EXPECT_GT(slow_updates(in_two_lines), count - count / 10);
}

} // namespace
} // namespace zvisor
