#pragma once

#include "arch/model.h"
#include "base/stopwatch.h"
#include "channel/channel_subsystem.h"
#include "cpu/cpu_group.h"
#include "engine/make_engine.h"
#include "partition/channel_adapter.h"
#include "partition/firmware_services.h"
#include "partition/ipl.h"
#include "partition/storage_zone.h"
#include "service/ipl_parameters.h"
#include "service/service_processor.h"
#include "service/system_information.h"
#include "service/watchdog.h"

#include <condition_variable>
#include <memory>
#include <mutex>

namespace zvisor {

/// What a partition is made of; validated by who fills it in.
struct PartitionConfig {
    /// Bytes of storage after IPL.
    u64 memory { u64 { 1 } << 30 };
    /// Bytes of storage at most; what is above `memory` is standby storage. 0: as `memory`.
    u64 maximum_memory { 0 };
    /// Bytes of a block that storage comes in; both of the above are multiples.
    u64 block_size { u64 { 64 } << 20 };
    /// Where blocks come from; it must outlive the partition. Null: private memory of the process, without standby storage.
    StorageBlocks* blocks { nullptr };
    /// Configured after activation.
    u16 cpus { 1 };
    /// What is above `cpus` is in standby at first. 0: as `cpus`.
    u16 maximum_cpus { 0 };
    /// What the partition asks of the firmware; it must outlive the partition. Null: nobody but the host is there.
    FirmwareServices* firmware { nullptr };
    /// The group whose cap the partition shares, and the cap in hundredths of a physical CPU; empty and 0: none.
    std::string group;
    u32 group_cap_hundredths { 0 };
    /// The book each CPU lies in, by address; none: all in one.
    std::vector<u8> books {};
    OfferedModel model;
    MachineIdentity identity;
    ConsoleOptions consoles;
    std::string load_parameter;
    EngineOptions engine;
};

/// How a partition came to its end.
struct Outcome {
    enum class Kind : u8 { powered_off, disabled_wait, ended };
    Kind kind { Kind::ended };
    /// For a disabled wait: the CPU and its PSW.
    u16 cpu { 0 };
    Psw psw {};
};

/// What the CPUs of a partition asked of the machine around them; counted while it runs.
struct PartitionActivity {
    std::atomic<u64> service_calls { 0 };
    std::atomic<u64> diagnoses { 0 };
};

/// One guest's machine: its CPUs, its storage, its channel-subsystem image and the services around them.
class Partition final : private ServiceSignalSink, private ConfigurationSink, private MachineServices, private CpuEntitlements {
public:
    /// `console` must outlive the partition.
    [[nodiscard]] static Result<std::unique_ptr<Partition>> create(PartitionConfig config, ConsoleSink& console);
    ~Partition() override;

    [[nodiscard]] ChannelSubsystem& channels() { return m_channels; }
    [[nodiscard]] ServiceProcessor& services() { return m_services; }
    [[nodiscard]] CpuGroup& cpus() { return m_cpus; }
    [[nodiscard]] AbsoluteStorage& storage() { return m_zone.storage(); }
    [[nodiscard]] const PartitionActivity& activity() const { return m_activity; }
    /// The firmware grants the CPUs other entitlements than before; from any thread.
    void entitlements_changed() { m_topology.changed(); }
    [[nodiscard]] const CpuConfiguration& cpu_configuration() const { return m_cpu_configuration; }
    [[nodiscard]] u64 channel_starts() const { return m_channel_adapter.starts(); }

    /// Makes the CPUs' threads, which `run` does too; for who may not make threads later.
    void make_threads();
    /// Loads the program, starts CPU 0 with its PSW and returns when the partition has ended. A program that
    /// IPLs again gets a reset machine and `program` anew, as one that is loaded by another `run` does.
    [[nodiscard]] Result<Outcome> run(const IplProgram& program);
    /// Makes `run` return with Outcome::ended; from any thread.
    void end();

    // The operator's functions while `run` runs, from one other thread.
    /// Stops the CPUs that operate; `run` goes on. False when they are stopped already.
    [[nodiscard]] bool stop();
    /// Starts the CPUs that `stop` stopped. False when it stopped none.
    [[nodiscard]] bool start();
    /// Clear reset of everything, after `run` has returned.
    [[nodiscard]] Result<void> reset();
    /// Takes one line a service call (SCLP): CPU, command, SCCB and response. Before `run`.
    void trace_services(std::function<void(std::string_view)> hook) { m_service_trace = std::move(hook); }

private:
    Partition(PartitionConfig config, ConsoleSink& console, StorageZone zone, CpuConfiguration cpus, StorageConfiguration increments);

    enum class Request : u8 { none, ipl, end };

