#include "engine/translator/translation_statistics.h"

#include "engine/host_code.h"
#include "isa/insn.h"

#include <algorithm>

namespace zvisor {

/// Counts the instructions of a block's host code, without those that count.
class TranslationStatistics::HostCount {
public:
    HostCount(const TranslatedBlock& block, std::span<const CountingCode> counting)
        : m_block(block)
        , m_counting(counting)
    {
        for (const CodeMark& mark : block.marks)
            if (ir::Kind kind = block.program.nodes[mark.node].kind; kind == ir::Kind::loop || kind == ir::Kind::arm)
                m_ends.push_back(mark.offset);
        m_ends.push_back(block.path_bytes);
    }

    /// Where the part ends that has `offset` in it: what is before the loop, the loop and each arm.
    [[nodiscard]] std::size_t end_of_part(std::size_t offset) const
    {
        auto end = std::ranges::upper_bound(m_ends, offset);
        return end == m_ends.end() ? m_ends.back() : *end;
    }
    [[nodiscard]] u64 part_from(std::size_t begin) const { return between(begin, end_of_part(begin)); }

    [[nodiscard]] u64 between(std::size_t from, std::size_t to) const
    {
        auto count = static_cast<i64>(count_host_instructions(m_block.code.subspan(from, to - from)));
        for (const CountingCode& code : m_counting)
            if (code.offset >= from && code.offset < to)
                count -= code.instructions;
        return static_cast<u64>(count);
    }
    /// Of what begins with a mark.
    [[nodiscard]] u64 at(std::size_t mark) const { return between(m_block.marks[mark].offset, end_of(mark)); }
    [[nodiscard]] std::size_t end_of(std::size_t mark) const
    {
        std::size_t end = mark + 1 < m_block.marks.size() ? m_block.marks[mark + 1].offset : m_block.code.size();
        return m_block.marks[mark].offset < m_block.path_bytes ? std::min(end, m_block.path_bytes) : end;
    }

private:
    const TranslatedBlock& m_block;
    std::span<const CountingCode> m_counting;
    std::vector<std::size_t> m_ends;
};

BlockCounters TranslationStatistics::counters(std::span<const GuestInstruction> instructions)
{
    m_handlers.clear();
    for (const GuestInstruction& instruction : instructions)
        m_handlers.push_back(&m_sum.handlers[instruction.row ? instruction.row->mnemonic : "(none)"]);
    Executions& block = m_blocks.emplace_back();
    block.exits.resize(instructions.size());
    return { .executions = &block.path.count,
        .rounds = &block.loop.count,
        .slow_accesses = &m_sum.slow_accesses,
        .handlers = m_handlers,
        .exits = block.exits };
}

void TranslationStatistics::end(const TranslatedBlock& block, u64 absolute, std::span<const CountingCode> counting)
{
    ++m_sum.blocks;
    m_sum.made_again += !m_places.emplace(absolute, block.address).second;
    m_sum.instructions += block.instructions.size();
    m_sum.host_bytes += block.code.size();
    for (const CountingCode& code : counting)
        m_sum.host_bytes -= code.bytes;
    HostCount host(block, counting);
    m_sum.host_instructions += host.between(0, block.code.size());
    Executions& executions = m_blocks.back();
    executions.is_path = block.is_path;
    add_parts(executions, block, host);
    executions.early = early_exits(block, host);
}

void TranslationStatistics::add_parts(Executions& to, const TranslatedBlock& block, const HostCount& host)
{
    auto instructions = [&](std::size_t part) {
        std::size_t end = part + 1 < block.parts.size() ? block.parts[part + 1] : block.instructions.size();
        return part < block.parts.size() ? end - block.parts[part] : 0;
    };
    bool is_whole = block.parts.size() == 1;
    to.path.instructions = instructions(is_whole || block.is_loop ? 0 : 1);
    to.path.host_instructions = host.part_from(0);
    std::size_t arm = 2;
    for (const CodeMark& mark : block.marks) {
        const ir::Node& node = block.program.nodes[mark.node];
        if (node.kind == ir::Kind::loop) {
            to.loop.instructions = instructions(1);
            to.loop.host_instructions = host.part_from(mark.offset);
        }
        if (node.kind == ir::Kind::arm)
            to.arms.push_back({ block.program.nodes[static_cast<ir::Id>(node.imm)].step, instructions(arm++),
                static_cast<i64>(host.part_from(mark.offset)) });
    }
}

std::vector<TranslationStatistics::EarlyExit> TranslationStatistics::early_exits(const TranslatedBlock& block, const HostCount& host)
{
    std::vector<EarlyExit> found;
    for (std::size_t at = 0; at < block.marks.size(); ++at) {
        const ir::Node& node = block.program.nodes[block.marks[at].node];
        if (node.kind != ir::Kind::side_exit || block.marks[at].offset >= block.path_bytes)
            continue;
        auto left_out = static_cast<i64>(host.between(host.end_of(at), host.end_of_part(block.marks[at].offset)));
        if (node.imm == 0) {
            auto detour = std::ranges::find(block.marks.subspan(at + 1), block.marks[at].node, &CodeMark::node);
            left_out -= static_cast<i64>(host.at(static_cast<std::size_t>(detour - block.marks.begin())));
        }
        auto part_end = std::ranges::upper_bound(block.parts, node.step);
        std::size_t last = part_end == block.parts.end() ? block.instructions.size() : *part_end;
        found.push_back({ node.step, last - node.step - 1, left_out });
    }
    return found;
}

void TranslationStatistics::started_over()
{
    add(m_sum, m_blocks);
    m_blocks.clear();
    ++m_sum.fillings;
}

EngineStatistics TranslationStatistics::sum() const
{
    EngineStatistics all = m_sum;
    add(all, m_blocks);
    all.executed -= m_interrupted;
    all.executed_on_paths -= m_interrupted_on_paths;
    return all;
}

void TranslationStatistics::add(EngineStatistics& to, const std::deque<Executions>& blocks)
{
    for (const Executions& block : blocks) {
        u64 executed = 0;
        to.executions += block.path.count;
        for (const Part& part : { block.path, block.loop }) {
            executed += part.count * part.instructions;
            to.host_executed += part.count * part.host_instructions;
        }
        for (const EarlyExit& arm : block.arms) {
            u64 count = block.exits[arm.step];
            executed += count * arm.instructions;
            to.host_executed += count * static_cast<u64>(arm.host_instructions);
        }
        for (const EarlyExit& exit : block.early) {
            u64 count = block.exits[exit.step];
            executed -= count * exit.instructions;
            to.host_executed -= count * static_cast<u64>(exit.host_instructions);
        }
        to.executed += executed;
        to.executed_on_paths += block.is_path ? executed : 0;
    }
}

} // namespace zvisor
