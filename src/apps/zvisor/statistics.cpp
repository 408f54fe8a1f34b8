#include "apps/zvisor/statistics.h"

#include "cpu/cpu.h"
#include "partition/partition.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <ranges>
#include <string>
#include <vector>

namespace zvisor {

namespace {

constexpr std::size_t handlers_shown = 12;

template<class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments)
{
    fmt::print(stderr, "zvisor: {}\n", fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// 0 of nothing.
[[nodiscard]] double ratio(u64 part, u64 whole)
{
    return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

void print_machine(Partition& partition, double seconds)
{
    u64 retired = 0;
    std::array<u64, 6> taken {};
    for (const auto& cpu : partition.cpus().cpus()) {
        retired += cpu->retired;
        for (std::size_t kind = 0; kind < taken.size(); ++kind)
            taken[kind] += cpu->interruptions[kind];
    }
    say("{} instructions in {:.2f} s, {:.1f} million a second", retired, seconds, static_cast<double>(retired) / seconds / 1e6);
    say("interruptions: {} restart, {} external, {} supervisor call, {} program, {} machine check, {} I/O", taken[0], taken[1], taken[2],
        taken[3], taken[4], taken[5]);
    say("{} START SUBCHANNEL, {} DIAGNOSE, {} SERVICE CALL", partition.channel_starts(), partition.activity().diagnoses.load(),
        partition.activity().service_calls.load());
}

void print_translated(const EngineStatistics& sum)
{
    say("translated: {} blocks ({} where there had been one, {} dropped), {} instructions; memory for code filled {} times", sum.blocks,
        sum.made_again, sum.dropped, sum.instructions, sum.fillings);
    say("translation: {:.1f} ms, {:.0f} ns an instruction", static_cast<double>(sum.nanoseconds) / 1e6,
        ratio(sum.nanoseconds, sum.instructions));
    say("host code: {} bytes; an instruction became {:.1f} bytes, {:.1f} host instructions", sum.host_bytes,
        ratio(sum.host_bytes, sum.instructions), ratio(sum.host_instructions, sum.instructions));
}

void print_executed(const EngineStatistics& sum)
{
    say("executed: {} blocks of {:.1f} instructions, {:.1f} host instructions for each; {} instructions interpreted", sum.executions,
        ratio(sum.executed, sum.executions), ratio(sum.host_executed, sum.executed), sum.interpreted);
    say("executed on paths: {:.1f} %", 100 * ratio(sum.executed_on_paths, sum.executed + sum.interpreted));
    say("accesses to storage beyond the TLB: {}", sum.slow_accesses);
}

void print_handlers(const EngineStatistics& sum)
{
    std::vector<std::pair<std::string_view, u64>> order(sum.handlers.begin(), sum.handlers.end());
    std::ranges::sort(order, std::ranges::greater {}, &std::pair<std::string_view, u64>::second);
    u64 all = 0;
    for (const auto& [mnemonic, count] : order)
        all += count;
    std::string shown;
    for (const auto& [mnemonic, count] : order | std::views::take(handlers_shown))
        if (count)
            shown += fmt::format("{}{} {}", shown.empty() ? "" : ", ", mnemonic, count);
    say("executed by their handlers: {}{}{}", all, shown.empty() ? "" : ", of these ", shown);
}

} // namespace

void print_statistics(Partition& partition, double seconds)
{
    print_machine(partition, seconds);
    EngineStatistics sum;
    for (const auto& cpu : partition.cpus().cpus())
        sum += cpu->engine().statistics();
    if (sum.blocks == 0)
        return;
    print_translated(sum);
    print_executed(sum);
    print_handlers(sum);
}

} // namespace zvisor
