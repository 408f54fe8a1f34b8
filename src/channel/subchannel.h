#pragma once

#include "channel/channel_monitor.h"
#include "channel/channel_program.h"
#include "channel/interruption_queue.h"
#include "channel/sap_pool.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace zvisor {

/// What the subchannels of one channel subsystem share.
struct SubchannelContext {
    AbsoluteStorage& storage;
    InterruptionQueue& interruptions;
    SapPool& saps;
    ChannelMonitor& monitor;
    /// Set by SET ADDRESS LIMIT.
    std::atomic<u64>& address_limit;
    /// Receives one line a channel command while set; see ChannelSubsystem::trace.
    std::function<void(std::string_view)>& trace;
};

/// One I/O subchannel with the device behind it: the functions of PoP ch. 14-15 and the status of ch. 16.
/// Methods return the condition code of the instruction of the same name. Any thread may call them.
class Subchannel final : public SapWork, public DevicePort, private ProgramObserver {
public:
    Subchannel(SubchannelContext context, SubsystemId id, u16 device_number, u8 channel_path, std::unique_ptr<Device> device);
    ~Subchannel() override;

    [[nodiscard]] u8 start(const Orb& orb);
    [[nodiscard]] u8 halt();
    [[nodiscard]] u8 clear();
    [[nodiscard]] u8 resume();
    [[nodiscard]] u8 cancel();
    [[nodiscard]] u8 modify(const Schib& schib);
    [[nodiscard]] Schib store() const;
    /// Stores status and clears what TEST SUBCHANNEL clears.
    [[nodiscard]] u8 test(Irb& irb);

    /// I/O-system reset: ends what is under way, then the subchannel and its device are as after power-on.
    void system_reset();

    [[nodiscard]] SubsystemId id() const { return m_id; }
    [[nodiscard]] u16 device_number() const { return m_device_number; }
    [[nodiscard]] u8 channel_path() const { return m_channel_path; }
    [[nodiscard]] Device& device() { return *m_device; }

    // DevicePort
    [[nodiscard]] AbsoluteStorage& storage() override { return m_context.storage; }
    void present_alert(DeviceStatus status) override;
    void raise_adapter_interruption(u8 isc) override;

    // SapWork
    [[nodiscard]] bool serve() override;

private:
    // ProgramObserver
    [[nodiscard]] bool stop_requested() const override { return m_stop; }
    void program_controlled_interruption() override;
    void first_command_accepted() override;
    [[nodiscard]] bool take_resume() override;
    void command_ended(const Ccw& ccw, const ProgramEnding& ending) override;

    [[nodiscard]] Schib initial_schib() const;
    [[nodiscard]] bool operational() const;
    [[nodiscard]] bool has(u32 bit) const { return m_schib.scsw.has(bit); }
    void request_stop();
    void begin();
    [[nodiscard]] bool may_run() const;
    void note_progress(ChannelProgram::Progress progress);
    void finish();
    void store_sense(DeviceStatus status);
    void suspend();
    void perform_clear();
    void perform_halt();
    void make_pending(u32 status);
    void clear_status();
    void present_held_alert();

    SubchannelContext m_context;
    const SubsystemId m_id;
    const u16 m_device_number;
    const u8 m_channel_path;
    std::unique_ptr<Device> m_device;

    mutable std::mutex m_mutex;
    Schib m_schib;
    Esw m_esw {};
    std::array<u8, concurrent_sense_size> m_extended_control {};
    Orb m_orb {};
    std::optional<DeviceStatus> m_held_alert;
    bool m_resume { false };

    /// Touched only by the SAP that serves.
    std::optional<ChannelProgram> m_program;
    std::chrono::steady_clock::time_point m_connected_since;
    std::atomic<bool> m_stop { false };
};

} // namespace zvisor
