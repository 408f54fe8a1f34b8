#include "engine/translator/emitter.h"

#include "base/verify.h"

namespace zvisor {

using In = ValuePlace::In;
using ir::Kind;

void Emitter::describe_misses()
{
    if (m_calls.empty())
        return;
    const BlockCounters& counters = m_block->counters;
    m_runtime.misses.begin(
        { .steps = m_block->steps.data(), .stale = m_block->stale, .slow_accesses = counters.slow_accesses }, counters.handlers);
    for (const Call& call : m_calls)
        m_runtime.misses.add(miss_of(call));
}

Miss Emitter::miss_of(const Call& call)
{
    const Detour& detour = m_detours[call.detour];
    const ir::Node& node = *detour.node;
    auto length = detour.back.at() - call.back;
    VERIFY(detour.before.begin == detour.before.end && !detour.entry.is_awaited() && length < 256);
    Miss miss { .access = slow_access(node),
        .back = m_runtime.offset(call.back),
        .first_saved = m_runtime.misses.saved(),
        .step = static_cast<u8>(node.step),
        .base = node.base,
        .stores = node.kind == Kind::store || node.kind == Kind::store_registers,
        .vector = static_cast<u8>(node.imm),
        .length = static_cast<u8>(length),
        .value = described(detour.c),
        .expected = described(detour.d),
        .before = described(detour.before.code) };
    if (detour.number != no_number)
        miss.result = { In::number, detour.number };
    else if (detour.result != no_register)
        miss.result = { In::reg, static_cast<u32>(detour.result) };
    if (!miss.stores)
        return miss;
    for (const SavedPlace& saved : std::span(m_saved_places).subspan(detour.after.begin, detour.after.end - detour.after.begin))
        m_runtime.misses.save({ saved.reg, saved.width, described(saved.place) });
    miss.saved = static_cast<u8>(m_runtime.misses.saved() - miss.first_saved);
    miss.after = described(detour.after.code);
    return miss;
}

/// Null for registers in groups and vectors, which are left to the instruction's handler.
SlowAccess* Emitter::slow_access(const ir::Node& node) const
{
    bool in_code = m_program->nodes[node.b].kind == Kind::code_tlb;
    std::size_t size = size_index(node.info);
    switch (node.kind) {
    case Kind::load:
        return node.info == 16 ? nullptr : slow_load(in_code, size);
    case Kind::store:
        return node.info == 16 ? nullptr : slow_store(in_code, size);
    case Kind::update:
        return slow_update(static_cast<StorageUpdate>(node.imm), size);
    case Kind::swap:
        return slow_swap(size);
    default:
        return nullptr;
    }
}

ValuePlace Emitter::described(const Place& place)
{
    if (place.constant)
        return m_runtime.misses.constant(place.value);
    if (place.reg != no_register)
        return { In::reg, static_cast<u32>(place.reg) };
    VERIFY(place.cpu.number < 0);
    if (place.slot >= 0)
        return { In::slot, static_cast<u32>(place.slot) };
    if (place.number != no_number)
        return { In::number, place.number };
    return {};
}

Miss::Code Emitter::described(const CodePlace& code)
{
    if (code.kind == ir::CodeKind::memory)
        return {};
    return { code.kind, code.width, described(code.a), described(code.b) };
}

} // namespace zvisor
