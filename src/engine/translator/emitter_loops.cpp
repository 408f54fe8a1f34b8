#include "engine/translator/emitter.h"

#include "base/verify.h"

#include <algorithm>

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::Kind;
using ir::Node;

/// Values that a loop keeps in registers from its beginning; the others are for what comes and goes.
constexpr std::ptrdiff_t most_kept = 7;
constexpr std::ptrdiff_t most_numbers_kept = 10;

} // namespace

/// What the next round has for the `carried` nodes.
std::span<const ir::Id> Emitter::next_round(const Node& repeat) const
{
    return std::span(m_program->carried).subspan(repeat.imm, m_carried.size());
}

/// Until when the stem or an arm, the nodes from `begin` to `end`, has to keep what each round needs: to its end when it comes back, else
/// to where an arm leaves that does; 0 when there is none. `arms` are those behind it.
Emitter::Id Emitter::comes_back_until(Id begin, Id end, std::span<const Arm> arms) const
{
    if (m_program->nodes[end].kind == Kind::repeat)
        return end;
    Id until = 0;
    for (const Arm& arm : arms)
        if (auto exit = static_cast<Id>(m_program->nodes[arm.begin].imm); arm.comes_back && begin <= exit && exit <= end)
            until = std::max(until, exit);
    return until;
}

/// What is known where the loop begins and used in it is needed until its end, and in each arm that comes back; what is carried has another
/// value in the next round.
void Emitter::keep_through_loop()
{
    Id loop = m_program->loop;
    if (loop == 0)
        return;
    std::vector<Id> kept;
    for (Id id = 1; id < loop; ++id)
        if (m_last[id] > loop && m_program->nodes[id].kind != Kind::carried)
            kept.push_back(id);
    for (std::size_t i = m_arms.size(); i-- > 0;) {
        Arm& arm = m_arms[i];
        Id until = comes_back_until(arm.begin, arm.end, std::span<const Arm>(m_arms).subspan(i + 1));
        arm.comes_back = until != 0;
        for (Id id : kept)
            keep(arm, id, until);
    }
    Id stem_end = (m_arms.empty() ? static_cast<Id>(m_program->nodes.size()) : m_arms.front().begin) - 1;
    Id until = comes_back_until(loop, stem_end, m_arms);
    for (Id id : kept)
        m_last[id] = std::max(m_last[id], until);
}

/// What the next round has in the place of a number is wanted as a number too.
void Emitter::find_carried_numbers()
{
    for (std::size_t i = 0; i < m_carried.size(); ++i)
        if (m_wants_number[m_carried[i]])
            for (std::size_t next = i; next < m_program->carried.size(); next += m_carried.size())
                m_wants_number[m_program->carried[next]] = true;
}

void Emitter::emit_carried(Id id)
{
    Id first = m_program->nodes[id].a;
    if (is_wide(id) || m_wants_number[id])
        (void)number_from(id, first);
    else
        (void)result_from(id, first);
}

/// Leaves a value in one register; it may have a slot besides.
void Emitter::settle(Id id)
{
    if (m_number[id] == no_number)
        return;
    bool has_register = m_register[id] != no_register;
    if (m_program->nodes[id].kind == Kind::constant || (has_register && !m_wants_number[id]))
        return forget_number(id);
    if (has_register)
        free_register(id);
}

/// Of the values in registers, the one that is used least.
Emitter::Id Emitter::least_used(std::span<const Id> owners, const std::vector<u32>& uses)
{
    Id least = 0;
    for (Id id : owners)
        if (id && (least == 0 || uses[id] < uses[least]))
            least = id;
    return least;
}

/// Values that the loop needs least go to the frame when there are too many for registers.
void Emitter::spill_for_loop()
{
    std::vector<u32> uses = count_uses(m_current);
    auto taken = [](const auto& owners) { return std::ssize(owners) - std::ranges::count(owners, Id { 0 }); };
    for (auto kept = taken(m_owner); kept > most_kept; --kept)
        spill(least_used(m_owner, uses));
    for (auto kept = taken(m_number_owner); kept > most_numbers_kept; --kept)
        evict_number(least_used(m_number_owner, uses));
}

void Emitter::emit_loop(Id)
{
    for (Id id = 1; id < m_current; ++id)
        settle(id);
    take_changed_from_cpu();
    spill_for_loop();
    for (Id id = 1; id < m_current; ++id)
        if (m_register[id] != no_register || m_number[id] != no_number || m_slot[id] >= 0 || m_in_cpu[id].number >= 0)
            m_homes.push_back({ id, one_place(place(id)) });
    if (m_block->count)
        m_asm.add(Runtime::counter(), m_block->loop_count);
    m_asm.align(16);
    m_loop_begins = m_asm.getCurr();
    count(m_block->counters.rounds);
}

