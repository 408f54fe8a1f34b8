#pragma once

#include "prsm/control_groups.h"
#include "prsm/dispatcher.h"
#include "prsm/event_log.h"
#include "prsm/managed_partition.h"
#include "prsm/memory_shortage.h"
#include "prsm/partition_dump.h"
#include "prsm/storage_mover.h"

#include "base/event_fd.h"

#include <functional>
#include <thread>

namespace zvisor {

/// Where and with what the firmware works.
struct FirmwareOptions {
    /// Folder of the machine's sockets, for this user alone.
    std::string folder;
    /// The program partitions' processes run.
    std::string program;
    /// Starts the process of a network, as the definition describes it, and gives the partition's end of the wire.
    std::function<Result<UniqueFd>(const std::string& network)> start_network {};
    /// File of the state that survives the firmware; empty: in the folder.
    std::string state {};
    /// An order that a partition does not answer within this is given up.
    std::chrono::milliseconds order_patience { ManagedPartition::patience };
    /// What a partition's process may use of the host's CPUs while its logical CPUs are not dispatched.
    UndispatchedTime::Limits undispatched {};
    /// The host's counters of its memory.
    std::string memory_counters { "/proc/vmstat" };
    /// Where processes of partitions are put.
    ControlGroups control_groups {};
};

/// What a partition has on a board: blocks, and configured CPUs that are placed there.
struct BoardPart {
    u64 blocks { 0 };
    u16 cpus { 0 };
};

/// What a viewer sees of a partition at one time.
struct PartitionStatus {
    PartitionDefinition definition;
    PartitionState state { PartitionState::not_activated };
    std::string why;
    /// Process of the partition, 0 when it has none.
    int pid { 0 };
    /// Bytes of storage it has.
    u64 storage { 0 };
    /// CPU time of its process in nanoseconds, system-assist processors included.
    u64 cpu_time { 0 };
    /// Where the time of its logical CPUs went, since its activation.
    std::vector<prsm::LogicalCpuUsage> cpus;
    /// In the order of the definition's boards; none when it has none.
    std::vector<BoardPart> boards {};
};

/// What an operator changes of a partition while it runs; nothing: stays.
struct PartitionChange {
    /// 1..999.
    std::optional<u32> weight {};
    std::optional<bool> capped {};
    /// In hundredths of a physical CPU; 0: none.
    std::optional<u32> cap_hundredths {};
    /// Vertical polarization of its logical CPUs.
    std::optional<bool> vertical {};
};

/// The firmware of a machine: its partitions, what each may use, and what is done to them. Methods may be called from any thread; those
/// that change a partition wait for its answer. Names are those of the definition.
class Firmware final : private PartitionObserver {
public:
    [[nodiscard]] static Result<std::unique_ptr<Firmware>> create(MachineDefinition definition, FirmwareOptions options);
    ~Firmware() override;

    [[nodiscard]] const MachineDefinition& definition() const { return m_definition; }
    [[nodiscard]] EventLog& events() { return m_events; }
    [[nodiscard]] const StoragePool& storage() const { return m_storage; }
    [[nodiscard]] std::vector<PartitionStatus> partitions() const;
    [[nodiscard]] Result<PartitionStatus> partition(std::string_view name) const;
    /// Its console, for reading and typing.
    [[nodiscard]] Result<ConsoleBuffer*> console(std::string_view name);
    [[nodiscard]] Result<void> type(std::string_view name, std::string_view text);

    /// Gives a partition its process and storage; its program is not loaded.
    [[nodiscard]] Result<void> activate(std::string_view name);
    /// Takes both away, running program or not.
    [[nodiscard]] Result<void> deactivate(std::string_view name);
    /// Loads the program into cleared storage and starts it; a running program is ended.
    [[nodiscard]] Result<void> load(std::string_view name);
    /// Stops and starts the CPUs.
    [[nodiscard]] Result<void> stop(std::string_view name);
    [[nodiscard]] Result<void> start(std::string_view name);
    /// Clears CPUs, channels and storage.
    [[nodiscard]] Result<void> reset(std::string_view name);
    /// Asks the program to shut down: its guest agent, or when none listens or it does not do it at once, by a signal of the service
    /// processor. A program that takes no signals may wake up its agent for a while; then it is an error.
    [[nodiscard]] Result<void> shut_down(std::string_view name);

    /// Changes properties at once, activated or not; they hold in later activations, too.
    [[nodiscard]] Result<void> set(std::string_view name, const PartitionChange& change);
    /// Moves `bytes` of storage between two activated partitions; see StorageMover. One move at a time.
    [[nodiscard]] Result<void> move_memory(std::string_view from, std::string_view to, u64 bytes, const MoveWatch& watch);
    /// Has the program in `from` give up CPUs and that in `to` take as many, through their agents. On an error the CPU that was under way
    /// is at `from` again, if that takes it; those before it have moved.
    [[nodiscard]] Result<void> move_cpus(std::string_view from, std::string_view to, u16 count, const MoveWatch& watch);
    /// Moves what `from` has on a board: its storage there, and as many CPUs as it has placed there.
    [[nodiscard]] Result<void> move_board(std::string_view board, std::string_view from, std::string_view to, const MoveWatch& watch);
    /// Writes what a partition has in storage and registers to a new file (see write_dump); its CPUs stand still meanwhile. One that failed
    /// has the registers with which its program had given up before, or none.
    [[nodiscard]] Result<DumpSize> dump(std::string_view name, const std::string& path, const MoveWatch& watch);
    [[nodiscard]] const ControlGroups& control_groups() const { return m_options.control_groups; }
    /// What the dispatching of logical CPUs costs.
    [[nodiscard]] prsm::DispatcherUsage dispatching() const { return m_dispatcher->usage(); }

