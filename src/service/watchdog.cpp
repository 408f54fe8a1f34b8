#include "service/watchdog.h"

#include "base/types.h"

#include <algorithm>

namespace zvisor {

namespace {

enum class Function : u64 { initialize = 0, change = 1, cancel = 2 };

/// Bit 32 of the function: keep quiet about it; nobody is told here anyway.
constexpr u64 conceal = 0x80000000;

/// Longer than a program waits for anything, and far from the end of the host's clock.
constexpr u64 maximum_seconds = u64 { 1 } << 30;

} // namespace

Watchdog::Watchdog(std::function<void(Action)> expire, std::chrono::milliseconds second)
    : m_expire(std::move(expire))
    , m_second(second)
{
}

std::expected<void, ProgramCode> Watchdog::diagnose(u64 function, u64 timeout, u64 action)
{
    auto wanted = static_cast<Function>(function & ~conceal);
    if (wanted == Function::cancel) {
        cancel();
        return {};
    }
    bool starts = wanted == Function::initialize;
    bool possible = starts ? action == static_cast<u64>(Action::restart) : wanted == Function::change && running();
    if (!possible || timeout < static_cast<u64>(minimum_timeout.count()))
        return std::unexpected(ProgramCode::specification);
    arm(timeout);
    return {};
}

bool Watchdog::running() const
{
    std::lock_guard lock(m_mutex);
    return m_deadline.has_value();
}

void Watchdog::cancel()
{
    std::lock_guard lock(m_mutex);
    m_deadline.reset();
    m_changed.notify_all();
}

void Watchdog::make_thread()
{
    std::lock_guard lock(m_mutex);
    make_thread_locked();
}

void Watchdog::make_thread_locked()
{
    if (!m_thread.joinable())
        m_thread = std::jthread([this](std::stop_token stop) { watch(stop); });
}

void Watchdog::arm(u64 timeout)
{
    std::lock_guard lock(m_mutex);
    m_deadline = Clock::now() + m_second * static_cast<i64>(std::min(timeout, maximum_seconds));
    make_thread_locked();
    m_changed.notify_all();
}

void Watchdog::watch(std::stop_token stop)
{
    std::unique_lock lock(m_mutex);
    while (!stop.stop_requested()) {
        if (!m_deadline) {
            m_changed.wait(lock, stop, [&] { return m_deadline.has_value(); });
            continue;
        }
        auto deadline = *m_deadline;
        m_changed.wait_until(lock, stop, deadline, [&] { return m_deadline != deadline; });
        if (stop.stop_requested() || m_deadline != deadline || Clock::now() < deadline)
            continue;
        m_deadline.reset();
        lock.unlock();
        m_expire(Action::restart);
        lock.lock();
    }
}

} // namespace zvisor
