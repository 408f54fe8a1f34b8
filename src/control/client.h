#pragma once

#include "control/deadline_stream.h"
#include "control/operations.h"

#include <map>
#include <mutex>

namespace zvisor {

/// The door of a machine seen from another process: calls its operations by the rows the server serves. Each call has a connection of
/// its own. One call at a time; `cancel` from any thread.
class Client {
public:
    /// `socket`: path of the machine's socket (`find_machine`).
    explicit Client(std::string socket)
        : m_socket(std::move(socket))
    {
    }

    template<Wire Q, Wire A>
    [[nodiscard]] Result<A> call(const Operation<Q, A>& operation, const Q& arguments)
    {
        auto body = TRY(call_for_text(operation, arguments));
        A answer;
        auto json = nlohmann::json::parse(body, nullptr, false);
        if (auto read = read_wire(json, answer); !read)
            return fail(fmt::format("the machine's answer to {} is not understood: {}", operation.name, read.error().message));
        return answer;
    }
    /// The answer's body as it is.
    template<Wire Q, class A>
    [[nodiscard]] Result<std::string> call_for_text(const Operation<Q, A>& operation, const Q& arguments)
    {
        auto request = request_for(operation.verb, operation.path, describe_fields<Q>(), to_wire(arguments));
        if constexpr (requires { arguments.most_waits(); })
            request.wait = arguments.most_waits() * std::chrono::seconds(arguments.wait);
        else if constexpr (requires { arguments.wait; })
            request.wait = std::chrono::seconds(arguments.wait);
        return std::move(TRY(exchange(request)).body);
    }
    /// The console's bytes as they are.
    [[nodiscard]] Result<ConsoleInfo> read_console(const ConsoleQuery& query);

    /// Ends the call that waits, and all later ones.
    void cancel();

private:
    struct Request {
        std::string_view method;
        std::string target;
        std::string accept { "application/json" };
        std::string body {};
        /// As long as the machine was allowed to wait.
        std::chrono::seconds wait {};
    };
    struct Answer {
        std::string body;
        /// Of the headers, those of ours.
        std::string next;
        std::string closed;
    };

    [[nodiscard]] static Request request_for(
        Verb verb, std::string_view path, const std::vector<FieldInfo>& fields, const nlohmann::ordered_json& arguments);
    [[nodiscard]] Result<Answer> exchange(const Request& request);
    [[nodiscard]] Result<void> connect();

    std::string m_socket;
    /// Guards the stream's being there, and whether calls are over.
    std::mutex m_mutex;
    std::unique_ptr<DeadlineStream> m_stream;
    bool m_cancelled { false };
};

} // namespace zvisor
