#include "debug/gdb/server.h"

#include "debug/gdb/session.h"

#include <array>
#include <boost/asio.hpp>
#include <fmt/format.h>
#include <thread>

namespace zvisor::debug::gdb {

using boost::asio::ip::tcp;

struct Server::Parts {
    boost::asio::io_context context;
    tcp::acceptor acceptor { context };
    tcp::socket socket { context };
    std::array<char, 4096> buffer {};
    Debugger debugger;
    CpuGroup* group { nullptr };
    std::function<void()> kill;
    std::unique_ptr<Session> session;
    std::jthread thread;

    void accept()
    {
        acceptor.async_accept([this](const boost::system::error_code& error, tcp::socket accepted) {
            if (error)
                return;
            socket = std::move(accepted);
            boost::system::error_code ignored;
            (void)socket.set_option(tcp::no_delay(true), ignored);
            session = std::make_unique<Session>(debugger, *group, [this](std::string_view bytes) { send(bytes); }, kill);
            receive();
        });
    }

    void receive()
    {
        socket.async_read_some(boost::asio::buffer(buffer), [this](const boost::system::error_code& error, std::size_t length) {
            if (!error)
                session->received({ buffer.data(), length });
            if (error || session->over())
                return close();
            receive();
        });
    }

    /// gdb reads what it asked for, so this does not wait for long.
    void send(std::string_view bytes)
    {
        boost::system::error_code ignored; // a lost connection shows in the next read
        boost::asio::write(socket, boost::asio::buffer(bytes), ignored);
    }

    void close()
    {
        session.reset();
        boost::system::error_code ignored;
        (void)socket.close(ignored);
        debugger.detach();
        accept();
    }
};

Server::Server(std::unique_ptr<Parts> parts)
    : m_parts(std::move(parts))
{
}

Result<std::unique_ptr<Server>> Server::listen(u16 port)
{
    auto parts = std::make_unique<Parts>();
    tcp::endpoint endpoint(boost::asio::ip::address_v4::loopback(), port);
    auto failed = [&](const boost::system::error_code& error) {
        return fail(fmt::format("gdb cannot be served on port {} of 127.0.0.1: {}", port, error.message()));
    };
    boost::system::error_code error;
    if (parts->acceptor.open(endpoint.protocol(), error))
        return failed(error);
    (void)parts->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (parts->acceptor.bind(endpoint, error) || parts->acceptor.listen(1, error))
        return failed(error);
    return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::~Server()
{
    stop();
}

u16 Server::port() const
{
    return m_parts->acceptor.local_endpoint().port();
}

Debugger& Server::debugger()
{
    return m_parts->debugger;
}

void Server::start(CpuGroup& group, bool wait, std::function<void()> kill)
{
    Parts& parts = *m_parts;
    parts.group = &group;
    parts.kill = std::move(kill);
    parts.debugger.attach(
        group,
        [&parts] {
            boost::asio::post(parts.context, [&parts] {
                if (parts.session)
                    parts.session->stopped();
            });
        },
        wait);
    parts.accept();
    parts.thread = std::jthread([&parts] { parts.context.run(); });
}

void Server::stop()
{
    Parts& parts = *m_parts;
    if (!parts.thread.joinable())
        return;
    boost::asio::post(parts.context, [&parts] {
        if (parts.session)
            parts.session->ended();
        parts.context.stop();
    });
    parts.thread.join();
    parts.debugger.detach();
}

} // namespace zvisor::debug::gdb
