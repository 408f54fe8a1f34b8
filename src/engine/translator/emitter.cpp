#include "engine/translator/emitter.h"

#include "base/verify.h"

#include <algorithm>

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::CodeKind;
using ir::Condition;
using ir::ConditionKind;
using ir::Kind;
using ir::Node;

/// What a use on a path's stem counts for, where one in an arm is one.
constexpr u32 weight_of_stem = 16;

} // namespace

// ---- Kinds of nodes ------------------------------------------------------------------------------------------

struct Emitter::KindRow {
    Kind kind;
    u8 traits;
    void (Emitter::*emit)(Id);
    /// The code away from the block's path.
    void (Emitter::*emit_detour)(Detour&) { nullptr };

    static constexpr u8 has_effect = 1;
    static constexpr u8 has_third_operand = 2;
    static constexpr u8 names_condition = 4;
    /// Of one storage operand, in the space of its second operand.
    static constexpr u8 is_access = 8;
};

const Emitter::KindRow& Emitter::row_of(Kind kind)
{
    using Row = KindRow;
    static constexpr KindRow rows[] {
        { Kind::none, 0, &Emitter::emit_nothing },
        { Kind::constant, 0, &Emitter::emit_nothing },
        { Kind::get_gr, 0, &Emitter::emit_state_access },
        { Kind::get_vr, 0, &Emitter::emit_state_access },
        { Kind::put_vr, Row::has_effect, &Emitter::emit_state_access },
        { Kind::put_register, Row::has_effect, &Emitter::emit_put_register },
        { Kind::put_code, Row::has_effect | Row::names_condition, &Emitter::emit_put_code },
        { Kind::data_tlb, 0, &Emitter::emit_state_access },
        { Kind::code_tlb, 0, &Emitter::emit_state_access },
        { Kind::add, 0, &Emitter::emit_binary },
        { Kind::sub, 0, &Emitter::emit_binary },
        { Kind::mul, 0, &Emitter::emit_binary },
        { Kind::high_product_u, 0, &Emitter::emit_wide },
        { Kind::high_product_s, 0, &Emitter::emit_wide },
        { Kind::quotient_u, Row::has_third_operand, &Emitter::emit_wide },
        { Kind::quotient_s, 0, &Emitter::emit_wide },
        { Kind::bit_and, 0, &Emitter::emit_binary },
        { Kind::bit_or, 0, &Emitter::emit_binary },
        { Kind::bit_xor, 0, &Emitter::emit_binary },
        { Kind::shl, 0, &Emitter::emit_shift },
        { Kind::shr, 0, &Emitter::emit_shift },
        { Kind::sar, 0, &Emitter::emit_shift },
        { Kind::rol, 0, &Emitter::emit_shift },
        { Kind::zx, 0, &Emitter::emit_unary },
        { Kind::sx, 0, &Emitter::emit_unary },
        { Kind::sx8, 0, &Emitter::emit_unary },
        { Kind::sx16, 0, &Emitter::emit_unary },
        { Kind::zx8, 0, &Emitter::emit_unary },
        { Kind::zx16, 0, &Emitter::emit_unary },
        { Kind::hi, 0, &Emitter::emit_unary },
        { Kind::merge, 0, &Emitter::emit_merge },
        { Kind::reverse, 0, &Emitter::emit_unary },
        { Kind::select, Row::names_condition, &Emitter::emit_select },
        { Kind::truth, Row::names_condition, &Emitter::emit_select },
        { Kind::code, Row::names_condition, &Emitter::emit_select },
        { Kind::load, Row::has_effect | Row::is_access, &Emitter::emit_load, &Emitter::emit_slow_access },
        { Kind::store, Row::has_effect | Row::is_access | Row::has_third_operand, &Emitter::emit_store, &Emitter::emit_slow_access },
        { Kind::locate, Row::has_effect, &Emitter::emit_locate, &Emitter::emit_slow_locate },
        { Kind::load_at, 0, &Emitter::emit_load },
        { Kind::store_at, Row::has_effect | Row::has_third_operand, &Emitter::emit_store },
        { Kind::swap, Row::has_effect | Row::is_access | Row::has_third_operand, &Emitter::emit_interlocked,
            &Emitter::emit_slow_interlocked },
        { Kind::update, Row::has_effect | Row::is_access | Row::has_third_operand, &Emitter::emit_interlocked,
            &Emitter::emit_slow_interlocked },
        { Kind::load_registers, Row::has_effect | Row::is_access, &Emitter::emit_multiple, &Emitter::emit_slow_multiple },
        { Kind::store_registers, Row::has_effect | Row::is_access, &Emitter::emit_multiple, &Emitter::emit_slow_multiple },
        { Kind::block, Row::has_effect | Row::has_third_operand, &Emitter::emit_block, &Emitter::emit_slow_block },
        { Kind::string, Row::has_effect | Row::has_third_operand, &Emitter::emit_string, &Emitter::leave_by_handler },
        { Kind::program_mask, 0, &Emitter::emit_state_access },
        { Kind::change_mask, Row::has_effect, &Emitter::emit_change_mask, &Emitter::leave_by_handler },
        { Kind::store_leftmost, Row::has_effect | Row::has_third_operand, &Emitter::emit_store_leftmost, &Emitter::emit_slow_vector_store },
        { Kind::get_vector, 0, &Emitter::emit_get_vector },
        { Kind::vector, 0, &Emitter::emit_vector },
        { Kind::pair, 0, &Emitter::emit_pair },
        { Kind::insert, 0, &Emitter::emit_insert },
        { Kind::element, 0, &Emitter::emit_element },
        { Kind::byte_signs, 0, &Emitter::emit_byte_signs },
        { Kind::leading_zeros, 0, &Emitter::emit_leading_zeros },
        { Kind::leave_if_stale, Row::has_effect, &Emitter::emit_leave_if_stale, &Emitter::emit_stale_detour },
        { Kind::raise, Row::has_effect | Row::names_condition, &Emitter::emit_raise, &Emitter::emit_raised },
        { Kind::align, Row::has_effect, &Emitter::emit_align, &Emitter::emit_unaligned },
        { Kind::overflow, Row::has_effect, &Emitter::emit_overflow, &Emitter::emit_overflowed },
        { Kind::bfp_state, 0, &Emitter::emit_bfp_state },
        { Kind::bfp, Row::has_effect | Row::has_third_operand, &Emitter::emit_bfp, &Emitter::emit_slow_bfp },
        { Kind::bfp_round, Row::has_effect, &Emitter::emit_bfp_to_integer, &Emitter::leave_by_handler },
        { Kind::bfp_truncate, Row::has_effect, &Emitter::emit_bfp_to_integer, &Emitter::leave_by_handler },
        { Kind::bfp_ordered, Row::has_effect, &Emitter::emit_bfp_ordered, &Emitter::emit_unordered },
        { Kind::fence, Row::has_effect, &Emitter::emit_fence },
        { Kind::call, Row::has_effect, &Emitter::emit_call, &Emitter::emit_stale_detour },
        { Kind::side_exit, Row::has_effect | Row::names_condition, &Emitter::emit_side_exit, &Emitter::emit_taken },
        { Kind::exit, Row::has_effect, &Emitter::emit_end },
        { Kind::carried, 0, &Emitter::emit_carried },
        { Kind::loop, Row::has_effect, &Emitter::emit_loop },
        { Kind::repeat, Row::has_effect, &Emitter::emit_repeat, &Emitter::emit_pending },
        { Kind::arm, Row::has_effect, &Emitter::emit_arm },
    };
    static_assert([] {
        for (std::size_t i = 0; i < std::size(rows); ++i)
            if (rows[i].kind != static_cast<Kind>(i))
                return false;
        return true;
    }());
    return rows[static_cast<std::size_t>(kind)];
}

