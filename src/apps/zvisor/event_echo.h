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
    /// Shows what came after event `last`; returns the number of the last there is.
    [[nodiscard]] u64 show(Client& client, u64 last, u16 wait) const;
    void follow(const std::stop_token& stop);

    std::string m_prefix;
    Client m_client;
    Client m_last_look;
    u64 m_shown { 0 };
    std::jthread m_thread;
};

} // namespace zvisor
