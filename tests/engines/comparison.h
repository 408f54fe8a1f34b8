#pragma once

#include "guest.h"

#include <memory>
#include <mutex>
#include <string>

namespace zvisor::engines {

/// What comparing some cases came to.
struct Tally {
    u64 programs { 0 };
    /// Retired by both engines alike.
    u64 instructions { 0 };
    u64 interruptions { 0 };
    /// Programs that did not end within what they may execute; the translator did not run them.
    u64 endless { 0 };
    /// Programs that differ because they read a clock or change the translation tables they use.
    u64 unsteady { 0 };
    u64 differences { 0 };

    void operator+=(const Tally& other);
};

/// Runs cases with an interpreter and a translator and compares what they leave.
class Comparison {
public:
    /// `options`: the translator's.
    explicit Comparison(const EngineOptions& options = {});

    /// Adds to the tally; what differs, or nothing.
    [[nodiscard]] std::string compare(u64 seed, Tally& tally);
    /// Seed of the case that is being run; from any thread.
    [[nodiscard]] u64 running() const { return m_running.load(std::memory_order_relaxed); }
    /// Ends the program that is being run, which takes too long; from any thread.
    void stop();
    [[nodiscard]] EngineStatistics statistics() const { return m_translated->cpu.engine().statistics(); }

private:
    [[nodiscard]] std::string compare(Case& made, Tally& tally);
    void prepare(const Case& made);
    void mend(Case& made, std::size_t part) const;
    [[nodiscard]] bool differs_from_itself(const Case& made, std::size_t parts);
    [[nodiscard]] bool differs_when_run_again(const Case& made, std::size_t parts);
    void minimize(Case& made);
    [[nodiscard]] bool still_differs(Case& made);

    void make_guests();

    CaseMaker m_cases;
    EngineOptions m_options;
    std::mutex m_mutex;
    // Made anew under m_mutex:
    std::unique_ptr<Guest> m_interpreted;
    std::unique_ptr<Guest> m_translated;
    std::atomic<u64> m_running { 0 };
};

} // namespace zvisor::engines
