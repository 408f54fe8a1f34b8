#include "engine/translator/emitter.h"

#include <algorithm>
#include <utility>

namespace zvisor {

using namespace Xbyak::util;
using ir::Kind;
using ir::Node;

void Emitter::emit_state_access(Id id)
{
    const Node& node = m_program->nodes[id];
    if (node.kind == Kind::put_vr) {
        Place from = place(node.a);
        if (from.constant && fits(from.value, node.width))
            return m_asm.mov(other_register(node), static_cast<u32>(from.value));
        move(rax, from, node.width);
        return m_asm.mov(other_register(node), sized(rax, node.width));
    }
    if (node.kind == Kind::get_vr && m_wants_number[id]) {
        Xbyak::Xmm number = allocate_number(id);
        return node.width == 4 ? m_asm.movd(number, other_register(node)) : m_asm.movq(number, other_register(node));
    }
    Xbyak::Reg64 to = host(allocate(id));
    if (node.kind == Kind::get_gr) {
        u8 width = needed_width(id);
        m_asm.mov(sized(to, width), register_at(node.info, width));
    } else if (node.kind == Kind::program_mask) {
        m_asm.movzx(to.cvt32(), byte[rbp + m_layout.program_mask]);
    } else if (node.kind == Kind::get_vr) {
        m_asm.mov(sized(to, node.width), other_register(node));
    } else {
        m_asm.mov(to, qword[rbp + (node.kind == Kind::data_tlb ? m_layout.data_space : m_layout.code_space)]);
    }
}

/// Moves, which leave the host's flags as they are.
void Emitter::emit_put_register(Id id)
{
    const Node& node = m_program->nodes[id];
    bool keeps_flags = m_flags.end == m_asm.getCurr();
    write_register({ node.info, node.width, place(node.a) });
    if (keeps_flags)
        m_flags.end = m_asm.getCurr();
}

// ---- Values in the CPU's registers ---------------------------------------------------------------------------
//
// What a general register has between instructions may be kept in the CPU's register itself, rather than in the frame, when there are
// too few registers of the host: what leaves then has less to write. It is there until an instruction changes the register.

/// Before node `id`.
void Emitter::follow_registers(Id id)
{
    const auto& all = m_program->held;
    for (;;) {
        bool foresees = m_next_foreseen < all.size() && all[m_next_foreseen].from <= id;
        bool holds = m_next_held < m_next_foreseen && all[m_next_held].to <= id;
        if (holds && (!foresees || all[m_next_held].to <= all[m_next_foreseen].from))
            hold(all[m_next_held++]);
        else if (foresees)
            foresee(all[m_next_foreseen++]);
        else
            return;
    }
}

/// The first node of the instruction that changes a register at which the CPU may have the new value already.
Emitter::Id Emitter::first_write(const ir::Held& held) const
{
    for (Id id = held.from; id < held.to; ++id) {
        const Node& node = m_program->nodes[id];
        if (node.after)
            return id;
        if (node.kind == Kind::call || node.kind == Kind::load_registers)
            return id + 1;
    }
    return ~Id { 0 };
}

/// An instruction is to change a register: what is needed of its value behind that is not in the CPU.
void Emitter::foresee(const ir::Held& held)
{
    Id end = first_write(held);
    auto is_needed = [&](Id id) { return id && id != held.full && id != held.half && m_last[id] >= end; };
    for (auto value : { &HeldIds::full, &HeldIds::half }) {
        if (is_needed(m_held[held.reg].*value))
            m_held[held.reg].*value = 0;
        if (is_needed(m_kept[held.reg].*value))
            take_from_cpu(m_kept[held.reg].*value);
    }
}

/// An instruction has changed a register, or read it.
void Emitter::hold(const ir::Held& held)
{
    for (Id* kept : { &m_kept[held.reg].full, &m_kept[held.reg].half })
        if (*kept && *kept != held.full && *kept != held.half)
            take_from_cpu(*kept);
    m_held[held.reg] = { held.full, held.half };
    for (Id id : { held.full, held.half }) {
        const Node& node = m_program->nodes[id];
        if (id >= held.from && m_last[id] >= m_current && node.kind == Kind::get_gr && node.info == held.reg)
            note_in_cpu(id, { static_cast<i8>(held.reg), needed_width(id) });
    }
}

/// The host's flags stay as they are.
void Emitter::take_from_cpu(Id& kept)
{
    Id id = std::exchange(kept, 0);
    CpuRegister from = std::exchange(m_in_cpu[id], {});
    bool is_elsewhere = m_register[id] != no_register || m_slot[id] >= 0 || m_number[id] != no_number;
    if (from.number < 0 || is_elsewhere || m_last[id] < m_current)
        return;
    bool keeps_flags = m_flags.end == m_asm.getCurr();
    allocate_slot(id);
    m_asm.mov(sized(rax, from.width), register_at(static_cast<u8>(from.number), from.width));
    m_asm.mov(slot(m_slot[id]), rax);
    if (keeps_flags)
        m_flags.end = m_asm.getCurr();
}

/// Whether a register of the CPU has a value until nobody needs it: else it had to be moved again, by two instructions.
bool Emitter::stays_in_cpu(Id id, u8 number) const
{
    const auto& all = m_program->held;
    for (std::size_t i = m_next_foreseen; i < all.size() && all[i].from < m_last[id]; ++i)
        if (all[i].reg == number && all[i].full != id && all[i].half != id && std::min(first_write(all[i]), all[i].to) <= m_last[id])
            return false;
    return true;
}

/// Whether the CPU has a value that is in a register of the host, or may have it.
bool Emitter::put_in_cpu(Id id)
{
    if (i8 number = m_in_cpu[id].number; number >= 0)
        return stays_in_cpu(id, static_cast<u8>(number));
    for (u8 number = 0; number < m_held.size(); ++number) {
        u8 width = needed_width(id);
        if ((m_held[number].full != id && (m_held[number].half != id || width == 8)) || !stays_in_cpu(id, number))
            continue;
        m_asm.mov(register_at(number, width), sized(host(m_register[id]), width));
        note_in_cpu(id, { static_cast<i8>(number), width });
        return true;
    }
    return false;
}

void Emitter::note_in_cpu(Id id, CpuRegister where)
{
    HeldIds& kept = m_kept[static_cast<std::size_t>(where.number)];
    (where.width == 8 ? kept.full : kept.half) = id;
    m_in_cpu[id] = where;
}

/// Where the loop begins: what it does not carry stays where it is in each round.
void Emitter::take_changed_from_cpu()
{
    const auto& all = m_program->held;
    for (std::size_t i = m_next_held; i < all.size(); ++i)
        for (Id* kept : { &m_kept[all[i].reg].full, &m_kept[all[i].reg].half })
            if (*kept && *kept != all[i].full && *kept != all[i].half && m_program->nodes[*kept].kind != Kind::carried)
                take_from_cpu(*kept);
}

Xbyak::Address Emitter::memory(const Place& place, u8 width) const
{
    if (place.slot < 0)
        return register_at(static_cast<u8>(place.cpu.number), std::min(width, place.cpu.width));
    u32 at = static_cast<u32>(place.slot) * 8;
    return width == 4 ? dword[rsp + at] : qword[rsp + at];
}

} // namespace zvisor