    /// Takes up the partitions an earlier firmware left running, then activates and loads every other with autostart; what fails is an
    /// event.
    void start_all();

private:
    Firmware(MachineDefinition definition, FirmwareOptions options, std::unique_ptr<Store> store, EventFd bell);

    // PartitionObserver
    void state_changed(ManagedPartition& partition, PartitionState state, const std::string& why) override;
    [[nodiscard]] Result<UniqueFd> block_wanted(ManagedPartition& partition, u64 block) override;
    [[nodiscard]] bool block_adopted(ManagedPartition& partition, const UniqueFd& block) override;
    [[nodiscard]] bool cpu_wanted(ManagedPartition& partition, u16 cpu, bool configured) override;
    [[nodiscard]] bool polarization_wanted(ManagedPartition& partition, bool vertical) override;
    [[nodiscard]] std::vector<nlohmann::json> activity_wanted(ManagedPartition& partition) override;
    void noted(ManagedPartition& partition, const std::string& text) override { m_events.add_told(partition.definition().name, text); }
    void watch_changed() override { m_bell.ring(); }
    void block_given_back(ManagedPartition& partition, UniqueFd block) override;

    /// What poll says of a partition's descriptors.
    struct Watched {
        bool link { false };
        bool errors { false };
        bool process { false };
    };

    [[nodiscard]] Result<ManagedPartition*> find(std::string_view name) const;
    [[nodiscard]] Result<HeldBlocks> initial_blocks(const PartitionDefinition& partition);
    [[nodiscard]] Result<void> start_process(ManagedPartition& partition);
    [[nodiscard]] Result<void> create_in_process(ManagedPartition& partition);
    void take_up(ManagedPartition& partition);
    [[nodiscard]] std::string socket_of(const ManagedPartition& partition) const;
    void remember(const ManagedPartition& partition);
    void audit(std::string_view partition, std::string_view text);
    void end_process(ManagedPartition& partition, const std::string& why);
    [[nodiscard]] Result<DumpSize> dump_stopped(ManagedPartition& partition, const std::string& path, const MoveWatch& watch) const;
    [[nodiscard]] static Result<LinkMessage> order_quiesce(ManagedPartition& partition, bool agent_first);
    [[nodiscard]] static bool ask_agent_to_shut_down(ManagedPartition& partition, std::chrono::milliseconds time);
    [[nodiscard]] Result<void> simple_order(std::string_view name, std::string_view order);
    [[nodiscard]] Result<std::pair<ManagedPartition*, ManagedPartition*>> find_both(
        std::string_view from, std::string_view to, std::string_view what) const;
    [[nodiscard]] u16 configured_cpus(const ManagedPartition& partition) const;
    [[nodiscard]] Result<void> check_cpu_move(const ManagedPartition& from, const ManagedPartition& to, u16 count) const;
    /// CPUs to choose among, by address; null: all.
    using CpuChoice = std::function<bool(u64)>;
    [[nodiscard]] Result<u64> change_cpu(ManagedPartition& partition, bool online, const MoveWatch& watch, const CpuChoice& choice = {});
    [[nodiscard]] Result<void> move_cpu(ManagedPartition& from, ManagedPartition& to, const MoveWatch& watch, const CpuChoice& choice);
    [[nodiscard]] Result<void> move_each_cpu(
        ManagedPartition& from, ManagedPartition& to, u16 count, const MoveWatch& watch, const CpuChoice& choice = {});
    [[nodiscard]] std::vector<BoardPart> parts_on_boards(const ManagedPartition& partition) const;
    [[nodiscard]] static Result<UniqueFd> connect_agent(ManagedPartition& partition);
    [[nodiscard]] Result<void> start_dispatcher();
    [[nodiscard]] Result<std::shared_ptr<DispatchRegion>> dispatch(ManagedPartition& partition);
    [[nodiscard]] PartitionStatus status_of(const ManagedPartition& partition) const;
    [[nodiscard]] Result<void> change_share(ManagedPartition& partition, const PartitionChange& change);
    [[nodiscard]] Result<void> restore_properties(ManagedPartition& partition);
    void end_reported();
    void end_hostile(ManagedPartition& partition, const std::string& why);
    void give_storage_to_host(ManagedPartition& partition);
    void watch(const std::stop_token& stop);
    void listen(ManagedPartition& partition, const Watched& watched);
    void look_at_times(std::chrono::steady_clock::time_point now);

    MachineDefinition m_definition;
    FirmwareOptions m_options;
    std::unique_ptr<Store> m_store;
    EventLog m_events;
    StoragePool m_storage;
    StorageReserve m_reserve { m_storage };
    std::unique_ptr<prsm::Dispatcher> m_dispatcher;
    std::vector<std::unique_ptr<ManagedPartition>> m_partitions;
    /// Each activation has another number for the dispatcher, so that what it says of one that ended is not taken for the next.
    std::atomic<prsm::PartitionId> m_dispatched { 0 };
    /// Partitions the dispatcher reported, and why; the watching thread ends them.
    std::mutex m_reports_mutex;
    std::map<prsm::PartitionId, std::string> m_reports;
    /// Held while something is moved between partitions.
    std::mutex m_moving;
    /// Held while the share of a partition changes; orders are not waited for under it.
    std::mutex m_sharing;
    /// Rings when there is something else to watch.
    EventFd m_bell;
    /// The watching thread's: when it last looked at CPU times, and whether the host has memory.
    std::chrono::steady_clock::time_point m_times_seen {};
    MemoryShortage m_shortage;
    std::jthread m_watcher;
};

} // namespace zvisor
