#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace zvisor {

/// Waits for SIGINT, SIGTERM and SIGHUP on a thread of its own; they are blocked in all others, so it is made before any of those.
class SignalWatch {
public:
    SignalWatch();
    ~SignalWatch() { stop(); }
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    /// `handler` is called for each, until `stop`.
    void start(std::function<void()> handler);
    void stop();

private:
    sigset_t m_signals {};
    std::jthread m_thread;
};

} // namespace zvisor
