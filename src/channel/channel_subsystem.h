#pragma once

#include "arch/interruption.h"
#include "base/result.h"
#include "channel/chsc.h"
#include "channel/subchannel.h"

#include <deque>
#include <expected>
#include <map>
#include <shared_mutex>

namespace zvisor {

/// What an I/O instruction gives: a condition code, or the program interruption (operand exception) it ends with.
using IoCondition = std::expected<u8, ProgramCode>;

/// A condition code together with what the instruction stores; nothing is stored for condition code 3.
template<class T>
struct Stored {
    u8 condition_code;
    T block;
};
template<class T>
using IoStored = std::expected<Stored<T>, ProgramCode>;

/// The channel subsystem of one configuration (PoP ch. 13-17): subchannels in sets 0-3 with their devices, the pending I/O
/// interruptions and channel reports. The program sees the subchannels of the default channel subsystem as 0.s.nnnn.
///
/// One method an I/O instruction. `sid` is bits 32-63 of general register 1. Operands come as structures already copied from
/// storage; the caller has checked alignment, privilege and that what is stored can be stored, because TEST SUBCHANNEL,
/// STORE CHANNEL REPORT WORD and TEST PENDING INTERRUPTION consume what they return. Any thread may call any method.
class ChannelSubsystem final : private ChscSource {
public:
    /// `processors` is the number of SAP threads, at least 1.
    explicit ChannelSubsystem(AbsoluteStorage& storage, unsigned processors = 2);
    ~ChannelSubsystem() override;

    // Configuration.
    /// Attaches a device under a device number, which no other device of the subchannel set (0-3) has.
    /// Subchannel numbers are given in order. Before the guest runs, or followed by `report_subchannel`.
    [[nodiscard]] Result<SubsystemId> attach(u8 subchannel_set, u16 device_number, std::unique_ptr<Device> device);
    /// Takes a device away: its subchannel stays, without a valid device number, and a channel report becomes pending.
    void detach(SubsystemId id);
    /// Makes a channel report pending that a subchannel changed (hot plug).
    void report_subchannel(SubsystemId id);
    [[nodiscard]] Device* device(SubsystemId id) const;
    /// The device with this number, for IPL and operator commands.
    [[nodiscard]] std::optional<SubsystemId> find(u8 subchannel_set, u16 device_number) const;
    /// I/O-system reset (PoP ch. 17). No CPU of the configuration runs.
    void reset();

    // Listeners, set before the guest runs. They are called on any thread and must not call back.
    void on_interruption(std::function<void()> listener) { m_interruptions.on_interruption(std::move(listener)); }
    void on_channel_report(std::function<void()> listener) { m_report_listener = std::move(listener); }
    /// One line a channel command: device, command name, code and flags, count, ending status and residual count.
    void trace(std::function<void(std::string_view)> hook) { m_trace = std::move(hook); }

    // I/O instructions.
    [[nodiscard]] IoCondition start_subchannel(u32 sid, const Orb& orb);
    [[nodiscard]] IoStored<Irb> test_subchannel(u32 sid);
    [[nodiscard]] IoStored<Schib> store_subchannel(u32 sid);
    [[nodiscard]] IoCondition modify_subchannel(u32 sid, const Schib& schib);
    [[nodiscard]] IoCondition clear_subchannel(u32 sid);
    [[nodiscard]] IoCondition halt_subchannel(u32 sid);
    [[nodiscard]] IoCondition resume_subchannel(u32 sid);
    [[nodiscard]] IoCondition cancel_subchannel(u32 sid);
    [[nodiscard]] std::optional<IoInterruption> test_pending_interruption(u8 isc_mask) { return m_interruptions.take(isc_mask); }
    /// Condition code 0 with a report, or 1 with zeros.
    [[nodiscard]] Stored<Crw> store_channel_report_word();
    /// `gr1` and `gr2` are bits 32-63 of register 1 and all of register 2.
    [[nodiscard]] IoCondition set_channel_monitor(u32 gr1, u64 gr2);
    [[nodiscard]] IoCondition set_address_limit(u32 gr1);
    [[nodiscard]] IoCondition reset_channel_path(u32 gr1);
    [[nodiscard]] std::array<std::byte, 32> store_channel_path_status() const { return {}; }
    [[nodiscard]] IoCondition channel_subsystem_call(std::span<std::byte, chsc_block_size> block);
    /// SET INTERRUPTION CONTROL: operation 0 all, 1 single; anything else is an operand exception.
    [[nodiscard]] std::expected<void, ProgramCode> set_interruption_control(u16 operation, u8 isc);
    /// DIAGNOSE 500 subcode 3: the doorbell of a virtio device. A cookie, or a negative errno.
    [[nodiscard]] i64 notify(u32 sid, u64 queue, u64 cookie);

    // Interruptions, as the CPU takes them. `isc_mask` has ISC 0 in its leftmost bit, as control register 6 has.
    [[nodiscard]] bool pending(u8 isc_mask) const { return m_interruptions.pending(isc_mask); }
    [[nodiscard]] std::optional<IoInterruption> take(u8 isc_mask) { return m_interruptions.take(isc_mask); }
    /// An adapter interruption; `suppressible` ones obey the mode SET INTERRUPTION CONTROL set.
    void raise_adapter(u8 isc, bool suppressible = false) { m_interruptions.add_adapter(isc, suppressible); }
    [[nodiscard]] bool channel_report_pending() const { return m_report_pending; }

private:
    static constexpr unsigned subchannel_sets = 4;
    using Set = std::vector<std::shared_ptr<Subchannel>>;

    template<class Function>
    IoCondition with_subchannel(u32 sid, Function function);
    [[nodiscard]] bool is_addressable(SubsystemId id) const;
    [[nodiscard]] std::shared_ptr<Subchannel> lookup(SubsystemId id) const;
    [[nodiscard]] std::vector<std::shared_ptr<Subchannel>> all() const;
    [[nodiscard]] u8 path_for(u8 type);
    void add_report(Crw crw);

    // ChscSource
    [[nodiscard]] std::optional<ChannelPath> channel_path(u8 id) const override;
    [[nodiscard]] std::optional<Schib> subchannel_information(u8 subchannel_set, u16 number) const override;
    void enable_subchannel_sets() override { m_sets_enabled = true; }

    AbsoluteStorage& m_storage;
    InterruptionQueue m_interruptions;
    std::function<void(std::string_view)> m_trace;
    std::atomic<u64> m_address_limit { 0 };
    std::atomic<bool> m_sets_enabled { false };

    std::mutex m_report_mutex;
    std::deque<Crw> m_reports;
    std::atomic<bool> m_report_pending { false };
    std::function<void()> m_report_listener;

    mutable std::shared_mutex m_mutex;
    /// Type of each channel path by its identifier.
    std::map<u8, u8> m_channel_paths;
    ChannelMonitor m_monitor;
    SapPool m_saps;
    std::array<Set, subchannel_sets> m_sets;
};

} // namespace zvisor
