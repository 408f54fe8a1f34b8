#pragma once

#include "prsm/allowance.h"
#include "prsm/console_buffer.h"
#include "prsm/definition.h"
#include "prsm/error_output.h"
#include "prsm/guest_agent.h"
#include "prsm/link.h"
#include "prsm/partition_dump.h"
#include "prsm/process.h"
#include "prsm/share.h"
#include "prsm/storage_pool.h"
#include "prsm/store.h"
#include "prsm/undispatched_time.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>

namespace zvisor {

/// What a partition does, in the words of the hardware management console where it has them.
enum class PartitionState : u8 {
    not_activated, ///< has no process and no storage
    not_operating, ///< activated; no program runs
    operating,
    stopped,       ///< the operator stopped its CPUs
    disabled_wait, ///< the program gave up
    failed,        ///< its process ended unasked; its storage is kept
};

[[nodiscard]] std::string_view name_of(PartitionState state);

class ManagedPartition;

/// Told what happens in partitions, on the firmware's watching thread or that of an order.
struct PartitionObserver {
    virtual ~PartitionObserver() = default;
    virtual void state_changed(ManagedPartition& partition, PartitionState state, const std::string& why) = 0;
    /// The program assigns storage to itself: a new block, or an error that refuses it.
    [[nodiscard]] virtual Result<UniqueFd> block_wanted(ManagedPartition& partition, u64 block) = 0;
    /// A partition that is taken up has this block; false when it cannot be one of the machine's.
    [[nodiscard]] virtual bool block_adopted(ManagedPartition& partition, const UniqueFd& block) = 0;
    /// The program configures or deconfigures a CPU; false: refused.
    [[nodiscard]] virtual bool cpu_wanted(ManagedPartition& partition, u16 cpu, bool configured) = 0;
    /// The program asks for vertical or horizontal polarization; false: refused.
    [[nodiscard]] virtual bool polarization_wanted(ManagedPartition& partition, bool vertical) = 0;
    /// The program wants to know what the partitions of the machine used: orders `activity`, none when it may not.
    [[nodiscard]] virtual std::vector<nlohmann::json> activity_wanted(ManagedPartition& partition) = 0;
    /// Something the operator is to know of it, as often as its process likes.
    virtual void noted(ManagedPartition& partition, const std::string& text) = 0;
    /// Descriptors to watch have changed.
    virtual void watch_changed() = 0;
    /// The program took a block out of use.
    virtual void block_given_back(ManagedPartition& partition, UniqueFd block) = 0;
};

/// The firmware's end of one partition: its process, the orders to it and what it says. Nothing that comes from the process is believed
/// beyond its own state and its console.
class ManagedPartition {
public:
    /// An order that is not answered within this is given up: the partition does not answer.
    static constexpr std::chrono::milliseconds patience { 30'000 };
    /// A partition that asks for the activity again within this time is not told.
    static constexpr std::chrono::milliseconds activity_interval { 50 };

    ManagedPartition(PartitionDefinition definition, PartitionObserver& observer, std::chrono::milliseconds order_patience = patience,
        UndispatchedTime::Limits time_limits = {})
        : m_definition(std::move(definition))
        , m_observer(observer)
        , m_order_patience(order_patience)
        , m_time_limits(time_limits)
    {
    }

    [[nodiscard]] const PartitionDefinition& definition() const { return m_definition; }
    [[nodiscard]] PartitionState state() const;
    /// Why it is in this state; may be empty.
    [[nodiscard]] std::string why() const;
    /// 0 without a process.
    [[nodiscard]] pid_t pid() const;
    /// CPU time of its process, in nanoseconds.
    [[nodiscard]] u64 cpu_time() const;
    [[nodiscard]] ConsoleBuffer& console() { return m_console; }

    /// Held by an order that changes the partition, so that they come one after the other.
    [[nodiscard]] std::mutex& changing() { return m_changing; }
    /// The end of a new pipe that the process is to have as its standard error.
    [[nodiscard]] Result<UniqueFd> open_error_output();
    /// Takes over a started process, the link to it, and the blocks it begins with; hands it those.
    [[nodiscard]] Result<void> attach(PartitionProcess process, std::shared_ptr<Link> link, HeldBlocks blocks);
    /// Takes up a partition that another firmware left running: its state, and the blocks it has.
    [[nodiscard]] Result<void> adopt(PartitionProcess process, std::shared_ptr<Link> link, std::span<const int> dispatch_region);
    /// How it takes part in the physical CPUs now.
    [[nodiscard]] prsm::PartitionShare share() const;
    /// What the dispatcher knows this activation by; 0 before the first.
    [[nodiscard]] prsm::PartitionId dispatch_id() const { return m_dispatch_id.load(); }
    void set_dispatch_id(prsm::PartitionId id) { m_dispatch_id = id; }
    void set_share(prsm::PartitionShare share);
    /// Its program's agent, whether or not one runs; null when it has no port for one.
    [[nodiscard]] std::shared_ptr<GuestAgent> agent() const;
    void set_agent(std::shared_ptr<GuestAgent> agent);
    /// What finds the process again; nothing without one.
    [[nodiscard]] std::optional<StoredProcess> stored_process() const;
    /// Registers of its CPUs as its process told them when the program gave up; none after it did something else.
    [[nodiscard]] std::vector<CpuStatus> last_registers() const;
    /// Number of blocks it has.
    [[nodiscard]] u64 block_count() const;
    /// Descriptors of its blocks besides the partition's own.
    [[nodiscard]] Result<HeldBlocks> copy_blocks() const;
    /// Takes all blocks from one that has no process any more; none from one that has another by now.
    [[nodiscard]] HeldBlocks take_blocks();
    /// Gives an order and waits for its answer, at most as long as the patience it was made with.
    [[nodiscard]] Result<nlohmann::json> order(
        std::string_view name, nlohmann::json members = nlohmann::json::object(), std::span<const int> files = {});
    /// Types at the console. What the program does not take now is typed as it goes on reading.
    void type(std::string_view text);
    /// The partition has been activated.
    void activated() { become(PartitionState::not_operating, "it was activated"); }
    /// Ends the process; the watching thread finds it ended.
    void kill_process();
    /// Ends the process; the state becomes not_activated.
    void deactivate(const std::string& why);

    // For the watching thread.
    /// Descriptors of the link, the standard error and the process, -1 without.
    [[nodiscard]] int link_fd() const;
    [[nodiscard]] int error_fd() const;
    [[nodiscard]] int process_fd() const;
    /// What it says may be listened to: it has not taken more than its part of the watching thread's time, a tenth.
    [[nodiscard]] bool is_heard(Allowance::Time now) { return m_hearing.left(now) > 0; }
    /// Listening to it has taken so long.
    void heard(std::chrono::nanoseconds took, Allowance::Time now) { m_hearing.spend(std::chrono::duration<double>(took).count(), now); }
    /// Compares what its process used of the host's CPUs with what its logical CPUs were dispatched.
    [[nodiscard]] UndispatchedTime::Verdict look_at_time(Allowance::Time now, std::chrono::nanoseconds dispatched);
    /// The link is readable: handles one message.
    void receive();
    /// The standard error is readable.
    void read_errors();
    /// The process has ended.
    void process_ended();

private:
    struct Reply {
        bool arrived { false };
        nlohmann::json body;
    };

    void become(PartitionState state, const std::string& why);
    void handle(LinkMessage& message);
    void take_reply(LinkMessage& message);
    void take_state(LinkMessage& message);
    void take_console(LinkMessage& message);
    void take_obtain(LinkMessage& message);
    void keep_block(u64 number, UniqueFd block);
    void take_give_back(LinkMessage& message);
    void take_held(LinkMessage& message);
    void take_configure_cpu(LinkMessage& message);
    void take_polarization(LinkMessage& message);
    void take_activity(LinkMessage& message);
    void answer(const LinkMessage& message, bool granted);
    [[nodiscard]] bool tell(const nlohmann::json& order, std::span<const int> files = {});
    void type_more();
    /// Fails every order that waits.
    void drop_link();
    /// The same if this is the partition's link still; false: it has another or none.
    bool lose_link(const Link& link);
    /// The same by the fault of the process.
    void break_link(const Link& link, const std::string& why);
    void read_last_errors();
    [[nodiscard]] std::string no_link() const;
    [[nodiscard]] std::function<void(std::string_view)> note_line();

    PartitionDefinition m_definition;
    PartitionObserver& m_observer;
    ConsoleBuffer m_console;
    std::atomic<prsm::PartitionId> m_dispatch_id { 0 };
    std::chrono::milliseconds m_order_patience;
    std::mutex m_changing;

    // The watching thread's: half a second of it at once, and a tenth all the time.
    Allowance m_hearing { 0.1, 0.5 };
    UndispatchedTime::Limits m_time_limits;
    UndispatchedTime m_time { m_time_limits };
    pid_t m_time_of { 0 };

    /// Guards its standard error; taken alone.
    mutable std::mutex m_error_mutex;
    ErrorOutput m_errors;

    /// Guards what follows.
    mutable std::mutex m_mutex;
    std::condition_variable m_replied;
    PartitionState m_state { PartitionState::not_activated };
    std::string m_why;
    std::shared_ptr<Link> m_link;
    std::shared_ptr<PartitionProcess> m_process;
    std::shared_ptr<GuestAgent> m_agent;
    HeldBlocks m_blocks;
    std::vector<CpuStatus> m_registers;
    prsm::PartitionShare m_share;
    u64 m_last_order { 0 };
    std::map<u64, Reply> m_replies;
    std::chrono::steady_clock::time_point m_activity_told {};
    /// Typed and not taken yet; and the order that is giving some of it, 0 for none.
    std::string m_typed;
    u64 m_typing { 0 };
};

} // namespace zvisor
