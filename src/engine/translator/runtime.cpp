#include "engine/translator/runtime.h"

#include "base/verify.h"
#include "cpu/cpu_group.h"
#include "engine/translator/serialize_host.h"

#include <cstring>
#include <xbyak/xbyak_util.h>

namespace zvisor {

namespace {

using namespace Xbyak::util;

constexpr u32 saved_bytes = sizeof CodeMemory::saved_registers * 8;
constexpr u32 body_frame = Runtime::frame_bytes + saved_bytes + 8;
constexpr u32 thunk_bytes = 56;
constexpr u32 thunk_frame = body_frame + 8 + thunk_bytes;
constexpr u32 miss_frame = body_frame + sizeof(HostValues);
static_assert(body_frame % 16 == 0 && thunk_frame % 16 == 0 && miss_frame % 16 == 0);

template<class Function>
[[nodiscard]] const void* pointer(Function* function)
{
    return reinterpret_cast<const void*>(function);
}

/// `for_later`: the store may not come to be. A page that has not been changed yet is not to seem so.
template<bool in_code, Access access, bool for_later>
u64 locate_operand(Cpu& cpu, u64 at, u32 bytes, PathCounters* path)
{
    Space& space = in_code ? cpu.code_space() : cpu.data_space();
    const u8* seen = for_later ? cpu.plain_operand(space, at, bytes, Access::fetch) : nullptr;
    if (seen && !(cpu.storage().key(cpu.absolute(seen)).value & StorageKey::change))
        return 0;
    u8* host = !for_later || seen ? cpu.plain_operand(space, at, bytes, access) : nullptr;
    if (!host && --path->misses == 0)
        path->executions = PathCounters::misplaced;
    return reinterpret_cast<u64>(host);
}

template<bool in_code>
[[nodiscard]] std::array<const void*, 3> locate_functions()
{
    return { pointer(&locate_operand<in_code, Access::fetch, false>), pointer(&locate_operand<in_code, Access::store, false>),
        pointer(&locate_operand<in_code, Access::store, true>) };
}

u64 run_op(Cpu& cpu, const Op* op)
{
    op->run(cpu, op);
    return 0;
}

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
    const u8* thunks = assembler.getCurr();
    make_thunks();
    const u8* misses_begin = assembler.getCurr();
    make_misses();
    const u8* body = assembler.getCurr();
    make_exits();
    make_lookups();
    make_find_code();
    memory.describe_frames(thunks, misses_begin, thunk_frame);
    memory.describe_frames(misses_begin, body, miss_frame);
    memory.describe_frames(body, memory.writable() + memory.code_size(), body_frame);
    memory.register_frames();
    m_shared_code = assembler.getSize();
}

std::size_t Runtime::first_piece_apart() const
{
    return (m_apart + CodeMemory::piece - 1) / CodeMemory::piece * CodeMemory::piece;
}

void Runtime::make_entry()
{
    m_enter = memory.executable<u32 (*)(Cpu&, const void*)>(assembler.getCurr());
    for (const auto& reg : { rbp, rbx, r12, r13, r14, r15 })
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
    a.add(rsp, frame_bytes);
    for (const auto& reg : { r15, r14, r13, r12, rbx, rbp })
        a.pop(reg);
    a.ret();
}

const u8* Runtime::make_thunk(const void* function)
{
    Assembler& a = assembler;
    const u8* at = a.getCurr();
    a.sub(rsp, thunk_bytes);
    for (u32 i = 0; i < std::size(kept_by_callers); ++i)
        a.mov(ptr[rsp + i * 8], kept_by_callers[i]);
    a.mov(ptr[rbp + layout.retired], counter());
    a.lea(rdi, ptr[rbp - CpuLayout::bias]);
    a.mov(rsi, rax);
    a.mov(r8, ptr[rsp + thunk_bytes + 8 + argument_slot * 8]);
    a.mov(rax, reinterpret_cast<u64>(function));
    a.call(rax);
    for (u32 i = 0; i < std::size(kept_by_callers); ++i)
        a.mov(kept_by_callers[i], ptr[rsp + i * 8]);
    a.add(rsp, thunk_bytes);
    a.ret();
    return at;
}

void Runtime::make_thunks()
{
    for (std::size_t space = 0; space < 2; ++space) {
        for (std::size_t size = 0; size < 4; ++size) {
            load[space][size] = make_thunk(pointer(slow_load(space, size)));
            store[space][size] = make_thunk(pointer(slow_store(space, size)));
        }
    }
    for (std::size_t i = 0; i < update.size(); ++i)
        for (std::size_t size : std::initializer_list<std::size_t> { 0, 2, 3 })
            update[i][size] = make_thunk(pointer(slow_update(static_cast<StorageUpdate>(i), size)));
    for (std::size_t in_code = 0; in_code < 2; ++in_code)
        for (std::size_t kind = 0; kind < 3; ++kind)
            locate[in_code][kind] = make_thunk((in_code ? locate_functions<true>() : locate_functions<false>())[kind]);
    swap = { nullptr, nullptr, make_thunk(pointer(slow_swap(2))), make_thunk(pointer(slow_swap(3))) };
    run_step = make_thunk(pointer(&run_op));
    make_block_routines();
    make_string_routines();
    make_store_leftmost();
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
