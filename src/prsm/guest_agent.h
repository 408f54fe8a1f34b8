#pragma once

#include "base/result.h"
#include "base/types.h"
#include "base/unique_fd.h"

#include <chrono>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace zvisor {

/// How long something may be waited for.
struct Patience {
    std::chrono::steady_clock::time_point until;
    /// True once nobody wants to know any more; asked several times a second.
    std::function<bool()> given_up = [] { return false; };

    [[nodiscard]] static Patience of(std::chrono::milliseconds time) { return { .until = std::chrono::steady_clock::now() + time }; }
    [[nodiscard]] bool over() const { return std::chrono::steady_clock::now() >= until || given_up(); }
    /// Not longer than `time` from now.
    [[nodiscard]] Patience at_most(std::chrono::milliseconds time) const
    {
        return { .until = std::min(until, std::chrono::steady_clock::now() + time), .given_up = given_up };
    }
};

/// The agent that a partition's program runs so that it can be asked for things (qemu-guest-agent): commands and answers are JSON objects,
/// a line each, over a stream. Answers are the guest's: their length is limited, their form is checked. From any thread.
class GuestAgent {
public:
    /// The longest answer, in bytes, and how deep it may be.
    static constexpr std::size_t longest_answer = 4 << 20;
    static constexpr int deepest_answer = 8;
    /// An agent that is there answers a greeting within this time; one that has answered before may be busy.
    static constexpr std::chrono::milliseconds greeting_patience { 10'000 };
    static constexpr std::chrono::milliseconds known_greeting_patience { 30'000 };
    /// Who wants to shut down and has another way does not wait for a silent one for longer; who has none has more time.
    static constexpr std::chrono::milliseconds brief_shutdown_patience { 1'000 };
    static constexpr std::chrono::milliseconds shutdown_patience { 6'000 };

    /// `socket`: a stream to the partition's port, not blocking.
    explicit GuestAgent(UniqueFd socket)
        : m_socket(std::move(socket))
        , m_last_greeting(static_cast<u32>(std::chrono::steady_clock::now().time_since_epoch().count()))
    {
    }

    /// What a command returned. Errors: no agent answers, it refuses, or what it says is no answer.
    [[nodiscard]] Result<nlohmann::json> call(std::string_view command, const nlohmann::json& arguments, const Patience& patience);
    /// Runs a program of the guest and waits for its end; an error when it fails, with what it wrote on its standard error.
    [[nodiscard]] Result<void> run(const std::string& program, const std::vector<std::string>& arguments, const Patience& patience);
    /// Asks for the end of its system, and waits for a refusal until it answers something else or the patience is over. Errors: it does
    /// something else now, does not answer, or refuses.
    [[nodiscard]] Result<void> shut_down(const Patience& patience);

private:
    [[nodiscard]] Result<void> greet(const Patience& patience);
    [[nodiscard]] Result<void> send(std::string_view text, const Patience& patience);
    [[nodiscard]] Result<std::string> read_line(const Patience& patience);

    /// Held for a command and its answer; guards what follows.
    std::mutex m_mutex;
    UniqueFd m_socket;
    std::string m_received;
    /// Another number for each greeting, and hardly one that an earlier firmware used.
    u32 m_last_greeting;
    bool m_known { false };
};

/// What a base64 text of less than 2 GiB stands for; nothing when it is none.
[[nodiscard]] std::string from_base64(std::string_view text);

} // namespace zvisor
