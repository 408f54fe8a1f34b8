#include "engine/translator/emitter.h"

#include <algorithm>

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::Kind;
using ir::Node;

/// Values that a loop keeps in registers from its beginning; the others are for what comes and goes.
constexpr std::ptrdiff_t most_kept = 7;

} // namespace

/// What is known where the loop begins and used in it is needed until its end.
void Emitter::keep_through_loop()
{
    Id loop = m_program->loop;
    if (loop == 0)
        return;
    auto last = static_cast<Id>(m_program->nodes.size() - 1);
    for (Id id = 1; id < loop; ++id)
        if (m_last[id] > loop)
            m_last[id] = last;
}

void Emitter::emit_carried(Id id)
{
    const Node& node = m_program->nodes[id];
    (void)result_from(id, node.a);
}

/// Values that the loop needs least go to the frame when there are too many for registers.
void Emitter::spill_for_loop()
{
    std::vector<u32> uses = count_uses(m_current);
    for (auto kept = std::ssize(m_owner) - std::ranges::count(m_owner, Id { 0 }); kept > most_kept; --kept) {
        Id least = 0;
        for (Id id : m_owner)
            if (id && (least == 0 || uses[id] < uses[least]))
                least = id;
        spill(least);
    }
}

/// Where a value is, once.
Emitter::Place Emitter::home_of(Id id) const
{
    Place found = place(id);
    if (found.reg != no_register)
        found.slot = -1;
    return found;
}

void Emitter::emit_loop(Id)
{
    forget_numbers();
    spill_for_loop();
    for (Id id = 1; id < m_current; ++id)
        if (m_register[id] != no_register || m_slot[id] >= 0)
            m_homes.push_back({ id, home_of(id) });
    m_asm.align(16);
    m_loop_begins = m_asm.getCurr();
    count(m_block->counters.rounds);
    m_asm.add(Runtime::counter(), m_block->loop_count);
}

/// Everything goes back to where it was where the loop begins.
void Emitter::emit_repeat(Id id)
{
    Detour& pending = add_detour(id);
    m_asm.cmp(dword[rbp + m_layout.pending], 0);
    m_asm.jump_if(!HostCondition::equal, pending.entry);
    std::vector<Move> moves;
    auto carried = m_program->carried.begin();
    auto home = m_homes.begin();
    for (Id value = 1; value < m_program->loop && home != m_homes.end(); ++value) {
        bool is_carried = m_program->nodes[value].kind == Kind::carried;
        Id now = is_carried ? *carried++ : value;
        if (home->id != value)
            continue;
        // What is in the frame and has not changed is there still.
        if (now != value || home->place.reg != no_register)
            moves.push_back({ home->place, home_of(now) });
        ++home;
    }
    move_all(std::move(moves));
    m_asm.jmp(m_loop_begins);
}

/// Moves at once: what is the source of another move is written after that, and where they go round in a circle rax takes one.
void Emitter::move_all(std::vector<Move> moves)
{
    constexpr Place aside { .constant = false, .reg = -2, .slot = -1, .value = 0 };
    auto done = [](const Move& move) { return !move.from.constant && same(move.to, move.from); };
    auto emit = [&](const Move& move) {
        Xbyak::Reg64 to = move.to.reg == no_register ? rcx : host(move.to.reg);
        if (same(move.from, aside))
            m_asm.mov(to, rax);
        else
            this->move(to, move.from);
        if (move.to.reg == no_register)
            m_asm.mov(slot(move.to.slot), to);
    };
    std::erase_if(moves, done);
    while (!moves.empty()) {
        auto is_source = [&](const Place& place) {
            return std::ranges::any_of(moves, [&](const Move& other) { return !other.from.constant && same(other.from, place); });
        };
        auto free = std::ranges::find_if(moves, [&](const Move& move) { return !is_source(move.to); });
        if (free != moves.end()) {
            emit(*free);
            moves.erase(free);
            continue;
        }
        Place circle = moves.front().from;
        this->move(rax, circle);
        for (Move& move : moves)
            if (!move.from.constant && same(move.from, circle))
                move.from = aside;
    }
}

void Emitter::emit_pending(Detour& detour)
{
    write_back(detour.after);
    emit_leave_for(detour.a.value);
}

} // namespace zvisor