ir::Id Emitter::third_operand(const Node& node)
{
    return row_of(node.kind).traits & KindRow::has_third_operand ? node.c : 0;
}

const ir::Condition* Emitter::condition_of(const Node& node) const
{
    return row_of(node.kind).traits & KindRow::names_condition ? &m_program->conditions[node.c] : nullptr;
}

// ---- Which values are used, and how long -------------------------------------------------------------------

template<class Function>
void Emitter::for_each_in_code(const ir::CodeState& code, Function function) const
{
    if (code.kind == CodeKind::memory)
        return;
    function(code.a);
    if (code.b)
        function(code.b);
    if (code.since)
        function(code.since);
}

template<class Function>
void Emitter::for_each_in_snapshot(u32 snapshot, Function function) const
{
    if (snapshot == 0)
        return;
    const ir::Snapshot& taken = m_program->snapshots[snapshot];
    for (u32 i = taken.begin; i < taken.end; ++i)
        function(m_program->saved[i].value);
    for_each_in_code(taken.code, function);
}

template<class Function>
void Emitter::for_each_direct_operand(const Node& node, Function function) const
{
    if (node.a)
        function(address_of(node));
    if (Id index = index_of(node))
        function(index);
    if (node.b && !finds_by_call(node))
        function(node.b);
    if (Id third = third_operand(node))
        function(third);
    if (node.d)
        function(node.d);
    if (const Condition* condition = condition_of(node)) {
        if (condition->a)
            function(condition->a);
        if (condition->b)
            function(condition->b);
        for_each_in_code(condition->code, function);
    }
}

