// Interruptions: PSW swap, priorities and enablement (PoP ch. 6).

#include "arch/control.h"
#include "arch/lowcore.h"
#include "arch/per.h"
#include "cpu/cpu.h"
#include "cpu/cpu_group.h"

namespace zvisor {

namespace {

/// True when the instruction has done what it does, so that PER sees its stores; otherwise nothing was stored.
[[nodiscard]] bool completes(ProgramCode code)
{
    switch (code) {
    case ProgramCode::fixed_point_overflow:
    case ProgramCode::decimal_overflow:
    case ProgramCode::hfp_exponent_overflow:
    case ProgramCode::hfp_exponent_underflow:
    case ProgramCode::hfp_significance:
    case ProgramCode::space_switch_event:
    case ProgramCode::monitor_event:
    case ProgramCode::per_event:
        return true;
    default:
        return false;
    }
}

} // namespace

void Cpu::swap_psw(u64 old_at, u64 new_at)
{
    ++interruptions[(new_at - lowcore::restart_new_psw) / sizeof(Psw)];
    u8* low = lowcore();
    Psw old = psw();
    store_be<u64>(low + old_at, old.mask);
    store_be<u64>(low + old_at + 8, old.address);
    m_group_storage->mark(prefix, StorageKey::reference | StorageKey::change);
    // Interruption parameters and the old PSWs; programs keep instructions elsewhere in the same page.
    stored(low + lowcore::external_parameter, lowcore::restart_new_psw - lowcore::external_parameter);
    load_psw({ load_be<u64>(low + new_at), load_be<u64>(low + new_at + 8) });
    if (auto* observer = m_group.observer()) [[unlikely]]
        observer->interruption(*this, old_at, old);
}

void Cpu::record_data_code(u8 code)
{
    if (cr[0] & cr0::afp_register)
        fpc = (fpc & 0xffff00ff) | u32 { code } << 8;
}

void Cpu::take_program_interruption(const ProgramInterruption& interruption, u64 address, u8 instruction_length)
{
    u8* low = lowcore();
    // An invalid PSW is stored as it was loaded, whatever its addressing mode makes of the address.
    bool stays = nullifies(interruption.code) || instruction_length == 0;
    next = stays ? address : (address + instruction_length) & m_address_mask;
    store_be<u16>(low + lowcore::program_length, instruction_length);
    auto code = static_cast<u16>(interruption.code);
    if (!completes(interruption.code))
        m_per_events &= ~(per::storage_alteration | per::store_using_real_address);
    if (m_per_events & per::nullification)
        next = address;
    if (store_per_information())
        code |= static_cast<u16>(ProgramCode::per_event);
    store_be<u16>(low + lowcore::program_code, code);
    if (interruption.code == ProgramCode::data || interruption.code == ProgramCode::vector_processing) {
        store_be<u32>(low + lowcore::data_exception_code, interruption.data_code);
        record_data_code(interruption.data_code);
    }
    if (interruption.code == ProgramCode::monitor_event) {
        store_be<u16>(low + lowcore::monitor_class, interruption.monitor_class);
        store_be<u64>(low + lowcore::monitor_code, interruption.monitor_code);
    }
    low[lowcore::exception_access_id] = interruption.access_id;
    store_be<u64>(low + lowcore::translation_exception, interruption.translation_exception);
    store_be<u64>(low + lowcore::breaking_event_address, breaking_event);
    swap_psw(lowcore::program_old_psw, lowcore::program_new_psw);
}

void Cpu::supervisor_call(u8 number)
{
    u8* low = lowcore();
    store_be<u16>(low + lowcore::svc_length, op->length);
    store_be<u16>(low + lowcore::svc_code, number);
    next = next_address();
    swap_psw(lowcore::svc_old_psw, lowcore::svc_new_psw);
}

bool Cpu::take_interruption()
{
    m_attention = false;
    bool taken = take_machine_check() || take_external() || take_io();
    if (!taken) {
        std::lock_guard lock(m_mutex);
        taken = std::exchange(m_restart, false);
    } else {
        m_attention = true;
        return true;
    }
    if (taken)
        swap_psw(lowcore::restart_old_psw, lowcore::restart_new_psw);
    return taken;
}

bool Cpu::take_machine_check()
{
    if (!m_group.channels().channel_report_pending())
        return false;
    m_attention = true;
    if (!m_psw.machine_check() || !(cr[14] & cr14::channel_report) || !m_group.claim_channel_report())
        return false;
    constexpr u64 validity = bit_mask<20, 23> | bit_mask<27, 29> | bit_mask<31> | bit_mask<33> | bit_mask<42, 43> | bit_mask<46, 47>;
    u64 code = bit_mask<9> | validity;
    store_status(prefix);
    u8* low = lowcore();
    u64 extended = load_be<u64>(low + lowcore::machine_check_extended_save_area) & ~u64 { 0x3ff };
    if (extended && has(Facility::vector) && m_group_storage->contains(extended, 512)) {
        for (unsigned r = 0; r < 32; ++r) {
            store_be<u64>(m_host + extended + r * 16, vr[r].hi);
            store_be<u64>(m_host + extended + r * 16 + 8, vr[r].lo);
        }
        code |= bit_mask<25>;
    }
    store_be<u64>(low + lowcore::machine_check_code, code);
    swap_psw(lowcore::machine_check_old_psw, lowcore::machine_check_new_psw);
    return true;
}

bool Cpu::take_external()
{
    bool enabled = m_psw.external();
    u8* low = lowcore();
    auto take = [&](ExternalCode code, int from = 0) {
        store_be<u16>(low + lowcore::external_cpu_address, static_cast<u16>(from));
        store_be<u16>(low + lowcore::external_code, static_cast<u16>(code));
        swap_psw(lowcore::external_old_psw, lowcore::external_new_psw);
        return true;
    };
    auto may = [&](u64 subclass) {
        m_attention = true;
        return enabled && (cr[0] & subclass);
    };
    int emergency = -1;
    {
        std::lock_guard lock(m_mutex);
        if (m_emergency.any() && may(cr0::emergency_signal)) {
            emergency = static_cast<int>(m_emergency._Find_first());
            m_emergency[static_cast<std::size_t>(emergency)] = false;
        }
    }
    if (emergency >= 0)
        return take(ExternalCode::emergency_signal, emergency);
    if (external_call_pending() && may(cr0::external_call))
        return take(ExternalCode::external_call, m_external_call.exchange(-1));
    if (tod() > m_clock_comparator && may(cr0::clock_comparator))
        return take(ExternalCode::clock_comparator);
    if (cpu_timer() >> 63 && may(cr0::cpu_timer))
        return take(ExternalCode::cpu_timer);
    if (m_group.machine().service_signal_pending() && may(cr0::service_signal)) {
        if (auto parameter = m_group.machine().take_service_signal()) {
            store_be<u32>(low + lowcore::external_parameter, *parameter);
            return take(ExternalCode::service_signal);
        }
    }
    return false;
}

bool Cpu::take_io()
{
    auto& channels = m_group.channels();
    if (!channels.io_pending(0xff))
        return false;
    m_attention = true;
    auto mask = static_cast<u8>(bits<32, 39>(cr[6]));
    if (!m_psw.io() || mask == 0)
        return false;
    auto interruption = channels.take_io(mask);
    if (!interruption)
        return false;
    u8* low = lowcore();
    store_be<u32>(low + lowcore::subsystem_id, interruption->subsystem_id);
    store_be<u32>(low + lowcore::io_parameter, interruption->parameter);
    store_be<u32>(low + lowcore::io_identification, interruption->identification);
    swap_psw(lowcore::io_old_psw, lowcore::io_new_psw);
    return true;
}

/// Some interruption is pending for which the CPU is enabled; another CPU may take it first.
bool Cpu::interruption_waits()
{
    auto& channels = m_group.channels();
    std::unique_lock lock(m_mutex);
    bool restart = m_restart;
    bool emergency = m_emergency.any();
    lock.unlock();
    auto external = [this](bool pending, u64 subclass) { return pending && m_psw.external() && (cr[0] & subclass); };
    return restart || (m_psw.machine_check() && (cr[14] & cr14::channel_report) && channels.channel_report_pending())
        || (m_psw.io() && channels.io_pending(static_cast<u8>(bits<32, 39>(cr[6])))) || external(emergency, cr0::emergency_signal)
        || external(external_call_pending(), cr0::external_call) || external(tod() > m_clock_comparator, cr0::clock_comparator)
        || external(cpu_timer() >> 63, cr0::cpu_timer) || external(m_group.machine().service_signal_pending(), cr0::service_signal);
}

void Cpu::early_exceptions()
{
    m_early_exception = false;
    take_program_interruption({ .code = ProgramCode::specification }, next, 0);
}

} // namespace zvisor
