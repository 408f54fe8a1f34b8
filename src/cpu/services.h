#pragma once

#include "arch/facility.h"
#include "arch/interruption.h"
#include "base/types.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

namespace zvisor {

class Cpu;

/// What I/O instructions ask of a channel subsystem. Operands are copies of guest structures in their architected layout;
/// the result is a condition code. A method may raise ProgramInterruption for an operand exception.
class ChannelServices {
public:
    virtual ~ChannelServices() = default;

    virtual u8 start_subchannel(u32 subchannel, std::span<const std::byte, 32> orb) = 0;
    virtual u8 test_subchannel(u32 subchannel, std::span<std::byte, 96> irb) = 0;
    virtual u8 store_subchannel(u32 subchannel, std::span<std::byte, 52> schib) = 0;
    virtual u8 modify_subchannel(u32 subchannel, std::span<const std::byte, 52> schib) = 0;
    virtual u8 clear_subchannel(u32 subchannel) = 0;
    virtual u8 halt_subchannel(u32 subchannel) = 0;
    virtual u8 resume_subchannel(u32 subchannel) = 0;
    virtual u8 cancel_subchannel(u32 subchannel) = 0;
    virtual u8 reset_channel_path(u8 path) = 0;
    virtual u8 store_channel_report_word(u32& word) = 0;
    virtual void store_channel_path_status(std::span<std::byte, 32> status) = 0;
    virtual void set_address_limit(u64 limit) = 0;
    virtual void set_channel_monitor(u32 control, u64 origin) = 0;
    /// CHSC: `block` is the 4 KiB command block, changed in place.
    virtual u8 channel_subsystem_call(std::span<std::byte, 4096> block) = 0;
    /// SIC: adapter-interruption suppression by ISC.
    virtual void set_interruption_control(u16 control, u8 isc) = 0;

    /// The highest-priority I/O interruption among the subclasses of `isc_mask` (bit 0x80 is ISC 0), if any.
    virtual bool io_pending(u8 isc_mask) = 0;
    virtual std::optional<IoInterruption> take_io(u8 isc_mask) = 0;
    /// TPI's view: the interruption is taken from the queue.
    virtual bool channel_report_pending() = 0;
};

/// What control instructions ask of the machine around the CPUs. May raise ProgramInterruption.
class MachineServices {
public:
    virtual ~MachineServices() = default;

    /// SERVC: condition code. `sccb` is a real address.
    virtual u8 service_call(Cpu& cpu, u32 command, u64 sccb) = 0;
    /// STSI: fills `block` and returns true, or false when the level or selectors are not offered.
    virtual bool store_system_information(Cpu& cpu, u8 function, u8 selector_1, u16 selector_2, std::span<std::byte, 4096> block) = 0;
    /// Highest function code STSI reports for function code 0: 1 basic machine, 2 LPAR, 3 virtual machine.
    virtual u8 current_level() = 0;
    /// DIAGNOSE with registers r1, r3 and the second-operand address as code. False: not offered here.
    virtual bool diagnose(Cpu& cpu, u16 code, u8 r1, u8 r3) = 0;
    /// An instruction no facility assigns, in the supervisor state: its first halfword. False: it is nothing here either.
    virtual bool control_program_instruction(Cpu& cpu, u16 opcode) = 0;
    virtual u64 extract_cpu_attribute(u8 attribute, u8 level, u8 type) = 0;
    virtual u64 cpu_identification(Cpu& cpu) = 0;
    /// PTF: function code in, condition code out, reason code through `reason`.
    virtual u8 perform_topology_function(Cpu& cpu, u8 function, u8& reason) = 0;
    /// STHYI with function code 0: the capacity of machine and partition.
    virtual void store_hypervisor_information(Cpu& cpu, std::span<std::byte, 4096> block) = 0;
    /// The pending service-signal parameter, taken from the queue.
    virtual std::optional<u32> take_service_signal() = 0;
    virtual bool service_signal_pending() = 0;
    /// A CPU stopped, loaded a disabled wait or check-stopped; called on its own thread.
    virtual void cpu_halted(Cpu& cpu) = 0;
};

/// Who decides when the CPUs of the group may run: a manager of physical CPUs that several configurations share. A method is called on
/// the thread of the CPU it names, while that CPU does not execute, unless it says otherwise.
class Dispatching {
public:
    enum class Idle : u8 { waiting, stopped };
    /// Since when a CPU has its physical CPU: its time counts from then on, although the host may have let its thread go on later.
    /// Nothing: Cpu::leaving() became true before it had one.
    using Held = std::optional<std::chrono::steady_clock::time_point>;

    virtual ~Dispatching() = default;
    /// The CPU has instructions to execute; returns once it may.
    [[nodiscard]] virtual Held acquire(Cpu& cpu) = 0;
    /// Until when the CPU, which executes, has had its physical CPU: another may have gone on there already, and it has not noticed yet.
    [[nodiscard]] virtual std::chrono::steady_clock::time_point held_until(Cpu& cpu) = 0;
    /// The CPU has none, and may hold a physical CPU or not. True: it may go on for a moment to look for work on its physical CPU.
    virtual bool release(Cpu& cpu, Idle idle) = 0;
    /// The CPU was notified of Pending::give_back: gives its physical CPU back if it still is wanted, and then is like `acquire`.
    [[nodiscard]] virtual Held give_back(Cpu& cpu) = 0;
    /// The program waits for something that another CPU does (DIAGNOSE X'44', X'9C'), in the second case the CPU with an address that
    /// need not exist. The CPU executes, and gives back soon.
    virtual void yield(Cpu& cpu) = 0;
    virtual void yield_to(Cpu& cpu, u16 address) = 0;
    /// From any thread: Cpu::leaving() became true, which ends an `acquire` or `give_back` that waits.
    virtual void interrupt(Cpu& cpu) = 0;
};

} // namespace zvisor