    [[nodiscard]] Result<void> load(const IplProgram& program);
    [[nodiscard]] Result<void> reset_all();
    void stop_all();
    [[nodiscard]] std::optional<Outcome> outcome();
    void request(Request what);

    // ServiceSignalSink
    void service_signal(u32 parameter) override;
    [[nodiscard]] u32 pending_service_signal() const override { return m_service_signal.load(); }

    // ConfigurationSink
    bool configure_cpu(u16 caller, u16 address) override;
    bool deconfigure_cpu(u16 caller, u16 address) override;
    bool assign_storage(u16 caller, u64 start, u64 length) override;
    bool unassign_storage(u16 caller, u64 start, u64 length) override;

    // CpuEntitlements
    [[nodiscard]] bool vertical() const override;
    [[nodiscard]] Polarization polarization(u16 address) const override;
    [[nodiscard]] bool polarize(bool vertical) override;
    [[nodiscard]] u32 capability_limit() const override;

    // MachineServices
    u8 service_call(Cpu& cpu, u32 command, u64 sccb) override;
    void trace_service(const Cpu& cpu, u32 command, u64 sccb, u8 condition_code);
    bool store_system_information(Cpu& cpu, u8 function, u8 selector_1, u16 selector_2, std::span<std::byte, 4096> block) override;
    u8 current_level() override { return m_information.current_level(); }
    bool diagnose(Cpu& cpu, u16 code, u8 r1, u8 r3) override;
    bool control_program_instruction(Cpu& cpu, u16 opcode) override;
    u64 extract_cpu_attribute(u8 attribute, u8 level, u8 type) override;
    u64 cpu_identification(Cpu&) override { return m_information.cpu_id(); }
    u8 perform_topology_function(Cpu& cpu, u8 function, u8& reason) override;
    void store_hypervisor_information(Cpu& cpu, std::span<std::byte, 4096> block) override;
    std::optional<u32> take_service_signal() override;
    bool service_signal_pending() override { return m_service_signal.load() != 0; }
    void cpu_halted(Cpu& cpu) override;

    // DIAGNOSE functions (partition/diagnose.cpp).
    using Diagnose = bool (Partition::*)(Cpu&, u8 r1, u8 r3);
    struct DiagnoseCode {
        u16 code;
        Diagnose function;
    };
    static const DiagnoseCode diagnose_codes[];
    bool control_program_command(Cpu& cpu, u8 r1, u8 r3);
    bool release_pages(Cpu& cpu, u8 r1, u8 r3);
    bool yield(Cpu& cpu, u8 r1, u8 r3);
    bool yield_to(Cpu& cpu, u8 r1, u8 r3);
    bool page_fault_handshake(Cpu& cpu, u8 r1, u8 r3);
    bool storage_limits(Cpu& cpu, u8 r1, u8 r3);
    bool watchdog(Cpu& cpu, u8 r1, u8 r3);
    bool ipl_functions(Cpu& cpu, u8 r1, u8 r3);
    bool virtio_notify(Cpu& cpu, u8 r1, u8 r3);
    bool logical_cpu_utilization(Cpu& cpu, u8 r1, u8 r3);
    bool type_names(Cpu& cpu, u8 r1, u8 r3);
    void reset_for_restart(Cpu& cpu, bool clear);

    // What the partition knows of itself and of others (partition/activity.cpp).
    [[nodiscard]] MachineActivity machine_activity(Cpu& cpu);
    [[nodiscard]] MachineActivity own_activity();
    [[nodiscard]] LogicalCpuActivity cpu_activity(u16 address);
    [[nodiscard]] bool store_utilization(Cpu& cpu, u8 r1, u32 subcode, u64 pages);

    PartitionConfig m_config;
    StorageZone m_zone;
    AbsoluteStorage* m_storage;
    CpuConfiguration m_cpu_configuration;
    StorageConfiguration m_increments;
    ChannelSubsystem m_channels;
    ChannelAdapter m_channel_adapter;
    Topology m_topology;
    SystemInformation m_information;
    ServiceProcessor m_services;
    IplParameters m_ipl_parameters;
    Watchdog m_watchdog;
    PartitionActivity m_activity;
    /// How long each CPU has been configured.
    std::vector<Stopwatch> m_online;
    std::atomic<u32> m_service_signal { 0 };
    std::function<void(std::string_view)> m_service_trace;
    CpuGroup m_cpus;

    std::mutex m_mutex;
    std::condition_variable m_changed;
    Request m_request { Request::none };
    bool m_threads_made { false };
    /// Storage and CPUs are as after a reset.
    bool m_clear { true };
    /// The CPUs the operator stopped; while there are any the partition has not ended.
    std::vector<Cpu*> m_stopped;
};

} // namespace zvisor
