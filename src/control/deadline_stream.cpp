#include "control/deadline_stream.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

namespace zvisor {

namespace {

using boost::system::error_code;

constexpr std::size_t most_at_once = 1 << 20;

} // namespace

DeadlineStream::DeadlineStream(UniqueFd socket)
    : m_socket(std::move(socket))
{
    fcntl(m_socket.get(), F_SETFL, fcntl(m_socket.get(), F_GETFL) | O_NONBLOCK);
}

bool DeadlineStream::wait_for(short events) const
{
    using std::chrono::steady_clock;
    for (;;) {
        auto left = std::chrono::ceil<milliseconds>(m_deadline - steady_clock::now()).count();
        pollfd entry { m_socket.get(), events, 0 };
        int ready = poll(&entry, 1, static_cast<int>(std::clamp<long>(left, 0, 1'000'000)));
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

bool DeadlineStream::wait_readable()
{
    return (m_tls && SSL_pending(m_tls.get()) > 0) || wait_for(POLLIN);
}

bool DeadlineStream::closed_by_peer() const
{
    pollfd entry { m_socket.get(), POLLRDHUP, 0 };
    return poll(&entry, 1, 0) > 0;
}

void DeadlineStream::shut_down() const
{
    shutdown(m_socket.get(), SHUT_RDWR);
}

void DeadlineStream::end_reading() const
{
    shutdown(m_socket.get(), SHUT_RD);
}

short DeadlineStream::tls_wants(int result) const
{
    int error = SSL_get_error(m_tls.get(), result);
    return error == SSL_ERROR_WANT_READ ? POLLIN : error == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

Result<void> DeadlineStream::accept_tls(SSL_CTX& context)
{
    m_tls.reset(SSL_new(&context));
    if (!m_tls || SSL_set_fd(m_tls.get(), m_socket.get()) != 1)
        return fail("TLS cannot be used on this connection");
    for (;;) {
        ERR_clear_error();
        int result = SSL_accept(m_tls.get());
        if (result == 1)
            return {};
        short wanted = tls_wants(result);
        if (wanted == 0 || !wait_for(wanted))
            return fail("the other end did not complete the TLS handshake");
    }
}

std::size_t DeadlineStream::receive(void* data, std::size_t size, error_code& error)
{
    error = {};
    int length = static_cast<int>(std::min(size, most_at_once));
    for (;;) {
        short wanted = POLLIN;
        if (m_tls) {
            ERR_clear_error();
            int count = SSL_read(m_tls.get(), data, length);
            if (count > 0)
                return static_cast<std::size_t>(count);
            wanted = tls_wants(count);
        } else if (ssize_t count = recv(m_socket.get(), data, static_cast<std::size_t>(length), 0); count > 0) {
            return static_cast<std::size_t>(count);
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            wanted = 0;
        }
        if (wanted == 0)
            error = boost::asio::error::eof;
        else if (!wait_for(wanted))
            error = boost::asio::error::timed_out;
        if (error)
            return 0;
    }
}

std::size_t DeadlineStream::send(const void* data, std::size_t size, error_code& error)
{
    error = {};
    int length = static_cast<int>(std::min(size, most_at_once));
    for (;;) {
        short wanted = POLLOUT;
        if (m_tls) {
            ERR_clear_error();
            int count = SSL_write(m_tls.get(), data, length);
            if (count > 0)
                return static_cast<std::size_t>(count);
            wanted = tls_wants(count);
        } else if (ssize_t count = ::send(m_socket.get(), data, static_cast<std::size_t>(length), MSG_NOSIGNAL); count >= 0) {
            return static_cast<std::size_t>(count);
        } else if (errno != EAGAIN && errno != EINTR) {
            wanted = 0;
        }
        if (wanted == 0)
            error = boost::asio::error::broken_pipe;
        else if (!wait_for(wanted))
            error = boost::asio::error::timed_out;
        if (error)
            return 0;
    }
}

} // namespace zvisor
