// Requests at the door of a machine: raw bytes on a connection, or arguments for one of its operations; each gets an answer with a status,
// and an error is one sentence.

#include "control/http_session.h"
#include "control/test_machine.h"

#include <sys/socket.h>

using namespace zvisor;

namespace {

/// Bytes as they come, on a connection whose other end is closed after them.
void serve_raw(TestMachine& machine, std::string_view bytes)
{
    int ends[2];
    VERIFY(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    UniqueFd client(ends[0]);
    DeadlineStream stream { UniqueFd(ends[1]) };
    VERIFY(send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    shutdown(client.get(), SHUT_WR);
    // Short, because many answers at once have no room until somebody reads them.
    const HttpLimits limits { .transfer = std::chrono::milliseconds(50), .idle = std::chrono::milliseconds(50) };
    serve_http(stream, machine.call(), limits, "", [] { return false; });
    stream.shut_down();
    char head[9] {};
    ssize_t count = recv(client.get(), head, sizeof head, MSG_WAITALL);
    VERIFY(count == 0 || std::string_view(head, sizeof head).starts_with("HTTP/1."));
}

/// "NAME?QUERY" and after a line's end the body, for the operation of this number.
void ask_operation(TestMachine& machine, std::size_t number, std::string_view input)
{
    const auto& operation = all_operations()[number % all_operations().size()];
    auto end = input.find('\n');
    std::string path(operation.path);
    std::string tail(input.substr(0, end));
    if (auto name = path.find("{name}"); name != std::string::npos)
        path.replace(name, 6, tail.starts_with('?') ? "LP1" : "");
    HttpRequest request { .method = std::string(name_of(operation.verb)), .target = path + tail };
    if (end != std::string_view::npos)
        request.body = input.substr(end + 1);
    auto reply = machine.ask(request);
    if (reply.status == 200)
        return;
    VERIFY(reply.status >= 400 && reply.status < 500);
    auto error = nlohmann::json::parse(reply.body, nullptr, false);
    VERIFY(error.is_object() && error.contains("error"));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size)
{
    static TestMachine machine;
    constexpr std::size_t longest = 64 * 1024;
    if (size == 0)
        return 0;
    std::string_view input(reinterpret_cast<const char*>(data) + 1, std::min(size - 1, longest));
    constexpr u8 first_operation = 0x80;
    if (data[0] < first_operation)
        serve_raw(machine, input);
    else
        ask_operation(machine, data[0] - first_operation, input);
    return 0;
}
