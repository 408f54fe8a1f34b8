#pragma once

#include "machine/machine.h"
#include "partition/dispatch_adapter.h"
#include "prsm/link.h"
#include "prsm/storage_pool.h"

#include <condition_variable>
#include <map>
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
/// | blocks | first: number of a block; its memory, and that of those after it, as descriptors | |
/// | refuse | block: number; why | |
/// | create | profile: machine file; block_size, address_space: bytes; descriptors of the dispatch region, as in `adopt`, and of the wires
/// to the networks | missing: what confinement the host did not allow | | adopt | descriptors: memory and doorbell of a dispatch region |
/// state and why, as in the event; before it, the blocks in use as events `held` | | load | | the program has been loaded and runs | |
/// stop, start, reset | | | | type | text: console input | taken: bytes accepted | | quiesce | | asked: the program can be asked to shut
/// down, and was | | status | | state and why, as in the event | | end | | none: the process ends |
///
/// | event | members |
/// |---|---|
/// | state | state: "not-operating", "operating", "stopped" or "disabled-wait"; why: a sentence or nothing |
/// | console | kind: 0 line mode, 1 VT220; text |
/// | input-room | the console takes input again |
/// | obtain | block: number; an order `blocks` or `refuse` answers it |
/// | held | first: number of a block; its memory, and that of those after it, as descriptors |
/// | give-back | block: number; the partition has nothing of it mapped |
class PartitionProgram final : private ConsoleSink, private StorageBlocks {
public:
    /// Accepts links at the socket until it is told to end; returns the status of the process.
    [[nodiscard]] static int run(int listener);

private:
    using Answer = Result<nlohmann::json>;
    using Handler = Answer (PartitionProgram::*)(LinkMessage&);
    struct Order {
        std::string_view name;
        Handler handler;
        bool needs_machine { false };
    };
    static const Order orders[];

    void serve(std::shared_ptr<Link> link);
    void carry_out(Link& link, LinkMessage& message);
    [[nodiscard]] Answer answer_to(LinkMessage& message);

    [[nodiscard]] Answer take_blocks(LinkMessage& message);
    [[nodiscard]] Answer refuse_block(LinkMessage& message);
    [[nodiscard]] Answer create(LinkMessage& message);
    [[nodiscard]] Answer adopt(LinkMessage& message);
    [[nodiscard]] static Result<std::shared_ptr<DispatchRegion>> region_of(LinkMessage& message);
    [[nodiscard]] Answer load(LinkMessage&);
    [[nodiscard]] Answer stop(LinkMessage&);
    [[nodiscard]] Answer start(LinkMessage&);
    [[nodiscard]] Answer reset(LinkMessage&);
    [[nodiscard]] Answer type(LinkMessage& message);
    [[nodiscard]] Answer quiesce(LinkMessage&);
    [[nodiscard]] Answer status(LinkMessage&);
    [[nodiscard]] Answer end(LinkMessage&);

    // What the machine's thread does.
    enum class Job : u8 { none, load, reset };
    [[nodiscard]] Answer have_done(Job job);
    void run_machine(const std::stop_token& stop);
    void run_program();
    void reset_machine();

    void become(std::string_view state, std::string why = {});
    void tell(const nlohmann::json& event);

    [[nodiscard]] std::optional<UniqueFd> take_block(u64 block);

    // StorageBlocks
    [[nodiscard]] Result<UniqueFd> obtain(u64 block) override;
    void give_back(u64 block) override;

    // ConsoleSink
    void output(ConsoleKind console, std::string_view text) override;
    void input_room() override;

    std::unique_ptr<Machine> m_machine;
    /// Owned by the machine's CPUs.
    DispatchAdapter* m_dispatching { nullptr };
    bool m_ending { false };

    /// Guards what follows.
    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    std::shared_ptr<Link> m_link;
    std::string m_state { "not-operating" };
    std::string m_why;
    Job m_job { Job::none };
    bool m_running { false };
    /// Blocks that were handed over and are not in use yet, and why others are refused.
    HeldBlocks m_blocks;
    std::map<u64, std::string> m_refused;
    /// Blocks in use, kept for the next firmware.
    HeldBlocks m_held;
    std::jthread m_runner;
};

} // namespace zvisor
