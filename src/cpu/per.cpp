// Program-event recording (PoP ch. 4). It is looked at in careful mode only, where each instruction is a block.

#include "arch/per.h"

#include "arch/lowcore.h"
#include "cpu/cpu.h"

namespace zvisor {

bool Cpu::in_per_range(u64 address, u64 length) const
{
    u64 start = cr[10];
    u64 end = cr[11];
    u64 last = address + length - 1;
    // A range that wraps around covers both ends of the address space.
    return start <= end ? last >= start && address <= end : last >= start || address <= end;
}

void Cpu::begin_per(u64 address)
{
    m_per_events = 0;
    m_per_address = address;
    m_per_psw = m_psw;
    if (!m_psw.per() || !(cr[9] & per::instruction_fetching) || !in_per_range(address, 1))
        return;
    m_per_events = per::instruction_fetching;
    if (!(cr[9] & per::nullification))
        return;
    m_per_events |= per::nullification;
    throw ProgramInterruption { .code = ProgramCode::per_event };
}

void Cpu::end_per(u64 sequential, bool is_branch)
{
    bool branched = is_branch && next != sequential && m_per_psw.per();
    if (branched && (cr[9] & per::branching) && (!(cr[9] & per::branch_address_control) || in_per_range(next, 1)))
        m_per_events |= per::branching;
    // The instruction is complete: the old PSW has the address of the next one, and the length code is its own.
    if (m_per_events)
        take_program_interruption({ .code = ProgramCode::per_event }, (next - op->length) & m_address_mask, op->length);
}

void Cpu::note_alteration(u64 address, u64 length, bool real)
{
    u64 mask = real ? per::store_using_real_address : per::storage_alteration;
    bool by_space = (cr[9] & per::storage_alteration_space) && m_psw.dat() && m_psw.space() != AddressSpaceControl::access_register;
    if (!real && by_space && !asce_of(m_psw.space()).storage_alteration_event())
        return;
    if (m_psw.per() && (cr[9] & mask) && (real || in_per_range(address, length)))
        m_per_events |= mask | (real ? per::storage_alteration : 0);
}

/// Stores what a PER event adds to a program interruption; true when there was one.
bool Cpu::store_per_information()
{
    if (!m_per_events)
        return false;
    u8* low = lowcore();
    bool altered = m_per_events & per::storage_alteration;
    u8 mode = static_cast<u8>(bits<31>(m_per_psw.mask) << 7 | 1 << 6 | bits<32>(m_per_psw.mask) << 5 | bits<5>(m_per_psw.mask) << 4
        | bits<16, 17>(m_per_psw.mask) << 2 | (altered ? bits<16, 17>(m_per_psw.mask) : 0));
    low[lowcore::per_code] = per::code_of(m_per_events);
    low[lowcore::per_code + 1] = mode;
    store_be<u64>(low + lowcore::per_address, m_per_address);
    low[lowcore::per_access_id] = 0;
    m_per_events = 0;
    return true;
}

} // namespace zvisor
