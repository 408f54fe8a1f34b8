#include "engine/translator/emitter.h"

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::CodeKind;
using ir::Kind;
using ir::Node;

} // namespace

// ---- Leaving -----------------------------------------------------------------------------------------------

void Emitter::emit_call(Id id)
{
    const Node& node = m_program->nodes[id];
    write_back(state_of(node.before));
    count_handler(node);
    Step& step = m_block->steps[node.step];
    m_asm.move_constant(rsi, reinterpret_cast<u64>(&step.ops[0]));
    count_routine(m_runtime.call_handler);
    m_asm.call(m_runtime.call_handler);
    forget_numbers();
    if (node.imm) {
        m_asm.mov(rax, ptr[rbp + m_layout.next]);
        return emit_dispatch();
    }
    emit_leave_if_stale(id);
}

void Emitter::emit_leave_if_stale(Id id)
{
    Detour& stale = add_detour(id);
    m_asm.cmp(byte[rip + m_block->stale], 0);
    m_asm.jump_if(!HostCondition::equal, stale.entry);
}

void Emitter::emit_raise(Id id)
{
    HostCondition when = flags_of(m_program->conditions[m_program->nodes[id].c]);
    m_asm.jump_if(when, add_detour(id).entry);
}

void Emitter::emit_side_exit(Id id)
{
    const Node& node = m_program->nodes[id];
    HostCondition when = flags_of(m_program->conditions[node.c]);
    m_asm.jump_if(when, node.imm ? leave_for_arm(id) : add_detour(id).entry);
}

void Emitter::emit_end(Id id)
{
    const Node& node = m_program->nodes[id];
    write_back(state_of(node.after));
    emit_exit(place(node.a));
}

// ---- Detours -------------------------------------------------------------------------------------------------

/// To be called where its jump is, with operands and result at their places.
Emitter::Detour& Emitter::add_detour(Id id)
{
    const Node& node = m_program->nodes[id];
    auto first_copy = static_cast<u32>(m_copies.size());
    Id address = address_of(node);
    Id index = index_of(node);
    note_live_numbers();
    return m_detours.emplace_back(Detour { .node = &node,
        .entry = {},
        .back = {},
        .found = {},
        .before = node.kind == Kind::call ? State {} : state_of(node.before),
        .after = state_of(node.after),
        .a = place(address),
        .b = finds_by_call(node) ? Place {} : place(node.b),
        .c = place(third_operand(node)),
        .d = place(node.d),
        .result = m_register[id],
        .displacement = address == node.a || index ? 0 : static_cast<u32>(m_program->nodes[m_program->nodes[node.a].b].imm),
        .index = place(index),
        .site = {},
        .number = m_number[id],
        .first_copy = first_copy,
        .last_copy = static_cast<u32>(m_copies.size()) });
}

void Emitter::emit_unaligned(Detour& detour)
{
    write_back(detour.before);
    set_op(*detour.node);
    raise(ProgramCode::specification);
}

void Emitter::emit_overflowed(Detour& detour)
{
    m_asm.test(byte[rbp + m_layout.program_mask], 8);
    m_asm.jump_if(HostCondition::equal, detour.back);
    detour.after.code.kind = CodeKind::memory;
    write_back(detour.after);
    m_asm.mov(byte[rbp + m_layout.condition_code], 3);
    set_op(*detour.node);
    raise(ProgramCode::fixed_point_overflow);
}

void Emitter::emit_raised(Detour& detour)
{
    write_back(detour.before);
    set_op(*detour.node);
    raise(static_cast<ProgramCode>(detour.node->imm));
}

void Emitter::emit_taken(Detour& detour)
{
    const Step& step = m_block->steps[detour.node->step];
    if (!m_block->counters.exits.empty())
        count(&m_block->counters.exits[detour.node->step]);
    take_back(step.remaining - 1);
    write_back(detour.after);
    emit_exit(detour.a, detour.node->step);
}

/// The instruction was the last of the block that may be executed.
void Emitter::emit_stale_detour(Detour& detour)
{
    write_back(detour.after);
    const Step& step = m_block->steps[detour.node->step];
    take_back(step.remaining - 1);
    emit_leave_for(step.ops[1].address);
}

