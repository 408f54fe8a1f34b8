#include "control/http_session.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <openssl/crypto.h>

namespace zvisor {

namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

/// One connection, request by request.
class HttpSession {
public:
    HttpSession(DeadlineStream& stream, Call call, const HttpLimits& limits, const std::string& token)
        : m_stream(stream)
        , m_call(std::move(call))
        , m_limits(limits)
        , m_token(token)
    {
    }

    /// False when the connection is to be closed.
    [[nodiscard]] bool serve_one()
    {
        m_stream.expire_after(m_limits.idle);
        if (m_buffer.size() == 0 && !m_stream.wait_readable())
            return false;
        m_stream.expire_after(m_limits.transfer);
        http::request_parser<http::string_body> parser;
        parser.header_limit(static_cast<std::uint32_t>(m_limits.header));
        parser.body_limit(m_limits.body);
        error_code error;
        http::read(m_stream, m_buffer, parser, error);
        if (error)
            return refuse(error);
        return respond(parser.get());
    }

private:
    /// What the client gets for a request that is none; nothing when it has gone away.
    [[nodiscard]] bool refuse(error_code error)
    {
        if (error == http::error::end_of_stream || error == http::error::partial_message || error == boost::asio::error::eof)
            return false;
        Refusal refusal { Refusal::bad_request, fmt::format("this is no HTTP request: {}", error.message()) };
        if (error == http::error::body_limit)
            refusal = { static_cast<unsigned>(http::status::payload_too_large),
                fmt::format("the body is longer than {} bytes", m_limits.body) };
        else if (error == http::error::header_limit)
            refusal = { static_cast<unsigned>(http::status::request_header_fields_too_large),
                fmt::format("the header is longer than {} bytes", m_limits.header) };
        else if (error == boost::asio::error::timed_out)
            refusal = { static_cast<unsigned>(http::status::request_timeout),
                fmt::format("the request did not arrive within {} ms", m_limits.transfer.count()) };
        m_stream.expire_after(m_limits.transfer);
        [[maybe_unused]] bool sent = send_whole(reply_of(refusal), false, 11);
        return false;
    }

    [[nodiscard]] bool respond(const http::request<http::string_body>& request)
    {
        bool keep = request.keep_alive();
        Reply reply = may_enter(request) ? answer(m_call, asked(request))
                                         : reply_of({ static_cast<unsigned>(http::status::unauthorized), "a bearer token is needed" });
        m_stream.expire_after(m_limits.transfer);
        return reply.next ? send_pieces(reply, request.version()) : send_whole(reply, keep, request.version());
    }

    /// Takes the same time whatever part of the token is right.
    [[nodiscard]] bool may_enter(const http::request<http::string_body>& request) const
    {
        if (m_token.empty())
            return true;
        std::string wanted = "Bearer " + m_token;
        auto given = request[http::field::authorization];
        return given.size() == wanted.size() && CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
    }

    [[nodiscard]] static HttpRequest asked(const http::request<http::string_body>& request)
    {
        return { .method = std::string(request.method_string()),
            .target = std::string(request.target()),
            .content_type = std::string(request[http::field::content_type]),
            .accept = std::string(request[http::field::accept]),
            .body = request.body() };
    }

    template<class Body>
    [[nodiscard]] static http::response<Body> head_of(const Reply& reply, bool keep, unsigned version)
    {
        http::response<Body> response(static_cast<http::status>(reply.status), version);
        response.set(http::field::content_type, reply.content_type);
        response.set(http::field::cache_control, "no-store");
        for (const auto& [name, value] : reply.headers)
            response.set(name, value);
        response.keep_alive(keep);
        return response;
    }

    [[nodiscard]] bool send_whole(const Reply& reply, bool keep, unsigned version)
    {
        auto response = head_of<http::string_body>(reply, keep, version);
        response.body() = reply.body;
        response.prepare_payload();
        error_code error;
        http::write(m_stream, response, error);
        return !error && keep;
    }

    /// Chunks, or in HTTP/1.0 all until the end of the connection.
    [[nodiscard]] bool send_pieces(const Reply& reply, unsigned version)
    {
        bool chunked = version >= 11;
        auto response = head_of<http::empty_body>(reply, false, version);
        response.chunked(chunked);
        http::response_serializer<http::empty_body> serializer { response };
        error_code error;
        http::write_header(m_stream, serializer, error);
        while (!error) {
            auto piece = reply.next();
            m_stream.expire_after(m_limits.transfer);
            if (piece && !piece->empty())
                chunked ? boost::asio::write(m_stream, http::make_chunk(boost::asio::buffer(*piece)), error)
                        : boost::asio::write(m_stream, boost::asio::buffer(*piece), error);
            if (!piece)
                break;
        }
        if (!error && chunked)
            boost::asio::write(m_stream, http::make_chunk_last(), error);
        return false;
    }

    DeadlineStream& m_stream;
    Call m_call;
    const HttpLimits& m_limits;
    const std::string& m_token;
    boost::beast::flat_buffer m_buffer;
};

} // namespace

void serve_http(
    DeadlineStream& stream, Call call, const HttpLimits& limits, const std::string& token, const std::function<bool()>& stopping)
{
    call.abandoned = [&] { return stopping() || stream.closed_by_peer(); };
    HttpSession session(stream, std::move(call), limits, token);
    while (!stopping() && session.serve_one()) { }
}

} // namespace zvisor