template<class Function>
void Emitter::for_each_operand(const Node& node, Function function) const
{
    for_each_direct_operand(node, function);
    for_each_in_snapshot(node.before, function);
    for_each_in_snapshot(node.after, function);
    if (node.kind == Kind::repeat)
        for (Id value : next_round(node))
            function(value);
}

void Emitter::find_uses()
{
    const auto& nodes = m_program->nodes;
    m_last.assign(nodes.size(), 0);
    m_displaced.assign(nodes.size(), false);
    m_used_otherwise.assign(nodes.size(), false);
    m_wants_number.assign(nodes.size(), false);
    m_needs_left.assign(nodes.size(), false);
    m_uses.assign(1, {});
    m_next_use.assign(m_block->is_path ? nodes.size() : 0, 0);
    begin_arms();
    for (Id id = static_cast<Id>(nodes.size()) - 1; id > 0; --id) {
        if (m_last[id] == 0 && !(row_of(nodes[id].kind).traits & KindRow::has_effect))
            continue;
        note_uses(id);
        note_widths(id);
        find_numbers(id);
        if (nodes[id].kind == Kind::arm)
            note_needed(arm_at(id));
    }
    find_carried_numbers();
    keep_through_loop();
}

/// All uses of the value itself are noted.
void Emitter::note_uses(Id id)
{
    const Node& node = m_program->nodes[id];
    m_displaced[id] = is_displaced(id);
    Id until = m_displaced[id] ? m_last[id] : id;
    for_each_operand(node, [&](Id operand) { m_last[operand] = std::max(m_last[operand], until); });
    if (node.kind == Kind::side_exit && node.imm)
        for (const Needed& needed : arm_at(static_cast<Id>(node.imm)).needed)
            m_last[needed.id] = std::max(m_last[needed.id], id);
    if (m_block->is_path)
        for_each_direct_operand(node, [&](Id operand) { add_use(operand, until); });
    auto use_otherwise = [&](Id operand) { m_used_otherwise[operand] = true; };
    if (!finds_by_call(node) && !forms_address(node))
        return for_each_operand(node, use_otherwise);
    use_otherwise(third_operand(node));
    use_otherwise(node.d);
    for_each_in_snapshot(node.before, use_otherwise);
    for_each_in_snapshot(node.after, use_otherwise);
}

