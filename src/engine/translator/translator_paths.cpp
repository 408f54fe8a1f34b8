#include "engine/translator/translator.h"

#include <algorithm>

namespace zvisor {

namespace {

constexpr std::size_t most_blocks = 32;
constexpr std::size_t most_instructions = 256;
/// Registers in all snapshots together: leaving the block writes them to the CPU.
constexpr std::size_t most_saved = 8192;
/// How much later a path is tried again of which nothing came.
constexpr i32 later = 16;

} // namespace

/// A block that has been executed often: what is executed from it on is followed. False when it is not that.
bool Translator::begin_path(Cpu& cpu, const Block& block)
{
    if (!block.executions || *block.executions >= 0)
        return false;
    m_path
        = { .blocks = { block.address }, .end = 0, .absolute = block.absolute, .stamp = cpu.code_stamp(), .executions = block.executions };
    interpret(cpu);
    return true;
}

void Translator::follow_path(Cpu& cpu)
{
    u64 next = cpu.next;
    begin_fetching(cpu, next);
    bool is_back = next == m_path.blocks.front();
    bool inner_loop = !is_back && std::ranges::find(m_path.blocks, next) != m_path.blocks.end();
    if (cpu.code_stamp() != m_path.stamp || inner_loop)
        return abandon_path();
    if (!is_back && !ends_path(cpu, next)) {
        m_path.blocks.push_back(next);
        return interpret(cpu);
    }
    m_path.end = next;
    translate_path(cpu);
    m_path.blocks.clear();
}

/// Interrupted, or another loop within: to be tried again.
void Translator::abandon_path()
{
    if (m_path.blocks.empty())
        return;
    m_path.blocks.clear();
    *m_path.executions = m_path_patience * later;
}

/// A path stays in its page, since where the page is does not change then: it has no instruction that goes on in the next page either.
/// And it does not go on where another is known.
bool Translator::ends_path(Cpu& cpu, u64 address) const
{
    u64 head = m_path.blocks.front();
    if (address & 1 || (address ^ head) >= page_size || m_path.blocks.size() == most_blocks)
        return true;
    u64 absolute = m_path.absolute + (address - head);
    if (crosses_page(cpu, absolute))
        return true;
    auto* block = static_cast<const Block*>(m_cache.find(cpu, address, absolute, cpu.mode() | translated));
    return block && block->is_path;
}

void Translator::translate_path(Cpu& cpu)
{
    Recording recording = begin_recording(cpu, m_path.blocks.front(), m_path.absolute);
    ir::Builder& builder = m_machinery->builder;
    bool is_whole = record_path(cpu, recording);
    recording.before_loop = recording.steps.size();
    if (is_whole && m_path.is_loop()) {
        builder.begin_loop();
        if (record_path(cpu, recording))
            builder.close_loop(m_path.end);
    }
    if (!builder.finished())
        builder.finish(recording.at);
    end_recording(recording, true);
}

/// False when the block has its end before the path has.
bool Translator::record_path(Cpu& cpu, Recording& recording)
{
    const auto& blocks = m_path.blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        u64 goes_on_at = i + 1 < blocks.size() ? blocks[i + 1] : m_path.end;
        recording.at = blocks[i];
        do {
            if (record(cpu, recording, goes_on_at))
                return false;
        } while (!recording.branched && recording.at != goes_on_at);
        bool is_long
            = recording.steps.size() - recording.before_loop >= most_instructions || m_machinery->program.saved.size() >= most_saved;
        if (recording.at != goes_on_at || is_long)
            return false;
    }
    return true;
}

} // namespace zvisor
