#include "apps/zvisor/signal_watch.h"

#include <pthread.h>

namespace zvisor {

SignalWatch::SignalWatch()
{
    sigemptyset(&m_signals);
    for (int signal : { SIGINT, SIGTERM, SIGHUP, SIGUSR1 })
        sigaddset(&m_signals, signal);
    pthread_sigmask(SIG_BLOCK, &m_signals, nullptr);
    // A disk at the limit of a file's size gives the guest an I/O error.
    std::signal(SIGXFSZ, SIG_IGN);
}

void SignalWatch::start(std::function<void()> handler)
{
    m_thread = std::jthread([this, handler = std::move(handler)](const std::stop_token& stop) {
        int signal = 0;
        while (sigwait(&m_signals, &signal) == 0 && !stop.stop_requested())
            if (signal != SIGUSR1)
                handler();
    });
}

void SignalWatch::stop()
{
    if (!m_thread.joinable())
        return;
    m_thread.request_stop();
    pthread_kill(m_thread.native_handle(), SIGUSR1);
    m_thread.join();
}

} // namespace zvisor
