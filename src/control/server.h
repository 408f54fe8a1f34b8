#pragma once

#include "control/http_session.h"

#include "base/event_fd.h"

#include <atomic>
#include <list>
#include <thread>

namespace zvisor {

/// Where else than at its UNIX socket the door listens.
struct TcpOptions {
    /// "ADDRESS:PORT", "[ADDRESS]:PORT"; empty: nowhere.
    std::string listen;
    /// PEM files of the certificate (chain) and its key, and a file with the token that each request must carry.
    std::string certificate;
    std::string key;
    std::string token_file;
};

/// Serves the door over HTTP/1.1: at a UNIX socket to this user alone, and over TCP with TLS and a bearer token where that is asked for.
/// With TCP the process must ignore SIGPIPE. Each connection has a thread; no client can hold one longer than the limits say, but for an
/// answer it waits for.
class ControlServer {
public:
    struct Options {
        /// Path of the UNIX socket; what lies there is replaced.
        std::string socket;
        TcpOptions tcp {};
        HttpLimits limits {};
        /// At the UNIX socket, and as many over TCP; more are turned away.
        std::size_t most_connections { 64 };
    };

    [[nodiscard]] static Result<std::unique_ptr<ControlServer>> create(Firmware& firmware, MachineEnd& end, Options options);
    /// Closes all connections.
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    /// The port it listens at over TCP, 0 without.
    [[nodiscard]] unsigned port() const;

private:
    /// A socket that connections come from, and what they need.
    struct Entrance {
        UniqueFd socket;
        TlsContext tls;
        std::string token;
    };
    struct Visitor {
        const Entrance& entrance;
        DeadlineStream stream;
        std::atomic<bool> gone { false };
        std::jthread thread {};
    };

    ControlServer(Firmware& firmware, MachineEnd& end, Options options, EventFd bell);
    void accept_visitors();
    void let_in(const Entrance& entrance);
    void serve(Visitor& visitor);

    Firmware& m_firmware;
    MachineEnd& m_end;
    Options m_options;
    EventFd m_bell;
    std::vector<Entrance> m_entrances;
    std::atomic<bool> m_stopping { false };
    /// Of the accepting thread, and of the destructor when that has ended.
    std::list<Visitor> m_visitors;
    std::jthread m_acceptor;
};

} // namespace zvisor