/// Of its uses, in the order from the last to the first.
void Emitter::add_use(Id id, Id by)
{
    m_uses.push_back({ by, m_next_use[id] });
    m_next_use[id] = static_cast<u32>(m_uses.size() - 1);
}

/// The node that uses a value next on the path, snapshots apart; in a block, where few values go to the frame, the last one.
ir::Id Emitter::next_use(Id id)
{
    if (!m_block->is_path)
        return m_last[id];
    u32& next = m_next_use[id];
    while (next && m_uses[next].by < m_current)
        next = m_uses[next].next;
    return next ? m_uses[next].by : ~Id { 0 };
}

bool Emitter::finds_by_call(const Node& node) const
{
    return !m_block->is_path && row_of(node.kind).traits & KindRow::is_access;
}

std::vector<u32> Emitter::count_uses(Id from) const
{
    std::vector<u32> uses(m_program->nodes.size());
    u32 weight = weight_of_stem;
    for (Id id = from; id < m_program->nodes.size(); ++id) {
        weight = m_program->nodes[id].kind == Kind::arm ? 1 : weight;
        if (!m_displaced[id])
            for_each_direct_operand(m_program->nodes[id], [&](Id operand) { uses[operand] += weight; });
    }
    return uses;
}

// ---- Registers ---------------------------------------------------------------------------------------------

Emitter::Place Emitter::place(Id id) const
{
    const Node& node = m_program->nodes[id];
    if (id == 0)
        return {};
    if (node.kind == Kind::constant)
        return { .constant = true, .reg = no_register, .slot = -1, .value = node.imm };
    Place found { .reg = m_register[id], .slot = m_slot[id], .number = m_number[id], .cpu = m_in_cpu[id] };
    VERIFY(found.reg != no_register || found.in_memory() || found.number != no_number);
    return found;
}

Emitter::CodePlace Emitter::code_place(const ir::CodeState& code) const
{
    CodePlace found { .kind = code.kind, .width = code.width, .a = {}, .b = {}, .since = {} };
    if (code.kind == CodeKind::memory)
        return found;
    found.a = place(code.a);
    if (code.b)
        found.b = place(code.b);
    if (code.since)
        found.since = place(code.since);
    return found;
}

Emitter::State Emitter::state_of(u32 snapshot)
{
    State found;
    if (snapshot == 0)
        return found;
    const ir::Snapshot& taken = m_program->snapshots[snapshot];
    found.begin = static_cast<u32>(m_saved_places.size());
    for (u32 i = taken.begin; i < taken.end; ++i) {
        const ir::Saved& saved = m_program->saved[i];
        m_saved_places.push_back({ saved.reg, saved.width, place(saved.value) });
    }
    found.end = static_cast<u32>(m_saved_places.size());
    found.code = code_place(taken.code);
    return found;
}

Xbyak::Address Emitter::slot(i16 number) const
{
    return qword[rsp + static_cast<u32>(number) * 8];
}

Xbyak::Address Emitter::register_at(u8 number, u8 width) const
{
    bool is_floating = number >= ir::RegisterNumber::floating;
    std::size_t at = is_floating ? m_layout.vector_registers + 16U * (number - ir::RegisterNumber::floating) + 16U - width
                                 : m_layout.general_registers + 8U * number;
    return width == 4 ? dword[rbp + at] : qword[rbp + at];
}

/// What get_vr and put_vr name.
Xbyak::Address Emitter::other_register(const Node& node) const
{
    u32 number = node.info;
    if (number < ir::Place::access_register)
        return register_at(static_cast<u8>(ir::RegisterNumber::floating + number), node.width);
    bool is_half = number >= ir::Place::right_half;
    std::size_t at = is_half ? m_layout.vector_registers + 16 * (number - ir::Place::right_half)
                             : m_layout.access_registers + 4 * (number - ir::Place::access_register);
    return node.width == 4 ? dword[rbp + at] : qword[rbp + at];
}

