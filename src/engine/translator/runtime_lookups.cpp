#include "base/verify.h"
#include "engine/translator/runtime.h"

namespace zvisor {

namespace {

using namespace Xbyak::util;

/// Of operands that are found by a call: 1, 2 and multiples of 4 bytes.
constexpr u32 most_bytes = 128;

} // namespace

/// The address in rdx becomes a host address when the TLB has it; rax and rcx are lost.
void Runtime::emit_lookup(bool in_code, bool for_store, u32 bytes)
{
    Assembler& a = assembler;
    u32 tag = layout.tlb + static_cast<u32>(for_store ? offsetof(TlbEntry, write_tag) : offsetof(TlbEntry, read_tag));
    u32 delta = layout.tlb + static_cast<u32>(offsetof(TlbEntry, delta));
    static_assert(sizeof(TlbEntry) == 32);
    a.mov(rax, ptr[rbp + (in_code ? layout.code_space : layout.data_space)]);
    if (features.bmi2) {
        a.rorx(ecx, edx, 7);
    } else {
        a.mov(ecx, edx);
        a.shr(ecx, 7);
    }
    a.and_(ecx, dword[rax + layout.tlb_mask]);
    a.add(rax, rcx);
    a.mov(rcx, rdx);
    a.sub(rcx, ptr[rax + tag]);
    a.cmp(rcx, static_cast<u32>(page_size) - bytes);
    a.ja(m_not_found);
    a.add(rdx, ptr[rax + delta]);
}

void Runtime::make_lookup(bool in_code, bool for_store, u32 bytes)
{
    m_lookups[in_code][for_store][bytes] = assembler.getCurr();
    emit_lookup(in_code, for_store, bytes);
    assembler.ret();
}

void Runtime::make_aligned_lookup(u32 bytes)
{
    m_aligned_lookups[bytes == 8] = assembler.getCurr();
    assembler.test(edx, bytes - 1);
    assembler.jne(m_not_found);
    emit_lookup(false, true, bytes);
    assembler.ret();
}

/// Registers that were stored into last are loaded as they were stored, one by one: the host would wait for two.
void Runtime::make_move_registers(bool stores, u8 first)
{
    Assembler& a = assembler;
    u32 count = 16U - first;
    m_move_registers[stores][first] = a.getCurr();
    emit_lookup(false, stores, count * 8);
    auto reg = [&](u32 i) { return rbp + (layout.general_registers + 8 * (first + i)); };
    u32 i = 0;
    for (; !stores && i + 2 <= count; i += 2) {
        a.movups(scratch_number, ptr[rdx + i * 8]);
        a.pshufb(scratch_number, xword[rip + reversed_doublewords]);
        a.movups(ptr[reg(i)], scratch_number);
    }
    for (; i < count; ++i) {
        a.load_reversed(rcx, stores ? qword[reg(i)] : qword[rdx + i * 8], features.movbe);
        a.mov(stores ? qword[rdx + i * 8] : qword[reg(i)], rcx);
    }
    a.ret();
}

void Runtime::make_lookups()
{
    for (bool in_code : { false, true })
        for (bool for_store : { false, true })
            for (u32 bytes = 1; bytes <= most_bytes; bytes = bytes < 4 ? 2 * bytes : bytes + 4)
                make_lookup(in_code, for_store, bytes);
    for (u32 bytes : { 4U, 8U })
        make_aligned_lookup(bytes);
    for (bool stores : { false, true })
        for (u8 first = 0; first < 14; ++first)
            make_move_registers(stores, first);
}

const u8* Runtime::move_registers(bool stores, u8 first, u32 count) const
{
    return first + count == 16 ? m_move_registers[stores][first] : nullptr;
}

const u8* Runtime::find_operand(bool in_code, bool for_store, u32 bytes) const
{
    VERIFY(m_lookups[in_code][for_store][bytes]);
    return m_lookups[in_code][for_store][bytes];
}

} // namespace zvisor
