#include "campaign.h"

#include <fmt/format.h>
#include <thread>

namespace zvisor::engines {

namespace {

constexpr u64 cases_at_once = 64;
constexpr double longest_case_seconds = 2;

} // namespace

bool Campaign::goes_on(const std::atomic<bool>& interrupted)
{
    std::lock_guard lock(m_mutex);
    return !interrupted.load() && m_tally.differences < m_options.most_differences;
}

void Campaign::work(Worker& worker, const std::atomic<bool>& interrupted)
{
    worker.effort.emplace();
    worker.began = true;
    u64 end = m_options.count ? m_options.count : ~u64 { 0 } - cases_at_once;
    for (u64 at = m_next.fetch_add(cases_at_once); at < end && goes_on(interrupted); at = m_next.fetch_add(cases_at_once)) {
        Tally tally;
        for (u64 seed = at; seed < std::min(at + cases_at_once, end); ++seed)
            if (std::string differing = worker.comparison.compare(m_options.seed + seed, tally); !differing.empty())
                show(differing);
        std::lock_guard lock(m_mutex);
        m_tally += tally;
    }
    --m_working;
}

/// At once: what comes next may take long.
void Campaign::show(const std::string& differing)
{
    fmt::print("{}\n", differing);
    std::fflush(stdout);
}

bool Campaign::run(const std::atomic<bool>& interrupted)
{
    m_started = std::chrono::steady_clock::now();
    m_working = m_options.jobs;
    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < m_options.jobs; ++i) {
        workers.push_back(std::make_unique<Worker>(m_options));
        threads.emplace_back([this, &interrupted, &worker = *workers.back()] { work(worker, interrupted); });
    }
    watch(workers);
    threads.clear();
    show_progress();
    if (m_options.statistics)
        show_statistics(workers);
    return m_tally.differences == 0;
}

/// Until all workers are done: progress, and an end to programs that take too long.
void Campaign::watch(std::vector<std::unique_ptr<Worker>>& workers)
{
    using namespace std::chrono_literals;
    for (unsigned tenths = 1; m_working.load() > 0; ++tenths) {
        std::this_thread::sleep_for(100ms);
        if (tenths % 10 != 0)
            continue;
        if (m_options.interval && tenths % (m_options.interval * 10) == 0)
            show_progress();
        for (auto& worker : workers)
            end_what_takes_too_long(*worker);
    }
}

/// Once a second.
void Campaign::end_what_takes_too_long(Worker& worker)
{
    if (!worker.began)
        return;
    double effort = worker.effort->next(1);
    u64 running = worker.comparison.running();
    worker.seconds = running == std::exchange(worker.seen_running, running) ? worker.seconds + effort : 0;
    if (worker.seconds >= longest_case_seconds) {
        fmt::print(stderr, "seed {} takes too long\n", running);
        worker.comparison.stop();
        worker.seconds = 0;
    }
}

void Campaign::show_progress()
{
    std::lock_guard lock(m_mutex);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - m_started).count();
    auto rate = [&](u64 count) { return static_cast<u64>(static_cast<double>(count) / std::max(seconds, 0.001)); };
    fmt::print(stderr,
        "{:.0f} s: {} programs ({} a second; {} endless, {} unpredictable), {} instructions compared ({} a second), "
        "{} interruptions, {} differences\n",
        seconds, m_tally.programs, rate(m_tally.programs), m_tally.endless, m_tally.unsteady, m_tally.instructions,
        rate(m_tally.instructions), m_tally.interruptions, m_tally.differences);
}

void Campaign::show_statistics(const std::vector<std::unique_ptr<Worker>>& workers)
{
    EngineStatistics sum;
    for (const auto& worker : workers)
        sum += worker->comparison.statistics();
    u64 handlers = 0;
    for (const auto& [mnemonic, count] : sum.handlers)
        handlers += count;
    double all = static_cast<double>(sum.executed + sum.interpreted) / 100;
    fmt::print(stderr,
        "The translator executed {:.1f} % of its instructions by translated code, {:.1f} % on paths, {:.1f} % by handlers called from "
        "there; "
        "{} blocks were made\n",
        static_cast<double>(sum.executed) / all, static_cast<double>(sum.executed_on_paths) / all, static_cast<double>(handlers) / all,
        sum.blocks);
}

} // namespace zvisor::engines
