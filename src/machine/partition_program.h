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
/// | create | see below | missing: what confinement the host did not allow |
/// | adopt | see below | state, why and cpus, as in the event |
/// | load | | the program has been loaded and runs |
/// | stop, start, reset | | |
/// | type | text: console input | taken: bytes accepted |
/// | quiesce | agent_first: true or false | asked: the program can be asked to shut down, and was; agent: it was not, its agent can be |
/// | registers | | cpus: of each configured CPU, once it has stopped, its CpuStatus (prsm/partition_dump.h) |
/// | cpus-changed | | the program is told to look at its CPUs |
/// | status | | state, why and cpus, as in the event |
/// | answer | question: number of an event's; granted: true or false | |
/// | activity | question; what partitions used, in parts (prsm/activity_messages.h) | |
/// | end | | none: the process ends |
///
/// Descriptors of `adopt`: memory and doorbell of a dispatch region, standard error, with an agent a stream to it. Members of `create`:
/// profile: machine file; block_size, address_space: bytes; descriptors of memory and doorbell, and of the wires to the networks, and last,
/// with agent: true, of the stream to the guest agent; number, dedicated, group, group_cap (hundredths): as defined; machine: its name;
/// boards: a byte, its board, for each CPU; physical_cpus; global: the partition may know what others use. Before its answer `adopt` tells
/// of the blocks in use (events `held`), of each CPU (events `configure-cpu`) and their polarization, and what the consoles showed while
/// there was no firmware, 64 KiB at most.
///
/// | event | members |
/// |---|---|
/// | state | state: "not-operating", "operating", "stopped" or "disabled-wait"; why: a sentence or nothing; cpus: of a disabled wait |
/// | console | kind: 0 line mode, 1 VT220; text |
/// | input-room | the console takes input again |
/// | obtain | block: number; an order `blocks` or `refuse` answers it |
/// | held | first: number of a block; its memory, and that of those after it, as descriptors |
/// | configure-cpu | cpu: address; configured: true or false; question: a number that the order `answer` repeats |
/// | polarization | vertical: true or false; question |
/// | activity | question; orders `activity` answer it, or `answer` when the partition may not know |
/// | give-back | block: number; the partition has nothing of it mapped |
class PartitionProgram final : private ConsoleSink, private StorageBlocks, private FirmwareServices {
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
    [[nodiscard]] Answer quiesce(LinkMessage& message);
    [[nodiscard]] Answer tell_cpus_changed(LinkMessage&);
    [[nodiscard]] Answer registers(LinkMessage&);
    [[nodiscard]] Answer cpu_registers() const;
    [[nodiscard]] Answer status(LinkMessage&);
    [[nodiscard]] Answer end(LinkMessage&);

    [[nodiscard]] Answer take_answer(LinkMessage& message);
    [[nodiscard]] Answer take_activity(LinkMessage& message);

    // What the machine's thread does.
    enum class Job : u8 { none, load, reset };
    [[nodiscard]] Answer have_done(Job job);
    void run_machine(const std::stop_token& stop);
    void run_program();
    void reset_machine();

    /// `cpus`: the CpuStatus of each, where they are of interest.
    void become(std::string_view state, std::string why = {}, nlohmann::json cpus = nlohmann::json::array());
    [[nodiscard]] nlohmann::json current_state() const;
    /// False: there is no firmware that hears it.
    bool tell(const nlohmann::json& event);
    void tell_and_wait(
        std::unique_lock<std::mutex>& lock, const nlohmann::json& event, std::chrono::seconds patience, const std::function<bool()>& done);
    void keep_unseen(std::string_view text);
    void show_unseen();

    [[nodiscard]] std::optional<UniqueFd> take_block(u64 block);

    // StorageBlocks
    [[nodiscard]] Result<UniqueFd> obtain(u64 block) override;
    void give_back(u64 block) override;

    // FirmwareServices
    [[nodiscard]] std::optional<MachineActivity> activity() override;
    [[nodiscard]] bool configure_cpu(u16 address, bool configured) override;
    [[nodiscard]] bool polarize(bool vertical) override;
    [[nodiscard]] OwnShare share() const override { return m_dispatching ? m_dispatching->share() : OwnShare {}; }
    [[nodiscard]] bool ask(nlohmann::json event);
    void note_answer(u64 question, bool granted);
    void tell_of_cpus(bool vertical);

    // ConsoleSink
    void output(ConsoleKind console, std::string_view text) override;
    void input_room() override;

    std::unique_ptr<Machine> m_machine;
    /// Owned by the machine's CPUs.
    DispatchAdapter* m_dispatching { nullptr };
    /// The partition may know what the others use.
    bool m_global { false };
    bool m_ending { false };

    /// Taken before m_mutex.
    std::mutex m_asking_for_activity;
    /// Guards what follows.
    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    std::shared_ptr<Link> m_link;
    std::string m_state { "not-operating" };
    std::string m_why;
    nlohmann::json m_last_cpus = nlohmann::json::array();
    Job m_job { Job::none };
    bool m_running { false };
    /// Blocks that were handed over and are not in use yet, and why others are refused.
    HeldBlocks m_blocks;
    std::map<u64, std::string> m_refused;
    /// Blocks in use, kept for the next firmware.
    HeldBlocks m_held;
    /// Shown by the consoles while there was no firmware, the end of it.
    std::string m_unseen;
    /// Questions that were asked, and the answers that came and were not taken.
    u64 m_last_question { 0 };
    std::map<u64, bool> m_answers;
    /// What arrived of the machine's activity, and the last that was complete.
    u64 m_arriving_question { 0 };
    MachineActivity m_arriving;
    MachineActivity m_known;
    std::chrono::steady_clock::time_point m_known_at {};
    std::jthread m_runner;
};

} // namespace zvisor