/// One of the places of a value: a register rather than the frame.
Emitter::Place Emitter::one_place(Place place)
{
    if (place.reg != no_register)
        place.number = no_number;
    if (place.reg != no_register || place.number != no_number)
        place.slot = -1;
    if (place.reg != no_register || place.number != no_number || place.slot >= 0)
        place.cpu = {};
    return place;
}

/// Whether a value is at a place, among others or not.
bool Emitter::is_at(const Place& home, const Place& now)
{
    return (home.reg != no_register && home.reg == now.reg) || (home.number != no_number && home.number == now.number)
        || (home.slot >= 0 && home.slot == now.slot) || (home.cpu.number >= 0 && home.cpu.number == now.cpu.number);
}

/// Everything goes back to where it was where the loop begins.
void Emitter::emit_repeat(Id id)
{
    Detour& pending = add_detour(id);
    m_asm.cmp(dword[rbp + m_layout.pending], 0);
    m_asm.jump_if(!HostCondition::equal, pending.entry);
    std::vector<Move> moves;
    auto carried = next_round(m_program->nodes[id]).begin();
    auto home = m_homes.begin();
    for (Id value = 1; value < m_program->loop && home != m_homes.end(); ++value) {
        bool is_carried = m_program->nodes[value].kind == Kind::carried;
        Id now = is_carried ? *carried++ : value;
        if (home->id != value)
            continue;
        if (Place from = place(now); !is_at(home->place, from))
            moves.push_back({ home->place, one_place(from), is_wide(value) });
        ++home;
    }
    move_all(std::move(moves));
    m_asm.add(Runtime::counter(), m_block->loop_count);
    m_asm.jmp(m_loop_begins);
}

/// Whether a move writes over what another one is still to read: a wide value takes two slots, of which it may be one.
bool Emitter::writes_over(const Move& move, const Move& other)
{
    i32 first = move.to.slot;
    i32 from = other.from.slot;
    bool meet = first >= 0 && from >= 0 && first <= from + other.wide && from <= first + move.wide;
    return meet || is_at(move.to, other.from);
}

/// Where the n-th value is taken aside: in an SSE register, then where these are kept over calls.
Emitter::Place Emitter::aside(u32 n)
{
    if (n == 0)
        return { .number = static_cast<u8>(scratch_number.getIdx()) };
    VERIFY(n <= Runtime::numbers);
    return { .slot = static_cast<i16>(Runtime::number_slots + 2 * (n - 1)) };
}

/// Moves at once: what is the source of another move is written after that, and where they go round in a circle one that is waited for is
/// taken aside.
void Emitter::move_all(std::vector<Move> moves)
{
    auto waits = [&](const Move& move) { return std::ranges::any_of(moves, [&](const Move& other) { return writes_over(move, other); }); };
    auto is_waited_for
        = [&](const Move& move) { return std::ranges::any_of(moves, [&](const Move& other) { return writes_over(other, move); }); };
    for (u32 circles = 0; !moves.empty();) {
        auto free = std::ranges::find_if_not(moves, waits);
        if (free != moves.end()) {
            move_value(*free);
            moves.erase(free);
            continue;
        }
        Move circle = *std::ranges::find_if(moves, is_waited_for);
        Place to = aside(circles++);
        move_value({ to, circle.from, circle.wide });
        for (Move& move : moves)
            if (is_at(circle.from, move.from))
                move.from = to;
    }
}

void Emitter::move_value(const Move& move)
{
    const Place& to = move.to;
    const Place& from = move.from;
    if (to.number != no_number)
        return load_number(Xbyak::Xmm(to.number), from, move.wide);
    if (to.reg != no_register)
        return this->move(host(to.reg), from);
    u8 width = to.slot < 0 ? to.cpu.width : 8;
    if (from.reg != no_register)
        return m_asm.mov(memory(to, width), sized(host(from.reg), width));
    if (from.constant && fits(from.value, width))
        return m_asm.mov(memory(to, width), width == 4 ? static_cast<u32>(from.value) : from.value);
    if (from.constant || to.slot < 0) {
        this->move(rcx, from);
        return m_asm.mov(memory(to, width), sized(rcx, width));
    }
    Xbyak::Xmm number = number_of(from, other_scratch_number, move.wide);
    move.wide ? m_asm.movups(slot(to.slot), number) : m_asm.movq(slot(to.slot), number);
}

void Emitter::emit_pending(Detour& detour)
{
    write_back(detour.after);
    emit_leave_for(detour.a.value);
}

} // namespace zvisor
