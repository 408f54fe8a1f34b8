#include "engine/translator/emitter.h"

namespace zvisor {

using ir::Kind;
using ir::Node;

// ---- How much of values is used ------------------------------------------------------------------------------
//
// A doubleword of which only the right word is used is read as a word: the host waits when it reads more than was stored shortly
// before, as with a register whose right word the block before has changed.

void Emitter::need_left(Id id, bool is_needed)
{
    if (is_needed)
        m_needs_left[id] = true;
}

/// All uses of the value itself are noted.
void Emitter::note_widths(Id id)
{
    const Node& node = m_program->nodes[id];
    bool is_whole = node.width == 8 && m_needs_left[id];
    switch (node.kind) {
    case Kind::add:
    case Kind::sub:
    case Kind::mul:
    case Kind::bit_and:
    case Kind::bit_or:
    case Kind::bit_xor:
    case Kind::select: {
        const Node& second = m_program->nodes[node.b];
        bool is_masked = node.kind == Kind::bit_and && second.kind == Kind::constant && second.imm >> 32 == 0;
        need_left(node.a, is_whole && !is_masked);
        need_left(node.b, is_whole);
        break;
    }
    case Kind::shl:
    case Kind::merge:
        need_left(node.a, is_whole);
        break;
    case Kind::shr:
    case Kind::sar:
    case Kind::rol:
    case Kind::carried:
    case Kind::put_register:
        need_left(node.a, node.width != 4);
        break;
    case Kind::zx:
    case Kind::sx:
    case Kind::sx8:
    case Kind::sx16:
    case Kind::zx8:
    case Kind::zx16:
        break;
    default: {
        bool is_short_store = (node.kind == Kind::store || node.kind == Kind::store_at) && node.info <= 4;
        for (Id operand : { node.a, node.b, is_short_store ? 0 : third_operand(node), node.d })
            need_left(operand, true);
    }
    }
    if (const ir::Condition* condition = condition_of(node)) {
        need_left(condition->a, condition->width == 8);
        need_left(condition->b, condition->width == 8);
        note_width(condition->code);
    }
    for (u32 snapshot : { node.before, node.after })
        if (snapshot)
            note_widths(m_program->snapshots[snapshot]);
    if (node.kind == Kind::repeat)
        for (std::size_t i = 0; i < m_carried.size(); ++i)
            need_left(next_round(node)[i], m_program->nodes[m_carried[i]].width != 4);
}

void Emitter::note_width(const ir::CodeState& code)
{
    need_left(code.a, code.width == 8);
    need_left(code.b, code.width == 8);
}

void Emitter::note_widths(const ir::Snapshot& taken)
{
    for (u32 i = taken.begin; i < taken.end; ++i)
        need_left(m_program->saved[i].value, m_program->saved[i].width != 4);
    note_width(taken.code);
}

} // namespace zvisor
