#pragma once

#include "cpu/services.h"

namespace zvisor {

/// A channel subsystem without subchannels, for CPUs that run without a machine around them.
class NullChannelServices : public ChannelServices {
public:
    u8 start_subchannel(u32, std::span<const std::byte, 32>) override { return 3; }
    u8 test_subchannel(u32, std::span<std::byte, 96>) override { return 3; }
    u8 store_subchannel(u32, std::span<std::byte, 52>) override { return 3; }
    u8 modify_subchannel(u32, std::span<const std::byte, 52>) override { return 3; }
    u8 clear_subchannel(u32) override { return 3; }
    u8 halt_subchannel(u32) override { return 3; }
    u8 resume_subchannel(u32) override { return 3; }
    u8 cancel_subchannel(u32) override { return 3; }
    u8 reset_channel_path(u8) override { return 3; }
    u8 store_channel_report_word(u32& word) override
    {
        word = 0;
        return 1;
    }
    void store_channel_path_status(std::span<std::byte, 32>) override { }
    void set_address_limit(u64) override { }
    void set_channel_monitor(u32, u64) override { }
    u8 channel_subsystem_call(std::span<std::byte, 4096>) override { return 3; }
    void set_interruption_control(u16, u8) override { }
    bool io_pending(u8) override { return false; }
    std::optional<IoInterruption> take_io(u8) override { return {}; }
    bool channel_report_pending() override { return false; }
};

/// A machine that offers no services.
class NullMachineServices : public MachineServices {
public:
    u8 service_call(Cpu&, u32, u64) override { return 3; }
    bool store_system_information(Cpu&, u8, u8, u16, std::span<std::byte, 4096>) override { return false; }
    u8 current_level() override { return 1; }
    bool diagnose(Cpu&, u16, u8, u8) override { return false; }
    bool control_program_instruction(Cpu&, u16) override { return false; }
    u64 extract_cpu_attribute(u8, u8, u8) override { return ~u64 { 0 }; }
    u64 cpu_identification(Cpu&) override { return 0; }
    u8 perform_topology_function(Cpu&, u8, u8&) override { return 0; }
    void store_hypervisor_information(Cpu&, std::span<std::byte, 4096>) override { }
    std::optional<u32> take_service_signal() override { return {}; }
    bool service_signal_pending() override { return false; }
    void cpu_halted(Cpu&) override { }
};

} // namespace zvisor
