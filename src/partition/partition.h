#pragma once

#include "arch/model.h"
#include "channel/channel_subsystem.h"
#include "cpu/cpu_group.h"
#include "engine/make_engine.h"
#include "partition/channel_adapter.h"
#include "partition/ipl.h"
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
    u64 memory { u64 { 1 } << 30 };
    u16 cpus { 1 };
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
class Partition final : private ServiceSignalSink, private ConfigurationSink, private MachineServices {
public:
    /// `console` must outlive the partition.
    [[nodiscard]] static Result<std::unique_ptr<Partition>> create(PartitionConfig config, ConsoleSink& console);
    ~Partition() override;

    [[nodiscard]] ChannelSubsystem& channels() { return m_channels; }
    [[nodiscard]] ServiceProcessor& services() { return m_services; }
    [[nodiscard]] CpuGroup& cpus() { return m_cpus; }
    [[nodiscard]] AbsoluteStorage& storage() { return *m_storage; }
    [[nodiscard]] const PartitionActivity& activity() const { return m_activity; }
    [[nodiscard]] u64 channel_starts() const { return m_channel_adapter.starts(); }

    /// Loads the program, starts CPU 0 with its PSW and returns when the partition has ended. A program that
    /// IPLs again gets a reset machine and `program` anew.
    [[nodiscard]] Result<Outcome> run(const IplProgram& program);
    /// Makes `run` return with Outcome::ended; from any thread.
    void end();
    /// Takes one line a service call (SCLP): CPU, command, SCCB and response. Before `run`.
    void trace_services(std::function<void(std::string_view)> hook) { m_service_trace = std::move(hook); }

private:
    Partition(PartitionConfig config, ConsoleSink& console, std::unique_ptr<AbsoluteStorage> storage, CpuConfiguration cpus,
        StorageConfiguration increments);

    enum class Request : u8 { none, ipl, end };

    [[nodiscard]] Result<void> load(const IplProgram& program);
    void reset_all();
    void stop_all();
    [[nodiscard]] std::optional<Outcome> outcome();
    void request(Request what);

    // ServiceSignalSink
    void service_signal(u32 parameter) override;
    [[nodiscard]] u32 pending_service_signal() const override { return m_service_signal.load(); }

    // MachineServices
    u8 service_call(Cpu& cpu, u32 command, u64 sccb) override;
    void trace_service(const Cpu& cpu, u32 command, u64 sccb, u8 condition_code);
    bool store_system_information(Cpu& cpu, u8 function, u8 selector_1, u16 selector_2, std::span<std::byte, 4096> block) override;
    u8 current_level() override { return m_information.current_level(); }
    bool diagnose(Cpu& cpu, u16 code, u8 r1, u8 r3) override;
    bool control_program_instruction(Cpu& cpu, u16 opcode) override;
    u64 extract_cpu_attribute(u8 attribute, u8 level, u8 type) override;
    u64 cpu_identification(Cpu&) override { return m_information.cpu_id(); }
    u8 perform_topology_function(u8 function, u8& reason) override;
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
    void reset_for_restart(Cpu& cpu, bool clear);

    PartitionConfig m_config;
    std::unique_ptr<AbsoluteStorage> m_storage;
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
    std::atomic<u32> m_service_signal { 0 };
    std::function<void(std::string_view)> m_service_trace;
    CpuGroup m_cpus;

    std::mutex m_mutex;
    std::condition_variable m_changed;
    Request m_request { Request::none };
};

} // namespace zvisor
