#pragma once

#include "arch/interruption.h"
#include "service/configuration.h"
#include "service/event_facility.h"
#include "service/sccb.h"
#include "service/storage_limits.h"
#include "service/topology.h"
#include "storage/absolute_storage.h"

#include <expected>
#include <mutex>
#include <string>

namespace zvisor {

/// What SCLP tells of the machine besides its CPUs and storage.
struct ServiceOptions {
    /// Load parameter, up to 8 characters of the operator's.
    std::string load_parameter;
    /// Host absolute addresses are below 2 to this power (Model::address_power).
    u8 address_power { 47 };
    /// The CPUs have enhanced suppression on protection (implied by the side-effect-access facility).
    bool enhanced_suppression_on_protection { false };
    /// Highest selector 2 of STSI 15.1.x; 0 without the configuration-topology facility.
    u8 topology_nesting { 0 };
    ConsoleOptions consoles;
};

/// What the service processor works on and reports to; everything outlives it.
struct ServiceEnvironment {
    AbsoluteStorage& storage;
    CpuConfiguration& cpus;
    StorageConfiguration& storage_increments;
    ConfigurationSink& configuration;
    ServiceSignalSink& signals;
    ConsoleSink& console;
    /// May be null: then SCLP does not offer channel-path commands.
    ChannelPathConfiguration* channel_paths { nullptr };
    /// May be null; told when CPUs are configured and deconfigured.
    Topology* topology { nullptr };
};

/// The service-call logical processor (SCLP): answers SERVICE CALL.
/// `service_call` may be called by several CPUs at once; all but one find it busy.
class ServiceProcessor {
public:
    ServiceProcessor(ServiceEnvironment environment, ServiceOptions options);

    /// Condition code 0 (done; a service signal is pending) or 2 (busy), or the program interruption recognized:
    /// specification (SCCB not on a doubleword, not below 2 GiB, in the first or the CPU's prefix area, or shorter than
    /// its header) or addressing. `command` and `sccb_address` are the operands R1 and R2 designate, the address absolute; `caller` is
    /// the CPU's address.
    [[nodiscard]] std::expected<u8, ProgramCode> service_call(u32 command, u64 sccb_address, u64 prefix, u16 caller = 0);

    /// Events and consoles: typing, quiesce, operator commands.
    [[nodiscard]] EventFacility& events() { return m_events; }
    /// Console input; see EventFacility::type.
    [[nodiscard]] std::size_t type(std::string_view input) { return m_events.type(input); }
    /// Asks the program to shut down; see EventFacility::request_quiesce.
    [[nodiscard]] bool request_quiesce() { return m_events.request_quiesce(); }
    /// Has the program look at its CPUs; see EventFacility::notify_cpus_changed.
    void notify_cpus_changed() { m_events.notify_cpus_changed(); }
    [[nodiscard]] bool quiescing() const { return m_events.quiescing(); }

    /// The storage now in the configuration, in ascending order.
    [[nodiscard]] std::vector<StorageExtent> storage_extents() const { return m_environment.storage_increments.extents(); }

    /// Name of a command for traces, "unknown" when SCLP has none such.
    [[nodiscard]] static std::string_view command_name(u32 command);

    /// Subsystem reset.
    void reset() { m_events.reset(); }

private:
    using Handler = SclpResponse (ServiceProcessor::*)(Sccb&, u8 id);
    struct Command {
        u32 code;
        std::string_view name;
        Handler handler;
    };
    static const Command commands[];
    [[nodiscard]] static const Command* find(u32 command);

    [[nodiscard]] SclpResponse execute(u32 command, Sccb& sccb, std::size_t room);

    [[nodiscard]] SclpResponse read_scp_info(Sccb& sccb, u8);
    [[nodiscard]] SclpResponse read_cpu_info(Sccb& sccb, u8);
    [[nodiscard]] SclpResponse configure_cpu(Sccb& sccb, u8 address);
    [[nodiscard]] SclpResponse deconfigure_cpu(Sccb& sccb, u8 address);
    void set_cpu_state(u8 address, CpuState state);
    [[nodiscard]] SclpResponse read_storage_element(Sccb& sccb, u8 element);
    [[nodiscard]] SclpResponse attach_storage_element(Sccb& sccb, u8 element);
    [[nodiscard]] SclpResponse assign_storage(Sccb& sccb, u8);
    [[nodiscard]] SclpResponse unassign_storage(Sccb& sccb, u8);
    [[nodiscard]] SclpResponse change_increment(Sccb& sccb, bool assign);
    [[nodiscard]] SclpResponse read_channel_path_info(Sccb& sccb, u8);
    [[nodiscard]] SclpResponse configure_channel_path(Sccb& sccb, u8 chpid);
    [[nodiscard]] SclpResponse deconfigure_channel_path(Sccb& sccb, u8 chpid);
    [[nodiscard]] SclpResponse change_channel_path(u8 chpid, bool configure);
    [[nodiscard]] SclpResponse write_event_mask(Sccb& sccb, u8) { return m_events.write_event_mask(sccb); }
    [[nodiscard]] SclpResponse write_event_data(Sccb& sccb, u8) { return m_events.write_event_data(sccb); }
    [[nodiscard]] SclpResponse read_event_data(Sccb& sccb, u8) { return m_events.read_event_data(sccb); }

    [[nodiscard]] u64 facilities() const;
    void fill_storage_size(ReadScpInfo& info) const;

    ServiceEnvironment m_environment;
    ServiceOptions m_options;
    EventFacility m_events;
    /// Held by the CPU whose command is executed; no CPU waits for it, since a command may wait for every CPU.
    std::mutex m_command;
    /// Address of that CPU.
    u16 m_caller { 0 };
};

} // namespace zvisor
