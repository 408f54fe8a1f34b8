// DIAGNOSE functions that the machine or a control program offers. Facts: Linux arch/s390/include/asm/diag.h and its users.

#include "base/ebcdic.h"
#include "cpu/cpu.h"
#include "partition/partition.h"

#include <algorithm>
#include <thread>

namespace zvisor {

const Partition::DiagnoseCode Partition::diagnose_codes[] = {
    { 0x008, &Partition::control_program_command },
    { 0x010, &Partition::release_pages },
    { 0x044, &Partition::yield },
    { 0x09c, &Partition::yield_to },
    { 0x258, &Partition::page_fault_handshake },
    { 0x260, &Partition::storage_limits },
    { 0x288, &Partition::watchdog },
    { 0x308, &Partition::ipl_functions },
    { 0x500, &Partition::virtio_notify },
};

bool Partition::diagnose(Cpu& cpu, u16 code, u8 r1, u8 r3)
{
    ++m_activity.diagnoses;
    for (const auto& entry : diagnose_codes)
        if (entry.code == code)
            return (this->*entry.function)(cpu, r1, r3);
    return false;
}

/// X'008', of z/VM alone: a command of EBCDIC text at R1, its length and flags in R3. No command is known here, so the answer
/// is always CP's message for that; with the flag it goes to the buffer of R1+1, as long as R3+1 says.
bool Partition::control_program_command(Cpu& cpu, u8 r1, u8 r3)
{
    constexpr u64 wants_response = 0x40000000;
    constexpr u64 longest_command = 240;
    constexpr u64 unknown_command = 1;
    if (m_config.identity.personality != Personality::zvm)
        return false;
    bool responds = cpu.g(r3) & wants_response;
    std::vector<std::byte> command(cpu.g(r3) & 0xffffff);
    if (command.size() > longest_command || (responds && ((r1 | r3) & 1)))
        cpu.specification();
    if (!m_storage->read(cpu.real_to_absolute(cpu.g(r1)), command))
        cpu.program(ProgramCode::addressing);
    cpu.cc(0);
    if (responds && !command.empty()) {
        auto name = from_ebcdic(command);
        auto response = to_ebcdic("HCPCMD001E Unknown CP command: " + name.substr(0, name.find(' ')) + "\n");
        u64 room = cpu.g(static_cast<u8>(r3 + 1));
        u64 stored = std::min<u64>(room, response.size());
        if (!m_storage->write(cpu.real_to_absolute(cpu.g(static_cast<u8>(r1 + 1))), std::span { response }.first(stored)))
            cpu.program(ProgramCode::addressing);
        bool fits = stored == response.size();
        cpu.g(static_cast<u8>(r3 + 1), fits ? stored : response.size() - stored);
        cpu.cc(fits ? 0 : 1);
    }
    cpu.g(r3, command.empty() ? 0 : unknown_command);
    return true;
}

/// Under z/VM X'B2F0' is IUCV, its function in register 0 and its parameter list at register 1 (z/VM CP Programming Services).
/// Nobody is there to talk to: buffers and masks are taken, and every path is refused in byte 3 of the list.
bool Partition::control_program_instruction(Cpu& cpu, u16 opcode)
{
    constexpr u16 inter_user_communication_vehicle = 0xb2f0;
    enum Function : u32 { query = 0, retrieve_buffer = 2, connect = 11, declare_buffer = 12, set_mask = 16, set_control_mask = 17 };
    constexpr u32 buffer_bytes = 40;
    constexpr u32 most_connections = 64;
    constexpr u8 invalid_path = 1;
    constexpr u8 target_not_logged_on = 11;
    if (m_config.identity.personality != Personality::zvm || opcode != inter_user_communication_vehicle)
        return false;
    cpu.cc(0);
    u32 function = cpu.w(0);
    if (function == query) {
        cpu.w(0, buffer_bytes);
        cpu.w(1, most_connections);
    } else if (function != retrieve_buffer && function != declare_buffer && function != set_mask && function != set_control_mask) {
        std::byte reason { function == connect ? target_not_logged_on : invalid_path };
        if (!m_storage->write(cpu.real_to_absolute(cpu.g(1) + 3), std::span { &reason, 1 }))
            cpu.program(ProgramCode::addressing);
        cpu.cc(1);
    }
    return true;
}

/// X'010': the program does not need the pages from R1 to R3 (the last one) any more.
bool Partition::release_pages(Cpu& cpu, u8 r1, u8 r3)
{
    u64 first = cpu.g(r1);
    u64 last = cpu.g(r3);
    constexpr u64 prefix_area_end = 2 * page_size;
    if ((first | last) & ~page_mask || first > last || first < prefix_area_end || !m_storage->contains(first, last + page_size - first))
        cpu.specification();
    m_storage->discard(first, last + page_size - first);
    m_storage->stored(first, last + page_size - first);
    return true;
}

/// X'044': the program waits for a lock.
bool Partition::yield(Cpu& cpu, u8, u8)
{
    if (auto* dispatching = m_cpus.dispatching()) {
        dispatching->yield(cpu);
        cpu.notify(Pending::give_back);
    } else {
        std::this_thread::yield();
    }
    return true;
}

/// X'09C': like X'044', naming the CPU that holds the lock in R1.
bool Partition::yield_to(Cpu& cpu, u8 r1, u8)
{
    if (auto* dispatching = m_cpus.dispatching()) {
        dispatching->yield_to(cpu, static_cast<u16>(cpu.g(r1)));
        cpu.notify(Pending::give_back);
    } else {
        std::this_thread::yield();
    }
    return true;
}

/// X'258': page-fault handshaking, which storage that is never paged by the machine has no use for.
bool Partition::page_fault_handshake(Cpu& cpu, u8, u8 r3)
{
    constexpr u64 not_offered = 8;
    cpu.g(r3, not_offered);
    return true;
}

/// X'260': where the storage of the configuration is, see store_storage_limits.
bool Partition::storage_limits(Cpu& cpu, u8 r1, u8 r3)
{
    constexpr u64 last_byte_subcode = 0xc;
    bool stores = cpu.g(r3) != last_byte_subcode;
    if (stores && (r1 & 1))
        cpu.specification();
    u64 length = cpu.g(static_cast<u8>(r1 + 1));
    auto limits = store_storage_limits(*m_storage, m_services.storage_extents(), cpu.real_to_absolute(cpu.g(r1)), length, cpu.g(r3));
    if (!limits)
        cpu.program(limits.error());
    if (stores)
        cpu.cc(limits->condition_code);
    else
        cpu.g(r1, limits->rx);
    cpu.g(r3, limits->ry);
    return true;
}

bool Partition::watchdog(Cpu& cpu, u8 r1, u8 r3)
{
    if (r1 & 1)
        cpu.specification();
    auto result = m_watchdog.diagnose(cpu.g(r1), cpu.g(static_cast<u8>(r1 + 1)), cpu.g(r3));
    if (!result)
        cpu.program(result.error());
    return true;
}

/// X'308': resets, re-IPL and its parameters.
bool Partition::ipl_functions(Cpu& cpu, u8 r1, u8 r3)
{
    enum Subcode : u64 { modified_clear = 0, load_normal = 1, load_clear = 3, load_normal_dump = 4, set = 5, store = 6 };
    if (r1 & 1)
        cpu.specification();
    u64 address = cpu.g(r1);
    auto answer = [&](auto response) {
        if (!response)
            cpu.program(response.error());
        cpu.g(static_cast<u8>(r1 + 1), static_cast<u64>(*response));
        return true;
    };
    switch (cpu.g(r3)) {
    case modified_clear:
    case load_normal:
        reset_for_restart(cpu, cpu.g(r3) == modified_clear);
        return true;
    case load_clear:
    case load_normal_dump:
        for (const auto& other : m_cpus.cpus())
            other->order_reset(true);
        request(Request::ipl);
        return true;
    case set:
        return answer(m_ipl_parameters.set(*m_storage, address));
    case store:
        return answer(m_ipl_parameters.store(*m_storage, address));
    default:
        cpu.specification();
    }
}

/// Subcodes 0 and 1: a reset after which this CPU goes on with the PSW at absolute 0 (kexec and dump tools).
void Partition::reset_for_restart(Cpu& cpu, bool clear)
{
    for (const auto& other : m_cpus.cpus())
        if (other.get() != &cpu)
            other->order_reset(true);
    for (const auto& other : m_cpus.cpus())
        if (other.get() != &cpu)
            other->wait_for_orders();
    m_channels.reset();
    m_services.reset();
    m_service_signal = 0;
    if (clear)
        cpu.cpu_reset_running();
    else
        cpu.initial_reset_running();
    u64 restart = load_be<u64>(m_storage->host());
    cpu.load_psw(Psw::from_short(restart));
}

/// X'500': subcode 3 rings the bell of a virtio device (virtio 1.2, 4.3.3.2).
bool Partition::virtio_notify(Cpu& cpu, u8, u8)
{
    constexpr u64 ccw_notify = 3;
    if (cpu.g(1) != ccw_notify) {
        cpu.g(2, static_cast<u64>(-22));
        return true;
    }
    cpu.g(2, static_cast<u64>(m_channels.notify(static_cast<u32>(cpu.g(2)), cpu.g(3), cpu.g(4))));
    return true;
}

} // namespace zvisor
