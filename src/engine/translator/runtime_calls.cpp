#include "engine/translator/runtime.h"

// Functions called from translated code. No exception passes through its frames: what a function throws, or returns as a program
// interruption, is kept, and translated code left for whoever entered it.

namespace zvisor {

namespace {

using namespace Xbyak::util;

/// Of a thunk's frame, which keeps the stack aligned behind a return address.
constexpr u32 thunk_bytes = 56;
static_assert(thunk_bytes % 16 == 8 && sizeof(HostValues) % 16 == 0);

template<class Function>
[[nodiscard]] u64 pointer(Function* function)
{
    return reinterpret_cast<u64>(function);
}

/// `for_later`: the store may not come to be. A page that has not been changed yet is not to seem so.
template<bool in_code, Access access, bool for_later>
SlowResult locate_operand(Cpu& cpu, u64 at, u8, u64 bytes, u64 counters)
{
    Space& space = in_code ? cpu.code_space() : cpu.data_space();
    const u8* seen = for_later ? cpu.plain_operand(space, at, bytes, Access::fetch) : nullptr;
    if (seen && !(cpu.storage().key(cpu.absolute(seen)).value & StorageKey::change))
        return 0;
    u8* host = !for_later || seen ? cpu.plain_operand(space, at, bytes, access) : nullptr;
    if (auto* path = reinterpret_cast<PathCounters*>(counters); !host && --path->misses == 0)
        path->executions = PathCounters::misplaced;
    return reinterpret_cast<u64>(host);
}

template<bool in_code>
[[nodiscard]] std::array<SlowAccess*, 3> locate_functions()
{
    return { &locate_operand<in_code, Access::fetch, false>, &locate_operand<in_code, Access::store, false>,
        &locate_operand<in_code, Access::store, true> };
}

SlowResult run_op(Cpu& cpu, u64 op, u8, u64, u64)
{
    const auto* at = reinterpret_cast<const Op*>(op);
    at->run(cpu, at);
    return 0;
}

} // namespace

/// What `function` returns, a std::expected; none when translated code is to be left for what it raised.
template<class Function>
auto Runtime::guard(Function function) -> std::optional<typename decltype(function())::value_type>
{
    try {
        auto result = function();
        if (result) [[likely]]
            return std::move(*result);
        m_interruption = result.error();
    } catch (const ProgramInterruption& interruption) {
        m_interruption = interruption;
    } catch (...) {
        m_exception = std::current_exception();
    }
    return {};
}

Runtime::Served Runtime::serve_access(Cpu& cpu, u64 at, u8 base, u64 value, u64 expected, const Guarded& guarded)
{
    auto result = guarded.runtime.guard([&] { return guarded.function(cpu, at, base, value, expected); });
    return { result.value_or(0), !result };
}

/// Returns whether it was completed.
bool Runtime::serve_handler(Cpu& cpu, const Op* op, Runtime& runtime)
{
    auto run = [&]() -> SlowResult {
        op->run(cpu, op);
        return 0;
    };
    return runtime.guard(run).has_value();
}

/// Makes the access of the call and goes on behind it, or leaves.
const void* Runtime::serve_miss(Runtime& runtime, Cpu& cpu, HostValues& values)
{
    const u8* executed = runtime.memory.executable<const u8*>(runtime.memory.writable());
    auto back = static_cast<u32>(values.return_address - reinterpret_cast<u64>(executed));
    auto next = runtime.guard([&] { return runtime.misses.serve(cpu, values, back); });
    if (!next)
        return runtime.memory.executable(runtime.m_leave_interrupted);
    return *next ? executed + **next : runtime.memory.executable(runtime.m_leave_for_next);
}

void Runtime::serve_raise(Runtime& runtime, ProgramCode code)
{
    runtime.m_interruption = { .code = code };
}

const u8* Runtime::make_thunk(SlowAccess* function)
{
    Assembler& a = assembler;
    Xbyak::Label raised;
    const Guarded& guarded = m_guarded.emplace_back(Guarded { .runtime = *this, .function = function });
    const u8* at = a.getCurr();
    a.sub(rsp, thunk_bytes);
    for (u32 i = 0; i < std::size(kept_by_callers); ++i)
        a.mov(ptr[rsp + i * 8], kept_by_callers[i]);
    a.mov(ptr[rbp + layout.retired], counter());
    a.lea(rdi, ptr[rbp - CpuLayout::bias]);
    a.mov(rsi, rax);
    a.mov(r8, ptr[rsp + thunk_bytes + 8 + argument_slot * 8]);
    a.mov(r9, pointer(&guarded));
    a.mov(rax, pointer(&serve_access));
    a.call(rax);
    a.test(rdx, rdx);
    a.jne(raised);
    for (u32 i = 0; i < std::size(kept_by_callers); ++i)
        a.mov(kept_by_callers[i], ptr[rsp + i * 8]);
    a.add(rsp, thunk_bytes);
    a.ret();
    a.L(raised);
    a.add(rsp, thunk_bytes + 8);
    a.jmp(m_leave_interrupted);
    return at;
}

void Runtime::make_thunks()
{
    for (std::size_t space = 0; space < 2; ++space) {
        for (std::size_t size = 0; size < 4; ++size) {
            load[space][size] = make_thunk(slow_load(space, size));
            store[space][size] = make_thunk(slow_store(space, size));
        }
    }
    for (std::size_t i = 0; i < update.size(); ++i)
        for (std::size_t size : std::initializer_list<std::size_t> { 0, 2, 3 })
            update[i][size] = make_thunk(slow_update(static_cast<StorageUpdate>(i), size));
    for (std::size_t in_code = 0; in_code < 2; ++in_code)
        for (std::size_t kind = 0; kind < 3; ++kind)
            locate[in_code][kind] = make_thunk((in_code ? locate_functions<true>() : locate_functions<false>())[kind]);
    swap = { nullptr, nullptr, make_thunk(slow_swap(2)), make_thunk(slow_swap(3)) };
    run_step = make_thunk(&run_op);
    make_call_handler();
    make_raise();
}

void Runtime::make_call_handler()
{
    Assembler& a = assembler;
    Xbyak::Label raised;
    call_handler = a.getCurr();
    a.sub(rsp, 8);
    a.mov(ptr[rbp + layout.retired], counter());
    a.lea(rdi, ptr[rbp - CpuLayout::bias]);
    a.mov(rdx, pointer(this));
    a.mov(rax, pointer(&serve_handler));
    a.call(rax);
    a.add(rsp, 8);
    a.test(al, al);
    a.je(raised);
    a.ret();
    a.L(raised);
    a.add(rsp, 8);
    a.jmp(m_leave_interrupted);
}

void Runtime::make_raise()
{
    Assembler& a = assembler;
    raise = a.getCurr();
    a.mov(ptr[rbp + layout.retired], counter());
    a.mov(rdi, pointer(this));
    a.mov(rax, pointer(&serve_raise));
    a.call(rax);
    a.jmp(m_leave_interrupted);
}

void Runtime::make_misses()
{
    Assembler& a = assembler;
    constexpr u32 frame = offsetof(HostValues, return_address);
    m_not_found = a.getCurr();
    a.sub(rsp, frame);
    for (u32 i = 0; i < std::size(registers); ++i)
        a.mov(ptr[rsp + offsetof(HostValues, registers) + i * 8], registers[i]);
    a.mov(ptr[rsp + offsetof(HostValues, address)], rdx);
    for (u32 i = 0; i < numbers; ++i)
        a.movups(ptr[rsp + offsetof(HostValues, numbers) + i * 16], Xbyak::Xmm(static_cast<int>(i)));
    a.mov(ptr[rbp + layout.retired], counter());
    a.mov(rdi, pointer(this));
    a.lea(rsi, ptr[rbp - CpuLayout::bias]);
    a.mov(rdx, rsp);
    a.mov(rax, pointer(&serve_miss));
    a.call(rax);
    a.mov(counter(), ptr[rbp + layout.retired]);
    for (u32 i = 0; i < numbers; ++i)
        a.movups(Xbyak::Xmm(static_cast<int>(i)), ptr[rsp + offsetof(HostValues, numbers) + i * 16]);
    for (u32 i = 0; i < std::size(registers); ++i)
        a.mov(registers[i], ptr[rsp + offsetof(HostValues, registers) + i * 8]);
    a.add(rsp, sizeof(HostValues));
    a.jmp(rax);
}

} // namespace zvisor
