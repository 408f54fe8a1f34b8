#include "control/client.h"

#include "control/door.h"
#include "control/listeners.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace zvisor {

namespace {

namespace http = boost::beast::http;

/// An order to a partition may take this long, beside what it is allowed to wait.
constexpr std::chrono::seconds patience { 120 };
constexpr u64 longest_answer = 64 << 20;

[[nodiscard]] std::string text_of(const nlohmann::ordered_json& value)
{
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// The sentence in an answer that is an error.
[[nodiscard]] std::string sentence_in(const std::string& body, unsigned status)
{
    ErrorInfo info;
    if (auto read = read_wire(nlohmann::json::parse(body, nullptr, false), info); read && !info.error.empty())
        return info.error;
    return fmt::format("the machine answered with status {}", status);
}

} // namespace

Client::Request Client::request_for(
    Verb verb, std::string_view path, const std::vector<FieldInfo>& fields, const nlohmann::ordered_json& arguments)
{
    std::string target(path);
    std::string query;
    auto body = nlohmann::ordered_json::object();
    for (const auto& field : fields) {
        std::string name(field.name);
        if (!arguments.contains(name))
            continue;
        const auto& value = arguments[name];
        if (field.rules.place == Place::path)
            target.replace(target.find("{" + name + "}"), name.size() + 2, percent_encoded(text_of(value)));
        else if (field.rules.place == Place::query)
            query += fmt::format("{}{}={}", query.empty() ? "?" : "&", name, percent_encoded(text_of(value)));
        else
            body[name] = value;
    }
    Request request { .method = name_of(verb), .target = target + query };
    if (!body.empty())
        request.body = json_text(body);
    return request;
}

Result<ConsoleInfo> Client::read_console(const ConsoleQuery& query)
{
    const auto& operation = operations::read_console;
    auto request = request_for(operation.verb, operation.path, describe_fields<ConsoleQuery>(), to_wire(query));
    request.accept = "application/octet-stream";
    auto answer = TRY(exchange(request));
    ConsoleInfo info { .text = std::move(answer.body), .next = query.from, .closed = answer.closed == "true" };
    std::from_chars(answer.next.data(), answer.next.data() + answer.next.size(), info.next);
    return info;
}

Result<void> Client::connect()
{
    UniqueFd socket = connect_to_path(m_socket);
    if (!socket.valid())
        return fail(fmt::format("the machine at {} cannot be reached: {}", m_socket, std::strerror(errno)));
    std::lock_guard lock(m_mutex);
    if (m_cancelled)
        return fail("the call was cancelled");
    m_stream = std::make_unique<DeadlineStream>(std::move(socket));
    return {};
}

void Client::cancel()
{
    std::lock_guard lock(m_mutex);
    m_cancelled = true;
    if (m_stream)
        m_stream->shut_down();
}

Result<Client::Answer> Client::exchange(const Request& request)
{
    TRY_VOID(connect());
    m_stream->expire_after(patience + request.wait);
    http::request<http::string_body> message { http::string_to_verb(request.method), request.target, 11 };
    message.set(http::field::host, "zvisor");
    message.set(http::field::accept, request.accept);
    message.keep_alive(false);
    if (!request.body.empty())
        message.set(http::field::content_type, "application/json");
    message.body() = request.body;
    message.prepare_payload();
    boost::system::error_code error;
    http::write(*m_stream, message, error);
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(longest_answer);
    // Even when not all was taken there may be an answer that says why.
    boost::system::error_code read_error;
    http::read(*m_stream, buffer, parser, read_error);
    if (read_error)
        return fail(fmt::format("the machine does not answer: {}", (error ? error : read_error).message()));
    auto& answer = parser.get();
    if (answer.result() != http::status::ok)
        return fail(sentence_in(answer.body(), answer.result_int()));
    return Answer { std::move(answer.body()), std::string(answer["Zvisor-Next"]), std::string(answer["Zvisor-Closed"]) };
}

} // namespace zvisor
