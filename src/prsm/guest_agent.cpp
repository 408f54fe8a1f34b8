#include "prsm/guest_agent.h"

#include "base/text.h"
#include "prsm/link.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace zvisor {

namespace {

using namespace std::chrono_literals;

/// What waits looks this often whether it is still wanted.
constexpr auto slice = 200ms;
/// A greeting is said again after this, then after twice the time: an agent that just begins has not heard the one before, and a slow one
/// answers it late.
constexpr auto greeting_interval = 1s;
/// A program that runs in the guest is looked at this often.
constexpr auto look_again = 100ms;
/// Characters of a guest's sentence that are repeated.
constexpr std::size_t longest_sentence = 200;
/// The answer to a greeting is no longer.
constexpr std::size_t longest_greeting = 1000;
/// Begins a greeting, and its answer: a byte that is in no UTF-8.
constexpr char frame = '\xff';

/// What a guest said, as one line.
[[nodiscard]] std::string line_of(std::string text)
{
    text.erase(text.find_last_not_of(" \r\n") + 1);
    std::ranges::replace(text, '\n', ' ');
    return printable(text, longest_sentence);
}

[[nodiscard]] std::string request(std::string_view command, const nlohmann::json& arguments)
{
    nlohmann::json request { { "execute", command } };
    if (!arguments.empty())
        request["arguments"] = arguments;
    return request.dump() + "\n";
}

/// What is deeper than any answer is discarded, so that a line does not become a hundred times as much memory.
[[nodiscard]] nlohmann::json parsed(std::string_view line)
{
    using Event = nlohmann::json::parse_event_t;
    return nlohmann::json::parse(line, [](int depth, Event, const nlohmann::json&) { return depth < GuestAgent::deepest_answer; }, false);
}

[[nodiscard]] Result<nlohmann::json> answer_of(const std::string& line)
{
    auto answer = parsed(line);
    if (answer.is_object() && answer.contains("return"))
        return std::move(answer["return"]);
    auto error = answer.is_object() ? answer.find("error") : answer.end();
    if (error == answer.end() || !error->is_object())
        return fail("what the guest agent says is no answer");
    auto why = error->find("desc");
    return fail(
        "the guest agent refuses: " + line_of(why != error->end() && why->is_string() ? why->get<std::string>() : "it says no more"));
}

/// True when `line` answers the greeting with this number.
[[nodiscard]] bool is_greeting(const std::string& line, u32 number)
{
    if (line.size() > longest_greeting)
        return false;
    auto answer = parsed(line.substr(line.rfind(frame) + 1));
    auto value = answer.is_object() ? answer.find("return") : answer.end();
    return value != answer.end() && value->is_number_unsigned() && value->get<u64>() == number;
}

} // namespace

std::string from_base64(std::string_view text)
{
    constexpr std::size_t characters = 4;
    constexpr std::size_t bytes_of_them = 3;
    std::string bytes(text.size() / characters * bytes_of_them, '\0');
    int length = EVP_DecodeBlock(
        reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    // Padding becomes bytes, too.
    auto padding = std::ranges::count(text, '=');
    bytes.resize(static_cast<std::size_t>(std::max<std::ptrdiff_t>(length - padding, 0)));
    return bytes;
}

Result<nlohmann::json> GuestAgent::call(std::string_view command, const nlohmann::json& arguments, const Patience& patience)
{
    std::lock_guard lock(m_mutex);
    TRY_VOID(greet(patience.at_most(m_known ? known_greeting_patience : greeting_patience)));
    TRY_VOID(send(request(command, arguments), patience));
    return answer_of(TRY(read_line(patience)));
}

/// After a greeting that was answered, nothing is left of what was said before.
Result<void> GuestAgent::greet(const Patience& patience)
{
    for (auto interval = greeting_interval; !patience.over(); interval *= 2) {
        u32 number = ++m_last_greeting;
        auto once = patience.at_most(interval);
        TRY_VOID(send(frame + request("guest-sync-delimited", { { "id", number } }), once));
        m_received.clear();
        while (auto line = read_line(once)) {
            m_known |= is_greeting(*line, number);
            if (is_greeting(*line, number))
                return {};
        }
    }
    return fail("no guest agent answers");
}

Result<void> GuestAgent::send(std::string_view text, const Patience& patience)
{
    while (!text.empty()) {
        ssize_t sent = ::send(m_socket.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0)
            text.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno != EAGAIN && errno != EINTR)
            return fail("the partition has closed its guest agent's port");
        else if (patience.over())
            return fail("the guest agent does not listen");
        pollfd room { m_socket.get(), POLLOUT, 0 };
        poll(&room, 1, static_cast<int>(slice.count()));
    }
    return {};
}

Result<std::string> GuestAgent::read_line(const Patience& patience)
{
    for (std::size_t looked = 0;;) {
        if (auto end = m_received.find('\n', looked); end != std::string::npos) {
            auto line = m_received.substr(0, end);
            m_received.erase(0, end + 1);
            return line;
        }
        looked = m_received.size();
        if (looked > longest_answer)
            return fail("the guest agent's answer is too long");
        if (patience.over())
            return fail("the guest agent has not answered in time");
        pollfd arrived { m_socket.get(), POLLIN, 0 };
        poll(&arrived, 1, static_cast<int>(slice.count()));
        std::array<char, 16384> piece;
        ssize_t count = recv(m_socket.get(), piece.data(), piece.size(), MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
            return fail("the partition has closed its guest agent's port");
        m_received.append(piece.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    }
}

Result<void> GuestAgent::run(const std::string& program, const std::vector<std::string>& arguments, const Patience& patience)
{
    auto started = TRY(call("guest-exec", { { "path", program }, { "arg", arguments }, { "capture-output", true } }, patience));
    auto pid = started.is_object() ? started.find("pid") : started.end();
    if (pid == started.end() || !pid->is_number_integer())
        return fail(fmt::format("the guest agent does not say how it runs {}", program));
    for (;;) {
        LinkMessage status { .body = TRY(call("guest-exec-status", { { "pid", *pid } }, patience)), .files = {} };
        if (!status.body.is_object())
            return fail(fmt::format("the guest agent does not say how {} goes", program));
        if (status.get<bool>("exited").value_or(false)) {
            if (status.get<u64>("exitcode").value_or(1) == 0)
                return {};
            return fail(
                fmt::format("{} fails in the guest: {}", program, line_of(from_base64(status.get<std::string>("err-data").value_or("")))));
        }
        if (patience.over())
            return fail(fmt::format("{} does not end in the guest", program));
        std::this_thread::sleep_for(look_again);
    }
}

/// One that does it says nothing to that; it answers the next greeting, or has ended with its system.
Result<void> GuestAgent::shut_down(const Patience& patience)
{
    std::unique_lock lock(m_mutex, std::try_to_lock);
    if (!lock)
        return fail("the guest agent does something else");
    TRY_VOID(greet(patience));
    u32 number = ++m_last_greeting;
    TRY_VOID(send(request("guest-shutdown", nlohmann::json::object()) + request("guest-sync", { { "id", number } }), patience));
    while (auto line = read_line(patience)) {
        if (is_greeting(*line, number))
            return {};
        (void)TRY(answer_of(*line));
    }
    return {};
}

} // namespace zvisor