void Emitter::emit_slow_access(Detour& detour)
{
    const Node& node = *detour.node;
    bool code = m_program->nodes[node.b].kind == Kind::code_tlb;
    JumpTarget miss;
    if (detour.site)
        emit_site_refill(detour, miss);
    m_asm.bind(miss);
    if (node.info == 16)
        return node.kind == Kind::load ? emit_slow_vector_load(detour) : emit_slow_vector_store(detour);
    write_back(detour.before);
    count(m_block->counters.slow_accesses);
    keep_numbers(detour);
    set_op(node);
    load_address(rax, detour);
    m_asm.mov(edx, node.base);
    if (node.kind == Kind::load) {
        m_asm.call(m_runtime.load[code][size_index(node.info)]);
        if (detour.number != no_number)
            m_asm.movq(Xbyak::Xmm(detour.number), rax);
        else
            m_asm.mov(host(detour.result), rax);
        return go_back(detour);
    }
    move(rcx, detour.c);
    m_asm.call(m_runtime.store[code][size_index(node.info)]);
    go_back_unless_stale(detour);
}

/// What cannot be located is accessed by the handler, and the path left behind that: so it is with every access, since none of those
/// that follow looks at its operand again.
void Emitter::emit_slow_locate(Detour& detour)
{
    const Node& node = *detour.node;
    const ir::Located& what = m_program->located[node.c];
    bool code = m_program->nodes[node.b].kind == Kind::code_tlb;
    JumpTarget nowhere;
    write_back(detour.before);
    count(m_block->counters.slow_accesses);
    keep_numbers(detour);
    m_asm.move_constant(rcx, reinterpret_cast<u64>(m_block->path));
    m_asm.mov(qword[rsp + Runtime::argument_slot * 8], rcx);
    move(rax, detour.a);
    m_asm.add(rax, static_cast<u32>(what.begin));
    m_asm.mov(ecx, static_cast<u32>(what.end - what.begin));
    m_asm.call(m_runtime.locate[code][what.stores ? (what.begins_with_store ? 1 : 2) : 0]);
    restore_numbers(detour);
    m_asm.test(rax, rax);
    m_asm.jump_if(HostCondition::equal, nowhere);
    m_asm.lea(host(detour.result), ptr[rax - static_cast<std::size_t>(what.begin)]);
    m_asm.jump(detour.back);
    m_asm.bind(nowhere);
    leave_behind_handler(detour); // numbers that nobody needs behind the instruction are gone by now
}

void Emitter::emit_slow_interlocked(Detour& detour)
{
    const Node& node = *detour.node;
    std::size_t size = size_index(node.info);
    write_back(detour.before);
    count(m_block->counters.slow_accesses);
    keep_numbers(detour);
    set_op(node);
    if (node.kind == Kind::swap) {
        move(rax, detour.d);
        m_asm.mov(qword[rsp + Runtime::argument_slot * 8], rax);
    }
    load_address(rax, detour);
    m_asm.mov(edx, node.base);
    move(rcx, detour.c);
    m_asm.call(node.kind == Kind::swap ? m_runtime.swap[size] : m_runtime.update[node.imm][size]);
    m_asm.mov(host(detour.result), rax);
    go_back(detour);
}

/// The handler does it, with the registers of the CPU; a store's are there already.
void Emitter::emit_slow_multiple(Detour& detour)
{
    bool load = detour.node->kind == Kind::load_registers;
    if (load)
        write_registers(detour.before);
    write_code(detour.before.code);
    run_handler(detour);
    load ? go_back(detour) : go_back_unless_stale(detour);
}

void Emitter::run_handler(const Detour& detour)
{
    count_handler(*detour.node);
    keep_numbers(detour);
    m_asm.move_constant(rax, reinterpret_cast<u64>(&m_block->steps[detour.node->step].ops[0]));
    m_asm.call(m_runtime.run_step);
}

/// What the path would go on with is not what the handler leaves: another block follows.
void Emitter::leave_by_handler(Detour& detour)
{
    write_back(detour.before);
    leave_behind_handler(detour);
}

/// The CPU has the state before the instruction already.
void Emitter::leave_behind_handler(Detour& detour)
{
    const Step& step = m_block->steps[detour.node->step];
    run_handler(detour);
    take_back(step.remaining - 1);
    emit_exit({ .constant = true, .value = step.ops[1].address });
}

/// Back to the block's path, with the copies made again that a call has lost.
void Emitter::go_back(Detour& detour)
{
    restore_numbers(detour);
    m_asm.jump(detour.back);
}

void Emitter::go_back_unless_stale(Detour& detour)
{
    restore_numbers(detour);
    m_asm.cmp(byte[rip + m_block->stale], 0);
    m_asm.jump_if(HostCondition::equal, detour.back);
    emit_stale_detour(detour);
}

// ---- Leaving ---------------------------------------------------------------------------------------------------