void Emitter::allocate_slot(Id id)
{
    std::size_t count = is_wide(id) ? 2 : 1;
    std::size_t at = 0;
    while (m_slot_used[at] || m_slot_used[at + count - 1])
        VERIFY(++at + count <= Runtime::frame_slots);
    std::fill_n(m_slot_used.begin() + static_cast<std::ptrdiff_t>(at), count, true);
    m_slot[id] = static_cast<i16>(at);
}

void Emitter::free_register(Id id)
{
    m_owner[static_cast<std::size_t>(m_register[id])] = 0;
    m_register[id] = no_register;
}

void Emitter::spill(Id id)
{
    if (m_slot[id] < 0 && m_number[id] == no_number && !put_in_cpu(id)) {
        allocate_slot(id);
        m_asm.mov(slot(m_slot[id]), host(m_register[id]));
    }
    free_register(id);
}

std::size_t Emitter::choose(std::span<const Id> owners, u32 pinned)
{
    std::size_t best = owners.size();
    Id best_use = 0;
    for (std::size_t i = 0; i < owners.size(); ++i) {
        if (pinned >> i & 1)
            continue;
        if (owners[i] == 0)
            return i;
        if (Id use = next_use(owners[i]); best == owners.size() || use > best_use) {
            best = i;
            best_use = use;
        }
    }
    VERIFY(best < owners.size());
    return best;
}

Emitter::Register Emitter::allocate(Id id)
{
    std::size_t best = choose(m_owner, m_pinned);
    if (m_owner[best])
        spill(m_owner[best]);
    m_owner[best] = id;
    m_register[id] = static_cast<Register>(best);
    pin(m_register[id]);
    return m_register[id];
}

Emitter::Register Emitter::use(Id id)
{
    if (m_register[id] == no_register) {
        Place from = place(id);
        move(host(allocate(id)), from);
    }
    pin(m_register[id]);
    return m_register[id];
}

Xbyak::Reg64 Emitter::result_from(Id id, Id a)
{
    Place from = place(a);
    if (from.reg != no_register) {
        pin(from.reg);
        if (dies(a, id)) {
            m_owner[static_cast<std::size_t>(from.reg)] = id;
            m_register[a] = no_register;
            m_register[id] = from.reg;
            if (m_slot[a] < 0)
                m_slot[a] = -2; // no longer anywhere
            return host(from.reg);
        }
    }
    Xbyak::Reg64 to = host(allocate(id));
    move(to, from);
    return to;
}

void Emitter::release(Id id)
{
    forget_number(id);
    if (m_register[id] != no_register)
        free_register(id);
    if (m_slot[id] >= 0) {
        std::fill_n(m_slot_used.begin() + m_slot[id], is_wide(id) ? 2 : 1, false);
        m_slot[id] = -1;
    }
    m_in_cpu[id] = {};
}

void Emitter::move(const Xbyak::Reg64& to, const Place& from, u8 width)
{
    if (from.constant)
        m_asm.move_constant(to, width == 4 ? static_cast<u32>(from.value) : from.value);
    else if (from.reg == no_register && !from.in_memory())
        m_asm.movq(to, Xbyak::Xmm(from.number));
    else if (from.reg == no_register && from.slot < 0)
        m_asm.mov(sized(to, from.cpu.width), memory(from, from.cpu.width));
    else if (from.reg == no_register)
        m_asm.mov(to, memory(from, 8));
    else if (host(from.reg).getIdx() != to.getIdx())
        m_asm.mov(sized(to, width), sized(host(from.reg), width));
}

// ---- The block ---------------------------------------------------------------------------------------------

