#pragma once

#include "known.h"
#include "oracle_process.h"

#include <atomic>
#include <map>
#include <mutex>

namespace zvisor::differential {

struct Options {
    std::string emulator { "qemu-s390x" };
    std::string oracle;
    std::string known;
    std::string rows { "*" };
    u64 count { 200'000 };
    u64 seed { 1 };
    unsigned jobs { 1 };
    /// Reproductions printed a row.
    unsigned show { 3 };
};

/// What was found of one row.
struct RowReport {
    u64 cases { 0 };
    /// Completed on both sides.
    u64 completed { 0 };
    /// The oracle had an operation exception and we had not.
    u64 missing { 0 };
    u64 known { 0 };
    u64 unexplained { 0 };
    std::map<std::string, u64> kinds;
    std::vector<std::string> shown;
};

/// Random cases over rows, compared, on several threads.
class Campaign {
public:
    Campaign(Options options, KnownList known);

    /// Runs all; an error when the oracle cannot be run.
    [[nodiscard]] Result<void> run();
    /// Prints the report; true when nothing is unexplained.
    [[nodiscard]] bool report() const;

private:
    class Worker;

    void choose_rows();
    void show_progress(u64 done) const;

    Options m_options;
    KnownList m_known;
    std::vector<const isa::Row*> m_rows;
    std::vector<const isa::Row*> m_targets;
    std::atomic<u64> m_next_batch { 0 };
    std::atomic<u64> m_done { 0 };
    std::mutex m_mutex;
    std::map<const isa::Row*, RowReport> m_reports;
};

} // namespace zvisor::differential
