#include "control/server.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace zvisor {

namespace {

/// When the host has no descriptor for a connection, some time may bring one.
constexpr std::chrono::milliseconds after_failure { 100 };
/// How long those that are being answered keep the server from ending.
constexpr std::chrono::seconds farewell { 1 };

} // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::create(
    Firmware& firmware, MachineEnd& end, std::vector<Entrance> entrances, ServerOptions options)
{
    auto bell = TRY(EventFd::create());
    std::unique_ptr<ControlServer> server(new ControlServer(firmware, end, std::move(entrances), std::move(options), std::move(bell)));
    server->m_acceptor = std::jthread([raw = server.get()] { raw->accept_visitors(); });
    return server;
}

ControlServer::ControlServer(Firmware& firmware, MachineEnd& end, std::vector<Entrance> entrances, ServerOptions options, EventFd bell)
    : m_firmware(firmware)
    , m_end(end)
    , m_entrances(std::move(entrances))
    , m_options(std::move(options))
    , m_bell(std::move(bell))
{
}

ControlServer::~ControlServer()
{
    m_stopping = true;
    m_bell.ring();
    m_acceptor.join();
    // Who is about to come in is turned away.
    for (auto& entrance : m_entrances)
        entrance.socket.reset();
    // Who waits for something sees that the server ends, and is still answered.
    for (const auto& visitor : m_visitors)
        visitor.stream.end_reading();
    auto limit = std::chrono::steady_clock::now() + farewell;
    while (
        std::ranges::any_of(m_visitors, [](const Visitor& visitor) { return !visitor.gone; }) && std::chrono::steady_clock::now() < limit)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    for (const auto& visitor : m_visitors)
        visitor.stream.shut_down();
    m_visitors.clear();
}

void ControlServer::accept_visitors()
{
    while (!m_stopping) {
        std::vector<pollfd> watched { { m_bell.fd(), POLLIN, 0 } };
        for (const auto& entrance : m_entrances)
            watched.push_back({ entrance.socket.get(), POLLIN, 0 });
        if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR)
            return;
        m_visitors.remove_if([](const Visitor& visitor) { return visitor.gone.load(); });
        for (std::size_t i = 0; i < m_entrances.size() && !m_stopping; ++i)
            if (watched[i + 1].revents)
                let_in(m_entrances[i]);
    }
}

void ControlServer::let_in(const Entrance& entrance)
{
    UniqueFd socket { accept4(entrance.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK) };
    if (!socket.valid()) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            std::this_thread::sleep_for(after_failure);
        return;
    }
    auto present = std::ranges::count_if(m_visitors, [&](const Visitor& visitor) { return &visitor.entrance == &entrance; });
    // Over TLS there is no answer without a handshake, and that is what there is no room for.
    if (static_cast<std::size_t>(present) >= m_options.most_connections) {
        constexpr std::string_view full = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
                                          "Content-Length: 41\r\n\r\n{\"error\":\"too many connections are open\"}\n";
        if (!entrance.tls) [[maybe_unused]]
            auto sent = send(socket.get(), full.data(), full.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
    }
    auto& visitor = m_visitors.emplace_back(entrance, DeadlineStream(std::move(socket)));
    visitor.thread = std::jthread([this, &visitor] { serve(visitor); });
}

void ControlServer::serve(Visitor& visitor)
{
    visitor.stream.expire_after(m_options.limits.transfer);
    if (!visitor.entrance.tls || visitor.stream.accept_tls(*visitor.entrance.tls))
        serve_http(visitor.stream, { .firmware = m_firmware, .end = m_end, .abandoned = {} }, m_options.limits, visitor.entrance.token,
            [this] { return m_stopping.load(); });
    visitor.stream.shut_down();
    visitor.gone = true;
}

} // namespace zvisor
