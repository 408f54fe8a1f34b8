#pragma once

#include "control/http_session.h"
#include "control/listeners.h"

#include "base/event_fd.h"

#include <atomic>
#include <list>
#include <thread>

namespace zvisor {

struct ServerOptions {
    HttpLimits limits {};
    /// At each entrance; more are turned away.
    std::size_t most_connections { 64 };
};

/// Serves the door over HTTP/1.1 at its entrances: a UNIX socket for this user alone, and TCP with TLS and a bearer token where asked for.
/// With TCP the process must ignore SIGPIPE. Each connection has a thread; no client can hold one longer than the limits say, but for an
/// answer it waits for.
class ControlServer {
public:
    [[nodiscard]] static Result<std::unique_ptr<ControlServer>> create(
        Firmware& firmware, MachineEnd& end, std::vector<Entrance> entrances, ServerOptions options = {});
    /// Closes all connections.
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

private:
    struct Visitor {
        const Entrance& entrance;
        DeadlineStream stream;
        std::atomic<bool> gone { false };
        std::jthread thread {};
    };

    ControlServer(Firmware& firmware, MachineEnd& end, std::vector<Entrance> entrances, ServerOptions options, EventFd bell);
    void accept_visitors();
    void let_in(const Entrance& entrance);
    void serve(Visitor& visitor);

    Firmware& m_firmware;
    MachineEnd& m_end;
    std::vector<Entrance> m_entrances;
    ServerOptions m_options;
    EventFd m_bell;
    std::atomic<bool> m_stopping { false };
    /// Of the accepting thread, and of the destructor when that has ended.
    std::list<Visitor> m_visitors;
    std::jthread m_acceptor;
};

} // namespace zvisor
