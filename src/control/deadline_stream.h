#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <boost/asio/buffer.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <memory>
#include <openssl/ssl.h>

namespace zvisor {

struct FreeTls {
    void operator()(SSL* tls) const { SSL_free(tls); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTls>;

/// A connected socket, plain or with TLS, on which reading and writing end at a deadline whatever the other end does. For one thread,
/// but for `shut_down` and `end_reading`. It is a SyncStream of Boost.Beast.
class DeadlineStream {
public:
    using milliseconds = std::chrono::milliseconds;

    explicit DeadlineStream(UniqueFd socket);

    /// From now on reads and writes end with `timed_out` after this time.
    void expire_after(milliseconds time) { m_deadline = std::chrono::steady_clock::now() + time; }
    /// The server's side of a TLS handshake.
    [[nodiscard]] Result<void> accept_tls(SSL_CTX& context);
    /// Waits for something to read, at most until the deadline.
    [[nodiscard]] bool wait_readable();
    /// The other end sends nothing more.
    [[nodiscard]] bool closed_by_peer() const;
    /// Ends reads and writes that wait, now and later; from any thread.
    void shut_down() const;
    /// Ends reads alone.
    void end_reading() const;

    template<class Buffers>
    std::size_t read_some(const Buffers& buffers, boost::system::error_code& error)
    {
        for (auto each = boost::asio::buffer_sequence_begin(buffers); each != boost::asio::buffer_sequence_end(buffers); ++each)
            if (boost::asio::mutable_buffer buffer = *each; buffer.size() != 0)
                return receive(buffer.data(), buffer.size(), error);
        error = {};
        return 0;
    }
    template<class Buffers>
    std::size_t write_some(const Buffers& buffers, boost::system::error_code& error)
    {
        for (auto each = boost::asio::buffer_sequence_begin(buffers); each != boost::asio::buffer_sequence_end(buffers); ++each)
            if (boost::asio::const_buffer buffer = *each; buffer.size() != 0)
                return send(buffer.data(), buffer.size(), error);
        error = {};
        return 0;
    }
    template<class Buffers>
    std::size_t read_some(const Buffers& buffers)
    {
        return or_throw([&](auto& error) { return read_some(buffers, error); });
    }
    template<class Buffers>
    std::size_t write_some(const Buffers& buffers)
    {
        return or_throw([&](auto& error) { return write_some(buffers, error); });
    }

private:
    template<class Function>
    static std::size_t or_throw(Function&& function)
    {
        boost::system::error_code error;
        std::size_t count = function(error);
        if (error)
            throw boost::system::system_error(error);
        return count;
    }

    [[nodiscard]] std::size_t receive(void* data, std::size_t size, boost::system::error_code& error);
    [[nodiscard]] std::size_t send(const void* data, std::size_t size, boost::system::error_code& error);
    /// Waits for POLLIN or POLLOUT; false at the deadline.
    [[nodiscard]] bool wait_for(short events) const;
    /// What to wait for so that TLS goes on after `result`; 0 when it cannot.
    [[nodiscard]] short tls_wants(int result) const;

    UniqueFd m_socket;
    std::unique_ptr<SSL, FreeTls> m_tls;
    std::chrono::steady_clock::time_point m_deadline;
};

} // namespace zvisor
