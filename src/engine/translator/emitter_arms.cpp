#include "engine/translator/emitter.h"

#include <algorithm>
#include <utility>

namespace zvisor {

using ir::Kind;
using ir::Node;

/// An arm goes on from the state that its side exit is in, while the stem's code goes on from it too: what lives how long is found for
/// each by itself, and all that an arm needs of what was before is used by its exit.
void Emitter::begin_arms()
{
    const auto& nodes = m_program->nodes;
    m_carried.clear();
    for (Id id = 1; id < m_program->loop; ++id)
        if (nodes[id].kind == Kind::carried)
            m_carried.push_back(id);
    m_arms.clear();
    for (Id begin : m_program->arms) {
        if (!m_arms.empty())
            m_arms.back().end = begin - 1;
        m_arms.push_back({ .begin = begin, .end = static_cast<Id>(nodes.size() - 1), .entry = {}, .comes_back = false, .needed = {} });
    }
}

Emitter::Arm& Emitter::arm_at(Id begin)
{
    return *std::ranges::lower_bound(m_arms, begin, {}, &Arm::begin);
}

/// All uses in the arm are noted, and those of other arms are not.
void Emitter::note_needed(Arm& arm)
{
    for (Id id = 1; id < arm.begin; ++id)
        if (Id last = std::exchange(m_last[id], 0)) {
            arm.needed.push_back({ id, last, {} });
            m_used_otherwise[id] = true;
        }
}

/// An arm needs a value until a node, if that is not 0, and maybe longer.
void Emitter::keep(Arm& arm, Id id, Id until)
{
    if (until == 0)
        return;
    auto known = std::ranges::find(arm.needed, id, &Needed::id);
    if (known == arm.needed.end())
        arm.needed.push_back({ id, until, {} });
    else
        known->last = std::max(known->last, until);
}

/// Where the jump to an arm leads; what nothing else needs is given up.
JumpTarget& Emitter::leave_for_arm(Id exit)
{
    Arm& arm = arm_at(static_cast<Id>(m_program->nodes[exit].imm));
    for (Needed& needed : arm.needed)
        needed.place = place(needed.id);
    for (const Needed& needed : arm.needed)
        if (dies(needed.id, exit))
            release(needed.id);
    arm.held = m_held;
    return arm.entry;
}

/// Everything is where it was at the exit. The instructions counted are the arm's in the place of what was left out behind the exit.
void Emitter::emit_arm(Id id)
{
    Arm& arm = arm_at(id);
    std::ranges::fill(m_register, no_register);
    std::ranges::fill(m_slot, i16 { -1 });
    std::ranges::fill(m_number, no_number);
    m_owner.fill(0);
    m_number_owner.fill(0);
    m_slot_used.fill(false);
    std::ranges::fill(m_in_cpu, CpuRegister {});
    m_held = arm.held;
    m_kept = {};
    m_flags = {};
    m_remainder = 0;
    for (const Needed& needed : arm.needed) {
        const Place& place = needed.place;
        m_last[needed.id] = needed.last;
        m_register[needed.id] = place.reg;
        m_slot[needed.id] = place.slot;
        m_number[needed.id] = place.number;
        if (place.cpu.number >= 0)
            note_in_cpu(needed.id, place.cpu);
        if (place.reg != no_register)
            m_owner[static_cast<std::size_t>(place.reg)] = needed.id;
        if (place.number != no_number)
            m_number_owner[place.number] = needed.id;
        if (place.slot >= 0)
            std::fill_n(m_slot_used.begin() + place.slot, is_wide(needed.id) ? 2 : 1, true);
    }
    m_asm.bind(arm.entry);
    u32 exit = m_program->nodes[static_cast<Id>(m_program->nodes[id].imm)].step;
    if (!m_block->counters.exits.empty())
        count(&m_block->counters.exits[exit]);
    u32 left_out = m_block->steps[exit].remaining - 1;
    u32 more = m_block->arm_counts[static_cast<std::size_t>(&arm - m_arms.data())];
    if (more > left_out)
        m_asm.add(Runtime::counter(), more - left_out);
    else
        take_back(left_out - more);
}

} // namespace zvisor
