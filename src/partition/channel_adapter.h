#pragma once

#include "channel/channel_subsystem.h"
#include "cpu/services.h"

namespace zvisor {

/// Gives the CPUs of a partition its channel subsystem: operands in their architected bytes on one side, typed on the other.
class ChannelAdapter final : public ChannelServices {
public:
    explicit ChannelAdapter(ChannelSubsystem& channels)
        : m_channels(channels)
    {
    }

    u8 start_subchannel(u32 subchannel, std::span<const std::byte, 32> orb) override;
    u8 test_subchannel(u32 subchannel, std::span<std::byte, 96> irb) override;
    u8 store_subchannel(u32 subchannel, std::span<std::byte, 52> schib) override;
    u8 modify_subchannel(u32 subchannel, std::span<const std::byte, 52> schib) override;
    u8 clear_subchannel(u32 subchannel) override;
    u8 halt_subchannel(u32 subchannel) override;
    u8 resume_subchannel(u32 subchannel) override;
    u8 cancel_subchannel(u32 subchannel) override;
    u8 reset_channel_path(u8 path) override;
    u8 store_channel_report_word(u32& word) override;
    void store_channel_path_status(std::span<std::byte, 32> status) override;
    void set_address_limit(u64 limit) override;
    void set_channel_monitor(u32 control, u64 origin) override;
    u8 channel_subsystem_call(std::span<std::byte, 4096> block) override;
    void set_interruption_control(u16 control, u8 isc) override;
    bool io_pending(u8 isc_mask) override { return m_channels.pending(isc_mask); }
    std::optional<IoInterruption> take_io(u8 isc_mask) override { return m_channels.take(isc_mask); }
    bool channel_report_pending() override { return m_channels.channel_report_pending(); }

    /// How many times START SUBCHANNEL was executed.
    [[nodiscard]] u64 starts() const { return m_starts.load(); }

private:
    ChannelSubsystem& m_channels;
    std::atomic<u64> m_starts { 0 };
};

} // namespace zvisor
