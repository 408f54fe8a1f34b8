#include "engine/translator/runtime.h"

#include "base/verify.h"
#include "cpu/cpu_group.h"
#include "engine/translator/serialize_host.h"

#include <cstring>
#include <ranges>
#include <xbyak/xbyak_util.h>

namespace zvisor {

namespace {

using namespace Xbyak::util;

constexpr Xbyak::Reg64 saved_registers[] { rbp, rbx, r12, r13, r14, r15 };
static_assert(
    (Runtime::frame_bytes + sizeof(u64) * (std::size(saved_registers) + 1)) % 16 == 0, "functions are called with an aligned stack");

[[nodiscard]] Runtime::Features host_features()
{
    Xbyak::util::Cpu host;
    return {
        .movbe = host.has(Xbyak::util::Cpu::tMOVBE), .bmi2 = host.has(Xbyak::util::Cpu::tBMI2), .lzcnt = host.has(Xbyak::util::Cpu::tLZCNT)
    };
}

} // namespace

/// Besides positions some for blocks, of which each takes 64 bytes of code at least.
std::size_t Runtime::data_bytes(std::size_t code_bytes)
{
    std::size_t wanted = sizeof(CodePosition) * (positions + 1) + code_bytes / 8 + spare;
    return (wanted + page_size - 1) & page_mask;
}

Runtime::Runtime(const Cpu& cpu, std::size_t code_bytes, bool in_one_piece)
    : features(host_features())
    , interlocks(!cpu.group().is_uniprocessor())
    , memory(code_bytes, data_bytes(code_bytes))
    , layout(cpu)
    , assembler(memory.writable(), code_bytes)
    , m_apart(in_one_piece || code_bytes < least_apart ? code_bytes : code_bytes - code_bytes / 4)
    , m_apart_used(m_apart)
    , m_settled_apart(first_piece_apart())
{
    m_positions = reinterpret_cast<CodePosition*>(allocate_data(sizeof(CodePosition) * (positions + 1)));
    make_constants();
    m_shared_data = m_data_used;
    make_entry();
    make_exits();
    make_thunks();
    make_misses();
    make_lookups();
    make_block_routines();
    make_string_routines();
    make_store_leftmost();
    make_find_code();
    m_shared_code = assembler.getSize();
}

std::size_t Runtime::first_piece_apart() const
{
    return (m_apart + CodeMemory::piece - 1) / CodeMemory::piece * CodeMemory::piece;
}

void Runtime::make_entry()
{
    m_enter = memory.executable<u32 (*)(Cpu&, const void*)>(assembler.getCurr());
    for (const auto& reg : saved_registers)
        assembler.push(reg);
    assembler.sub(rsp, frame_bytes);
    assembler.lea(rbp, ptr[rdi + CpuLayout::bias]);
    assembler.mov(counter(), ptr[rbp + layout.retired]);
    assembler.jmp(rsi);
}

/// Goes to `none` when the position is not known, or something is pending.
void Runtime::emit_find_code(const void* none)
{
    Assembler& a = assembler;
    a.cmp(dword[rbp + layout.pending], 0);
    a.jne(none);
    a.mov(rcx, rax);
    a.shl(rcx, 4);
    a.and_(ecx, (positions - 1) * sizeof(CodePosition));
    a.lea(rdx, ptr[rip + reinterpret_cast<const u8*>(m_positions)]);
    a.add(rdx, rcx);
    a.mov(rcx, ptr[rbp + layout.code_space]);
    a.mov(rcx, ptr[rcx + layout.generation]);
    a.shl(rcx, 8);
    a.mov(cl, byte[rbp + layout.mode]);
    a.cmp(ptr[rdx + offsetof(CodePosition, address)], rax);
    a.jne(none);
    a.cmp(ptr[rdx + offsetof(CodePosition, stamp)], rcx);
    a.jne(none);
    static_assert(sizeof(CodePosition) == 32);
}

void Runtime::emit_dispatch()
{
    emit_find_code(miss);
    assembler.jmp(ptr[rdx + offsetof(CodePosition, code)]);
}

/// What is not known is a position that leads to `miss`.
void Runtime::make_find_code()
{
    Assembler& a = assembler;
    CodePosition& nowhere = m_positions[positions];
    nowhere.code = memory.executable(miss);
    const u8* none = a.getCurr();
    a.lea(rdx, ptr[rip + reinterpret_cast<const u8*>(&nowhere)]);
    a.ret();
    find_code = a.getCurr();
    emit_find_code(none);
    a.ret();
}

void Runtime::make_exits()
{
    Assembler& a = assembler;
    miss = a.getCurr();
    a.mov(rcx, rax);
    leave_for = a.getCurr();
    a.mov(ptr[rbp + layout.next], rcx);
    m_leave_for_next = a.getCurr();
    a.mov(eax, no_exit);
    leave = a.getCurr();
    a.mov(ptr[rbp + layout.retired], counter());
    const u8* leave_counted = a.getCurr();
    a.add(rsp, frame_bytes);
    for (const auto& reg : saved_registers | std::views::reverse)
        a.pop(reg);
    a.ret();
    m_leave_interrupted = a.getCurr();
    a.mov(eax, interrupted);
    a.jmp(leave_counted);
}

/// Aligned to 4 bytes.
u8* Runtime::allocate_data(std::size_t size)
{
    VERIFY(m_data_used + m_flags_used + size <= memory.data_size());
    u8* at = memory.data() + m_data_used;
    m_data_used += size + (-size & 3);
    return at;
}

u8* Runtime::allocate_flag()
{
    VERIFY(m_data_used + m_flags_used < memory.data_size());
    u8* flag = memory.data() + memory.data_size() - ++m_flags_used;
    *flag = 0;
    return flag;
}

bool Runtime::is_full() const
{
    bool full_apart = m_apart < memory.code_size() && m_apart_used + spare > memory.code_size();
    return assembler.getSize() + spare > m_apart || full_apart || m_data_used + m_flags_used + spare / 2 > memory.data_size();
}

void Runtime::reset()
{
    for (std::size_t i = 0; i < positions; ++i)
        m_positions[i] = {};
    forget_code();
}

void Runtime::give_memory_back()
{
    forget_code();
    misses = {};
    memory.discard(m_shared_code, memory.code_size());
    m_settled = 0;
    m_settled_apart = first_piece_apart();
    std::size_t data = memory.code_size();
    memory.discard(data, data + sizeof(CodePosition) * positions);
    memory.discard(data + m_shared_data, data + memory.data_size());
}

void Runtime::forget_code()
{
    m_data_used = m_shared_data;
    m_flags_used = 0;
    m_exits = 0;
    misses.clear();
    assembler.setSize(m_shared_code);
    m_apart_used = m_apart;
}

void Runtime::settle()
{
    auto settle_up_to = [&](std::size_t begin, std::size_t end, std::size_t& settled) {
        for (; end > begin + CodeMemory::piece && settled < end; settled += CodeMemory::piece)
            memory.make_large(settled);
    };
    settle_up_to(0, assembler.getSize(), m_settled);
    settle_up_to(m_apart, m_apart_used, m_settled_apart);
    serialize_host();
}

void Runtime::make_jump(const u8* at, const u8* to)
{
    constexpr std::size_t bytes = 5;
    auto distance = static_cast<u32>(to - (at + bytes));
    std::memcpy(memory.writable() + (at + 1 - memory.writable()), &distance, sizeof distance);
}

void Runtime::link(const ExitCode& exit, const void* code, u64 generation)
{
    auto low = static_cast<u32>(generation);
    if (exit.generation)
        std::memcpy(memory.writable() + (exit.generation - memory.writable()), &low, sizeof low);
    make_jump(exit.jump, memory.writable() + (static_cast<const u8*>(code) - memory.executable<const u8*>(memory.writable())));
    serialize_host();
}

void Runtime::unlink(const ExitCode& exit)
{
    make_jump(exit.jump, exit.unlinked);
}

std::size_t Runtime::go_apart()
{
    std::size_t behind = assembler.getSize();
    if (m_apart < memory.code_size())
        assembler.setSize(m_apart_used);
    return behind;
}

void Runtime::come_back(std::size_t to)
{
    if (m_apart == memory.code_size())
        return;
    m_apart_used = assembler.getSize();
    assembler.setSize(to);
}

} // namespace zvisor
