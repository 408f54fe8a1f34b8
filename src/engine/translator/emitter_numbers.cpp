#include "engine/translator/emitter.h"

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::BfpOperation;
using ir::Kind;
using ir::Node;

} // namespace

// ---- Numbers in SSE registers --------------------------------------------------------------------------------
//
// Numbers and vectors are made and used in SSE registers, and kept in the frame when there are too few. A number that is used
// otherwise gets a general register too.

bool Emitter::is_wide(Id id) const
{
    const Node& node = m_program->nodes[id];
    switch (node.kind) {
    case Kind::get_vector:
    case Kind::vector:
    case Kind::pair:
    case Kind::insert:
        return true;
    case Kind::load:
    case Kind::load_at:
        return node.info == 16;
    case Kind::carried:
        return node.width == 16;
    default:
        return false;
    }
}

bool Emitter::combines_numbers(Id id) const
{
    Kind kind = m_program->nodes[id].kind;
    return m_wants_number[id] && (kind == Kind::bit_and || kind == Kind::bit_or || kind == Kind::bit_xor);
}

void Emitter::find_numbers(Id id)
{
    const Node& node = m_program->nodes[id];
    auto want = [this](Id value) { m_wants_number[value] = true; };
    auto want_code = [&](const ir::CodeState& code) {
        if (code.kind != ir::CodeKind::bfp_sign && code.kind != ir::CodeKind::bfp_compare)
            return;
        want(code.a);
        want(code.b);
    };
    bool is_arithmetic = node.kind == Kind::bfp && static_cast<BfpOperation>(node.info) != BfpOperation::from_integer;
    if (is_arithmetic || node.kind == Kind::bfp_ordered || node.kind == Kind::pair || combines_numbers(id)) {
        want(node.a);
        want(node.b);
        want(third_operand(node));
    }
    if (node.kind == Kind::bfp_round || node.kind == Kind::bfp_truncate || (node.kind == Kind::carried && m_wants_number[id]))
        want(node.a);
    if (node.kind == Kind::insert && node.width == 8 && node.info == 0)
        want(node.b);
    if (node.kind == Kind::side_exit)
        want_code(m_program->conditions[node.c].code);
}

Xbyak::Xmm Emitter::allocate_number(Id id)
{
    auto best = static_cast<u8>(choose(m_number_owner, m_numbers_pinned));
    evict_number(m_number_owner[best]);
    m_number_owner[best] = id;
    m_number[id] = best;
    m_numbers_pinned |= 1U << best;
    return Xbyak::Xmm(best);
}

void Emitter::evict_number(Id id)
{
    if (id == 0 || m_number[id] == no_number)
        return;
    if (m_register[id] == no_register && m_slot[id] < 0 && m_in_cpu[id].number < 0) {
        allocate_slot(id);
        Xbyak::Xmm from(m_number[id]);
        is_wide(id) ? m_asm.movups(slot(m_slot[id]), from) : m_asm.movq(slot(m_slot[id]), from);
    }
    forget_number(id);
}

void Emitter::forget_number(Id id)
{
    if (id == 0 || m_number[id] == no_number)
        return;
    m_number_owner[m_number[id]] = 0;
    m_number[id] = no_number;
}

void Emitter::forget_numbers()
{
    for (Id id : m_number_owner)
        forget_number(id);
}

Xbyak::Xmm Emitter::use_number(Id id)
{
    if (m_number[id] == no_number) {
        Place from = place(id);
        Xbyak::Xmm to = allocate_number(id);
        load_number(to, from, is_wide(id));
    }
    m_numbers_pinned |= 1U << m_number[id];
    return Xbyak::Xmm(m_number[id]);
}

Xbyak::Xmm Emitter::number_from(Id id, Id a)
{
    Xbyak::Xmm from = use_number(a);
    if (dies(a, id) && !place(a).constant) {
        auto number = static_cast<u8>(from.getIdx());
        m_number[a] = no_number;
        m_number_owner[number] = id;
        m_number[id] = number;
        return from;
    }
    Xbyak::Xmm to = allocate_number(id);
    m_asm.movaps(to, from);
    return to;
}

void Emitter::load_number(const Xbyak::Xmm& to, const Place& from, bool wide)
{
    if (from.constant && from.value == 0) {
        m_asm.pxor(to, to);
    } else if (from.constant) {
        move(rax, from);
        m_asm.movq(to, rax);
    } else if (from.number != no_number) {
        m_asm.movaps(to, Xbyak::Xmm(from.number));
    } else if (from.reg == no_register) {
        bool is_word = from.slot < 0 && from.cpu.width == 4;
        if (is_word)
            m_asm.movd(to, memory(from, 4));
        else
            wide ? m_asm.movups(to, memory(from, 8)) : m_asm.movq(to, memory(from, 8));
    } else {
        m_asm.movq(to, host(from.reg));
    }
}

