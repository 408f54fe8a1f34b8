#pragma once

#include "base/unique_fd.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/socket.h>

namespace zvisor {

/// What stands in for a guest's agent in tests: answers greetings, and commands with what `answer` gives as text, lines and all.
class ActedAgent {
public:
    using Answer = std::function<std::string(const std::string& command, const nlohmann::json& arguments)>;

    /// While `silent` says so it hears nothing.
    ActedAgent(
        int socket, Answer answer, std::function<bool()> silent = [] { return false; })
        : m_socket(socket)
        , m_answer(std::move(answer))
        , m_silent(std::move(silent))
    {
    }

    /// Until the other end closes.
    void run()
    {
        std::string received;
        char piece[4096];
        for (ssize_t count; (count = recv(m_socket, piece, sizeof piece, 0)) > 0;) {
            received.append(piece, static_cast<std::size_t>(count));
            for (std::size_t end; (end = received.find('\n')) != std::string::npos; received.erase(0, end + 1))
                take(received.substr(0, end));
        }
    }

    [[nodiscard]] static std::string returns(const nlohmann::json& value) { return nlohmann::json { { "return", value } }.dump() + "\n"; }
    [[nodiscard]] static std::string refuses(const std::string& why)
    {
        return nlohmann::json { { "error", { { "class", "GenericError" }, { "desc", why } } } }.dump() + "\n";
    }

private:
    void take(const std::string& line)
    {
        if (m_silent())
            return;
        auto request = nlohmann::json::parse(line.substr(line.rfind('\xff') + 1));
        auto command = request["execute"].get<std::string>();
        auto arguments = request.value("arguments", nlohmann::json::object());
        std::string text;
        if (command == "guest-sync-delimited" || command == "guest-sync")
            text = (command == "guest-sync" ? "" : "\xff") + returns(arguments["id"]);
        else
            text = m_answer(command, arguments);
        [[maybe_unused]] auto sent = send(m_socket, text.data(), text.size(), MSG_NOSIGNAL);
    }

    int m_socket;
    Answer m_answer;
    std::function<bool()> m_silent;
};

} // namespace zvisor