void Emitter::emit_exit(const Place& target, std::optional<u32> branch)
{
    if (!target.constant) {
        move(rax, target);
        return emit_dispatch();
    }
    i32* left = branch && !m_block->exits_left.empty() ? m_block->exits_left[*branch] : nullptr;
    // An instruction at the page's end may go on in the next page, which is not where it was when the spaces change.
    bool same_page = (target.value ^ m_block->address) < page_size && target.value % page_size < page_size - 4;
    ExitCode& exit = m_exits.emplace_back(ExitCode { .number = m_runtime.next_exit(), .target = target.value });
    JumpTarget& unlinked = m_unlinked.emplace_back();
    if (left) {
        exit.left = left;
        exit.step = *branch;
        m_asm.sub(dword[rip + left], 1);
        m_asm.jump_if(HostCondition::sign, unlinked);
    }
    // Every loop has an exit that does not lead forward, or one that is dispatched.
    if (target.value <= m_block->address) {
        m_asm.cmp(dword[rbp + m_layout.pending], 0);
        m_asm.jump_if(!HostCondition::equal, unlinked);
    }
    if (!same_page) {
        m_asm.mov(rcx, ptr[rbp + m_layout.code_space]);
        exit.generation = m_asm.compare_wide(dword[rcx + m_layout.generation]);
        m_asm.jump_if(!HostCondition::equal, unlinked);
    }
    exit.jump = m_asm.getCurr();
    m_asm.jump(unlinked);
}

/// Goes to the code at the guest address in rax. The last jump is at each place that does, since the host predicts it by place.
void Emitter::emit_dispatch()
{
    if (m_block->is_path)
        return m_runtime.emit_dispatch();
    count_routine(m_runtime.find_code);
    m_asm.call(m_runtime.find_code);
    m_asm.jmp(ptr[rdx + offsetof(CodePosition, code)]);
}

/// Where exits lead until they are linked.
void Emitter::emit_unlinked()
{
    for (std::size_t i = 0; i < m_exits.size(); ++i) {
        ExitCode& exit = m_exits[i];
        m_asm.bind(m_unlinked[i]);
        exit.unlinked = m_asm.getCurr();
        m_asm.mov(eax, exit.number);
        m_asm.jmp(m_runtime.leave);
    }
}

void Emitter::emit_leave_for(u64 address)
{
    m_asm.move_constant(rcx, address);
    m_asm.jmp(m_runtime.leave_for);
}

void Emitter::set_op(const Node& node)
{
    m_asm.move_constant(rax, reinterpret_cast<u64>(&m_block->steps[node.step].ops[0]));
    m_asm.mov(ptr[rbp + m_layout.op], rax);
}

/// Leaves for a program interruption of Cpu::op.
void Emitter::raise(ProgramCode code)
{
    m_asm.mov(esi, static_cast<u32>(code));
    m_asm.jmp(m_runtime.raise);
}

void Emitter::take_back(u32 instructions)
{
    if (instructions)
        m_asm.sub(Runtime::counter(), instructions);
}

void Emitter::write_back(const State& state)
{
    write_registers(state);
    write_code(state.code);
}

void Emitter::write_registers(const State& state)
{
    for (const SavedPlace& saved : std::span(m_saved_places).subspan(state.begin, state.end - state.begin))
        write_register(saved);
}

void Emitter::write_register(const SavedPlace& saved)
{
    Xbyak::Address to = register_at(saved.reg, saved.width);
    const Place& from = saved.place;
    if (from.cpu.number == saved.reg)
        return;
    if (saved.width == 16)
        return write_vector(to, from);
    if (from.constant && fits(from.value, saved.width))
        return m_asm.mov(to, saved.width == 4 ? static_cast<u32>(from.value) : from.value);
    if (from.reg != no_register)
        return m_asm.mov(to, sized(host(from.reg), saved.width));
    if (from.number != no_number)
        return saved.width == 4 ? m_asm.movd(to, Xbyak::Xmm(from.number)) : m_asm.movq(to, Xbyak::Xmm(from.number));
    move(rax, from);
    m_asm.mov(to, sized(rax, saved.width));
}

void Emitter::write_vector(const Xbyak::Address& to, const Place& from)
{
    if (from.number == no_number)
        m_asm.movups(scratch_number, slot(from.slot));
    m_asm.movups(to, from.number == no_number ? scratch_number : Xbyak::Xmm(from.number));
}

void Emitter::write_code(const CodePlace& code)
{
    Xbyak::Address to = byte[rbp + m_layout.condition_code];
    if (code.kind == CodeKind::memory)
        return;
    JumpTarget is_there;
    if (code.since) {
        compare(*code.since, { .constant = true }, 4);
        m_asm.jump_if(HostCondition::equal, is_there);
    }
    if (code.kind == CodeKind::value && code.a.constant) {
        m_asm.mov(to, static_cast<u32>(code.a.value));
    } else {
        compute_known_code(code);
        m_asm.mov(to, al);
    }
    m_asm.bind(is_there);
}

} // namespace zvisor
