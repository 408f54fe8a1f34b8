#pragma once

#include "control/client.h"

#include <thread>

namespace zvisor {

/// Shows on standard error what happens in a machine while something else is waited for: events that begin with `prefix`, without it.
class EventEcho {
public:
    /// From now on until it is destroyed. `socket`: path of the machine's socket.
    EventEcho(const std::string& socket, std::string prefix);
    ~EventEcho();
    EventEcho(const EventEcho&) = delete;
    EventEcho& operator=(const EventEcho&) = delete;

private:
    /// Shows what came since the last look; false: the machine does not say.
    [[nodiscard]] bool show(Client& client, u16 wait);
    void follow(const std::stop_token& stop);

    std::string m_prefix;
    Client m_client;
    Client m_last_look;
    /// Number of the last event that was looked at.
    u64 m_shown { 0 };
    std::jthread m_thread;
};

} // namespace zvisor
