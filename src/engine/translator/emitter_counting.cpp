#include "engine/host_code.h"
#include "engine/translator/emitter.h"

namespace zvisor {

using namespace Xbyak::util;

void Emitter::mark(Id id)
{
    if (m_block->marked)
        m_marks.push_back({ static_cast<std::size_t>(m_asm.getCurr() - m_start), id });
}

void Emitter::count(u64* counter)
{
    if (!counter)
        return;
    const u8* start = m_asm.getCurr();
    m_asm.move_constant(rax, reinterpret_cast<u64>(counter));
    m_asm.inc(qword[rax]);
    m_counting.push_back({ static_cast<std::size_t>(start - m_start), static_cast<std::size_t>(m_asm.getCurr() - start) });
}

void Emitter::count_handler(const ir::Node& node)
{
    if (!m_block->counters.handlers.empty())
        count(m_block->counters.handlers[node.step]);
}

void Emitter::count_routine(const u8* routine)
{
    if (!m_block->counters.executions)
        return;
    auto end = m_runtime.memory.writable() + m_runtime.memory.code_size();
    auto instructions = static_cast<i64>(count_host_routine({ routine, end }));
    m_counting.push_back({ .offset = static_cast<std::size_t>(m_asm.getCurr() - m_start), .bytes = 0, .instructions = -instructions });
}

} // namespace zvisor
