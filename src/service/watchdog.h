#pragma once

#include "arch/interruption.h"

#include <chrono>
#include <condition_variable>
#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace zvisor {

/// The watchdog timer of DIAGNOSE X'288': a program that does not renew it in time is taken to hang.
/// Time is the host's; `expire` is called once on the watchdog's own thread, and the timer is then stopped.
class Watchdog {
public:
    enum class Action : u8 { restart = 0 };

    /// `second` is how long a second of the guest's lasts; tests shorten it.
    explicit Watchdog(std::function<void(Action)> expire, std::chrono::milliseconds second = std::chrono::seconds(1));

    /// Function code (0 initialize, 1 change, 2 cancel), timeout in seconds and action, from general registers R1, R1+1
    /// and R3. Specification: another function or action, less than 15 seconds, or a change while it does not run.
    [[nodiscard]] std::expected<void, ProgramCode> diagnose(u64 function, u64 timeout, u64 action);

    [[nodiscard]] bool running() const;
    /// Subsystem reset.
    void cancel();
    /// Makes the thread that `diagnose` makes at its first use; for who may not make threads later.
    void make_thread();

    static constexpr std::chrono::seconds minimum_timeout { 15 };

private:
    using Clock = std::chrono::steady_clock;

    void arm(u64 timeout);
    void make_thread_locked();
    void watch(std::stop_token stop);

    std::function<void(Action)> m_expire;
    std::chrono::milliseconds m_second;
    mutable std::mutex m_mutex;
    std::condition_variable_any m_changed;
    std::optional<Clock::time_point> m_deadline;
    std::jthread m_thread;
};

} // namespace zvisor