const u8* Emitter::emit(const ir::Program& program, const BlockCode& block)
{
    m_program = &program;
    m_block = &block;
    m_exits.clear();
    m_unlinked.clear();
    m_detours.clear();
    m_calls.clear();
    m_saved_places.clear();
    m_copies.clear();
    m_remainder = 0;
    m_flags = {};
    m_homes.clear();
    m_loop_begins = nullptr;
    m_marks.clear();
    m_counting.clear();
    m_owner.fill(0);
    m_slot_used.fill(false);
    m_register.assign(program.nodes.size(), no_register);
    m_slot.assign(program.nodes.size(), -1);
    m_in_cpu.assign(program.nodes.size(), {});
    m_held = {};
    m_kept = {};
    m_next_foreseen = m_next_held = 0;
    m_number.assign(program.nodes.size(), no_number);
    m_number_owner.fill(0);
    find_uses();
    m_asm.align(16);
    m_start = m_asm.getCurr();
    JumpTarget hot;
    if (block.executions) {
        m_asm.sub(dword[rip + reinterpret_cast<const u8*>(block.executions)], 1);
        m_asm.jump_if(HostCondition::sign, hot);
    }
    count(block.counters.executions);
    m_asm.add(Runtime::counter(), block.count ? block.count : block.loop_count);
    for (Id id = 1; id < program.nodes.size(); ++id) {
        const Node& node = program.nodes[id];
        const KindRow& row = row_of(node.kind);
        m_current = id;
        follow_registers(id);
        if (node.kind == Kind::constant || m_displaced[id] || (m_last[id] == 0 && !(row.traits & KindRow::has_effect)))
            continue;
        m_pinned = 0;
        m_numbers_pinned = 0;
        mark(id);
        (this->*row.emit)(id);
        for_each_operand(node, [&](Id operand) {
            if (dies(operand, id))
                release(operand);
        });
        if (m_last[id] == 0)
            release(id);
    }
    m_path_end = m_asm.getCurr();
    emit_detours(true);
    // What is executed seldom lies apart, so that the host's caches hold more of what is not.
    std::size_t behind = m_runtime.go_apart();
    emit_detours(false);
    emit_unlinked();
    if (block.executions) {
        m_asm.bind(hot);
        emit_leave_for(block.address);
    }
    m_runtime.come_back(behind);
    return m_start;
}

/// Branches that are taken, or all the others.
void Emitter::emit_detours(bool branches)
{
    for (Detour& detour : m_detours) {
        if ((detour.node->kind == Kind::side_exit) != branches || finds_by_call(*detour.node))
            continue;
        mark(static_cast<Id>(detour.node - m_program->nodes.data()));
        m_asm.bind(detour.entry);
        (this->*row_of(detour.node->kind).emit_detour)(detour);
    }
}

void Emitter::emit_nothing(Id) { }

void Emitter::emit_fence(Id)
{
    // Orders accesses to storage as MFENCE does, which waits for more than these.
    m_asm.lock();
    m_asm.or_(dword[rsp], 0);
}

void Emitter::emit_select(Id id)
{
    const Node& node = m_program->nodes[id];
    const Condition& condition = m_program->conditions[node.c];
    for_each_operand(node, [&](Id operand) {
        if (m_program->nodes[operand].kind != Kind::constant)
            (void)use(operand);
    });
    Xbyak::Reg64 to = host(allocate(id));
    if (node.kind == Kind::code) {
        compute_code(code_place(condition.code));
        return m_asm.mov(to.cvt32(), eax);
    }
    HostCondition when = flags_of(condition);
    if (node.kind == Kind::truth) {
        m_asm.set_if(when, al);
        return m_asm.movzx(to.cvt32(), al);
    }
    Place yes = place(node.a);
    move(to, place(node.b), node.width);
    move(rax, yes, node.width);
    m_asm.move_if(when, sized(to, node.width), sized(rax, node.width));
}

} // namespace zvisor
