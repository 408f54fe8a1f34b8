#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <mutex>
#include <string>

namespace zvisor {

/// Where a machine that starts says how it goes: on standard error; when it is detached in its log, and until it is ready to who started
/// it; to systemd when that asks (sd_notify protocol, $NOTIFY_SOCKET).
class StartReport {
public:
    /// In this process.
    StartReport() = default;
    /// In a child, whose other end of the pipe `starter` the parent reads (`await_ready`).
    explicit StartReport(UniqueFd starter)
        : m_detached(true)
        , m_starter(std::move(starter))
    {
    }

    /// A detached machine's standard streams become this log and nothing.
    [[nodiscard]] Result<void> open_log(const std::string& path);
    /// A line, without its end; from any thread.
    void say(const std::string& line);
    /// The machine is up; `whole` when every partition that should be is.
    void ready(bool whole, const std::string& status);
    void stopping();

private:
    bool m_detached { false };
    /// Guards what follows.
    std::mutex m_mutex;
    /// Open until the starter has been told that all is ready.
    UniqueFd m_starter;
    bool m_log_open { false };
};

/// The parent's part: shows on standard error what the child says until it is ready; returns the status for the process.
[[nodiscard]] int await_ready(int pipe);

} // namespace zvisor
