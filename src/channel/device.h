#pragma once

#include "base/types.h"
#include "channel/byte_stream.h"
#include "channel/layouts.h"
#include "storage/absolute_storage.h"

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace zvisor {

/// What the channel subsystem does for a device that is attached to a subchannel. All methods may be called from any thread
/// but not from inside a command.
class DevicePort {
public:
    virtual ~DevicePort() = default;

    /// Storage of the configuration, for a device that moves data outside of channel programs.
    [[nodiscard]] virtual AbsoluteStorage& storage() = 0;
    /// Presents unsolicited device status (attention, device end): the subchannel becomes status-pending with alert status.
    /// Does nothing while the subchannel is disabled or already status-pending.
    virtual void present_alert(DeviceStatus status) = 0;
    /// Makes an adapter interruption pending for an interruption subclass (0-7).
    virtual void raise_adapter_interruption(u8 isc) = 0;
};

/// One row of a device's command table.
template<class D>
struct Command {
    u8 code;
    const char* name;
    DeviceStatus (D::*perform)(ByteStream& data);
};

/// An I/O device as its control unit presents it: one command at a time with a stream of bytes, ending with device status.
/// The channel does chaining, addressing, protection and length checking. Commands run on a SAP thread, never two at once.
class Device {
public:
    virtual ~Device() = default;

    /// Performs one command; anything not in the table is a unit check with command reject.
    virtual DeviceStatus execute(u8 code, ByteStream& data) = 0;
    /// Name of a command for traces; empty when unknown.
    [[nodiscard]] virtual std::string_view command_name(u8 code) const = 0;
    [[nodiscard]] virtual SenseId identification() const = 0;

    /// The channel path type shown in a channel-path description (0x1b FICON, 0x32 emulated I/O, …).
    [[nodiscard]] virtual u8 channel_path_type() const { return 0x32; }

    /// Called once, before any command, with the subchannel's side of the connection.
    virtual void attached(DevicePort& port) { m_port = &port; }
    /// Selective or system reset: the device forgets what the program told it. Returns when no transfer is under way.
    virtual void reset() { clear_sense(); }
    /// The program disabled the subchannel.
    virtual void disabled() { }
    /// The program's doorbell (DIAGNOSE 500, virtio-ccw notify). Runs on a CPU thread and must be quick.
    /// Returns a non-negative cookie, or a negative errno as the interface defines.
    virtual i64 notify(u64 queue, u64 cookie);
    /// A halt or clear function wants a command that waits to end soon; it then returns with any status. Any thread.
    virtual void halt_signal() { }

    /// The sense data a SENSE command or concurrent sense takes; taking it clears it.
    [[nodiscard]] std::array<u8, concurrent_sense_size> take_sense();

protected:
    /// Ends a command with a unit check and this sense byte 0.
    DeviceStatus unit_check(u8 sense_byte_0);
    void clear_sense() { m_sense = {}; }
    [[nodiscard]] DevicePort& port() const { return *m_port; }

    DeviceStatus no_operation(ByteStream& data);
    DeviceStatus sense(ByteStream& data);
    DeviceStatus sense_id(ByteStream& data);

    /// The commands every device has.
    static const std::array<Command<Device>, 3> basic_commands;

    DevicePort* m_port { nullptr };

private:
    std::array<u8, concurrent_sense_size> m_sense {};
};

/// Base of a device type `D` that lists what it does in `static constexpr Command<D> commands[]`. Its rows come before the basic ones.
template<class D>
class DeviceOf : public Device {
public:
    DeviceStatus execute(u8 code, ByteStream& data) final
    {
        for (const auto& row : D::commands)
            if (row.code == code)
                return (static_cast<D*>(this)->*row.perform)(data);
        for (const auto& row : basic_commands)
            if (row.code == code)
                return (this->*row.perform)(data);
        return unit_check(SenseByte::command_reject);
    }

    [[nodiscard]] std::string_view command_name(u8 code) const final
    {
        for (const auto& row : D::commands)
            if (row.code == code)
                return row.name;
        for (const auto& row : basic_commands)
            if (row.code == code)
                return row.name;
        return {};
    }
};

} // namespace zvisor