/// As LOAD COMPLEMENT does with the sign.
void Emitter::emit_number_bits(Id id)
{
    const Node& node = m_program->nodes[id];
    Xbyak::Xmm from = number_of(pinned_place(node.b), scratch_number);
    Xbyak::Xmm to = number_from(id, node.a);
    switch (node.kind) {
    case Kind::bit_and:
        return m_asm.pand(to, from);
    case Kind::bit_or:
        return m_asm.por(to, from);
    default:
        return m_asm.pxor(to, from);
    }
}

Emitter::Place Emitter::pinned_place(Id id)
{
    Place found = place(id);
    if (found.number != no_number)
        m_numbers_pinned |= 1U << found.number;
    return found;
}

Xbyak::Xmm Emitter::number_of(const Place& from, const Xbyak::Xmm& scratch, bool wide)
{
    if (from.number != no_number)
        return Xbyak::Xmm(from.number);
    load_number(scratch, from, wide);
    return scratch;
}

/// What is needed after the current node, to be there again behind a call.
void Emitter::note_live_numbers()
{
    for (u8 i = 0; i < number_count; ++i)
        if (Id id = m_number_owner[i]; id && id != m_current && m_last[id] > m_current)
            m_copies.push_back({ i, is_wide(id), place(id) });
}

std::span<const Emitter::Copy> Emitter::copies_of(const Detour& detour) const
{
    return std::span(m_copies).subspan(detour.first_copy, detour.last_copy - detour.first_copy);
}

void Emitter::keep_numbers(const Detour& detour)
{
    for (const Copy& copy : copies_of(detour))
        if (!copy.place.constant && copy.place.reg == no_register && !copy.place.in_memory())
            m_asm.movups(slot(static_cast<i16>(Runtime::number_slots + 2U * copy.number)), Xbyak::Xmm(copy.number));
}

void Emitter::restore_numbers(const Detour& detour)
{
    for (const Copy& copy : copies_of(detour)) {
        Place from = copy.place;
        Xbyak::Xmm to(copy.number);
        bool kept = !from.constant && from.reg == no_register && !from.in_memory();
        auto at = static_cast<i16>(Runtime::number_slots + 2U * copy.number);
        from.number = no_number;
        kept ? m_asm.movups(to, slot(at)) : load_number(to, from, copy.wide);
    }
}

// ---- Storage -----------------------------------------------------------------------------------------------

/// A number that is not needed in a general register.
void Emitter::emit_load_number(Id id)
{
    const Node& node = m_program->nodes[id];
    (void)use_operands(node);
    Xbyak::Xmm to = allocate_number(id);
    access(id, [&](const Xbyak::RegExp& operand) {
        if (node.info == 4)
            m_asm.movd(to, dword[operand]);
        else
            node.info == 8 ? m_asm.movq(to, qword[operand]) : m_asm.movups(to, xword[operand]);
        m_asm.pshufb(to, xword[rip + m_runtime.reversal[size_index(node.info)]]);
    });
}

/// The value of a store is in an SSE register.
void Emitter::store_number(const Node& node, const Xbyak::RegExp& at)
{
    m_asm.movaps(scratch_number, Xbyak::Xmm(m_number[node.c]));
    m_asm.pshufb(scratch_number, xword[rip + m_runtime.reversal[size_index(node.info)]]);
    if (node.info == 4)
        m_asm.movd(dword[at], scratch_number);
    else if (node.info == 8)
        m_asm.movq(qword[at], scratch_number);
    else
        m_asm.movups(xword[at], scratch_number);
}

void Emitter::emit_store_leftmost(Id id)
{
    const Node& node = m_program->nodes[id];
    Xbyak::Reg64 address = use_operands(node);
    Xbyak::Xmm from = use_number(node.c);
    Detour& miss = add_detour(id);
    emit_lookup(miss.a, miss.b, 16, true, miss.entry);
    m_asm.add(rdx, address);
    move(rcx, place(node.d), 4);
    m_asm.movaps(scratch_number, from);
    m_asm.pshufb(scratch_number, xword[rip + m_runtime.reversal[4]]);
    m_asm.call(m_runtime.store_leftmost);
    m_asm.bind(miss.back);
}

void Emitter::emit_slow_vector_load(Detour& detour)
{
    write_back(detour.before);
    run_handler(detour);
    m_asm.movups(Xbyak::Xmm(detour.number), register_at(static_cast<u8>(ir::RegisterNumber::floating + detour.node->imm), 16));
    go_back(detour);
}

void Emitter::emit_slow_vector_store(Detour& detour)
{
    write_back(detour.before);
    run_handler(detour);
    go_back_unless_stale(detour);
}

} // namespace zvisor
