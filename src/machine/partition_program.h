#pragma once

#include "machine/machine.h"
#include "prsm/link.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace zvisor {

/// The program of a partition's process: it is told over its link what to assemble and what to do, and tells what happens.
///
/// Orders are objects with "order" and "id"; each is answered by one with "reply" (the id) and, when it failed, "error" (a sentence).
/// What happens unasked is an object with "event". When the firmware goes away the partition goes on, and the next firmware's link gets
/// the state again.
///
/// | order | members | answer, when done |
/// |---|---|---|
/// | create | profile: machine file; address_space: bytes | missing: what confinement the host did not allow |
/// | load | | the program has been loaded and runs |
/// | stop, start, reset | | |
/// | type | text: console input | taken: bytes accepted |
/// | quiesce | | asked: the program can be asked to shut down, and was |
/// | status | | state and why, as in the event |
/// | end | | none: the process ends |
///
/// | event | members |
/// |---|---|
/// | state | state: "not-operating", "operating", "stopped" or "disabled-wait"; why: a sentence or nothing |
/// | console | kind: 0 line mode, 1 VT220; text |
/// | input-room | the console takes input again |
class PartitionProgram final : private ConsoleSink {
public:
    /// Accepts links at the socket until it is told to end; returns the status of the process.
    [[nodiscard]] static int run(int listener);

private:
    using Answer = Result<nlohmann::json>;
    using Handler = Answer (PartitionProgram::*)(LinkMessage&);
    struct Order {
        std::string_view name;
        Handler handler;
    };
    static const Order orders[];

    void serve(std::shared_ptr<Link> link);
    void carry_out(Link& link, LinkMessage& message);
    [[nodiscard]] Answer answer_to(LinkMessage& message);

    [[nodiscard]] Answer create(LinkMessage& message);
    [[nodiscard]] Answer load(LinkMessage&);
    [[nodiscard]] Answer stop(LinkMessage&);
    [[nodiscard]] Answer start(LinkMessage&);
    [[nodiscard]] Answer reset(LinkMessage&);
    [[nodiscard]] Answer type(LinkMessage& message);
    [[nodiscard]] Answer quiesce(LinkMessage&);
    [[nodiscard]] Answer status(LinkMessage&);
    [[nodiscard]] Answer end(LinkMessage&);

    // The thread the machine runs on.
    void run_machine(const std::stop_token& stop);
    void ended(const Result<Outcome>& outcome);
    void end_program();

    void become(std::string_view state, std::string why = {});
    void tell(const nlohmann::json& event);

    // ConsoleSink
    void output(ConsoleKind console, std::string_view text) override;
    void input_room() override;

    std::unique_ptr<Machine> m_machine;
    bool m_ending { false };

    /// Guards what follows.
    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    std::shared_ptr<Link> m_link;
    std::string m_state { "not-operating" };
    std::string m_why;
    bool m_wanted { false };
    bool m_running { false };
    std::jthread m_runner;
};

} // namespace zvisor
