#pragma once

#include "comparison.h"
#include "thread_effort.h"

#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

namespace zvisor::engines {

struct Options {
    /// Cases; 0: until interrupted.
    u64 count { 1'000'000 };
    u64 seed { 1 };
    unsigned jobs { 1 };
    /// Seconds between lines of progress.
    unsigned interval { 10 };
    /// Differences after which there is no use in going on.
    u64 most_differences { 5 };
    /// Counts what the translator executes how, which takes time and memory.
    bool statistics { false };
    /// The translator makes code on threads beside its CPUs'.
    bool beside { false };
};

/// Cases of consecutive seeds on several threads, with progress on the standard error stream.
class Campaign {
public:
    explicit Campaign(Options options)
        : m_options(options)
    {
    }

    /// Runs until all is done or `interrupted` is true. True when there was no difference.
    [[nodiscard]] bool run(const std::atomic<bool>& interrupted);

private:
    struct Worker {
        explicit Worker(const Options& options)
            : comparison({ .beside = options.beside, .statistics = options.statistics })
        {
        }
        Comparison comparison;
        /// Once the thread is there.
        std::optional<ThreadEffort> effort;
        std::atomic<bool> began { false };
        u64 seen_running { 0 };
        /// What the running case took so far.
        double seconds { 0 };
    };

    void work(Worker& worker, const std::atomic<bool>& interrupted);
    [[nodiscard]] bool goes_on(const std::atomic<bool>& interrupted);
    void watch(std::vector<std::unique_ptr<Worker>>& workers);
    static void end_what_takes_too_long(Worker& worker);
    static void show(const std::string& differing);
    void show_progress();
    static void show_statistics(const std::vector<std::unique_ptr<Worker>>& workers);

    Options m_options;
    std::atomic<u64> m_next { 0 };
    std::atomic<unsigned> m_working { 0 };
    std::chrono::steady_clock::time_point m_started;
    std::mutex m_mutex;
    Tally m_tally; ///< under m_mutex
};

} // namespace zvisor::engines
