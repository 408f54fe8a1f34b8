#include "engine/translator/block_maker.h"
#include "engine/translator/path_limits.h"

#include <algorithm>

namespace zvisor {

namespace {

using namespace path_limits;

/// Instructions that are recorded of a path that is no loop.
constexpr std::size_t most_instructions = 256;
/// Of a path with its arms.
constexpr std::size_t most_in_tree = 1024;
/// Computed branches of a path that is no loop: each one is less likely to go where it went.
constexpr std::ptrdiff_t most_guards = 2;
/// Operands that a path does not locate until one is made that finds each for itself.
constexpr i32 most_misses = 256;
/// Registers in all snapshots together: leaving the block writes them to the CPU.
constexpr std::size_t most_saved = 16384;

/// Computed branches that are expected to go where the path does.
[[nodiscard]] std::ptrdiff_t guards(const ir::Program& program, ir::Id begin, std::size_t end)
{
    return std::count_if(
        program.nodes.begin() + begin, program.nodes.begin() + static_cast<std::ptrdiff_t>(end), [&](const ir::Node& node) {
            return node.kind == ir::Kind::side_exit && program.conditions[node.c].kind == ir::ConditionKind::equal;
        });
}
[[nodiscard]] std::ptrdiff_t guards(const ir::Program& program)
{
    return guards(program, 0, program.nodes.size());
}

} // namespace

void BlockMaker::restart()
{
    m_recording.steps.clear();
    m_recording.parts = { 0 };
    m_recording.segments = { 0 };
    m_instructions.clear();
    begin_anew();
}

/// Once to see whether it comes back and what rounds do, and once more when it is a loop; behind a first round if that leaves something
/// known that nothing else does. With computed branches it is a loop when it has repeated itself.
void BlockMaker::record_tree()
{
    ir::Rounds rounds;
    record_segments(&rounds);
    bool comes_back = m_order.tree->segments.front().end == head();
    if (rounds.count == 0 || (rounds.need_first() && !comes_back))
        return;
    restart();
    if (rounds.need_first()) {
        (void)record_segment(m_order.tree->segments.front());
        if (m_builder.finished())
            return;
    }
    m_builder.begin_loop(rounds);
    m_recording.is_loop = true;
    record_segments(nullptr);
}

/// The stem and its arms. Rounds that come back are noted, or else are rounds of a loop.
void BlockMaker::record_segments(ir::Rounds* noted)
{
    const auto& segments = m_order.tree->segments;
    m_recording.kept.assign(segments.size(), {});
    m_recording.first_nodes.assign(segments.size(), 0);
    for (u32 i = 0; i < segments.size(); ++i) {
        if (i && !m_recording.kept[i])
            continue; // what it leaves was not recorded that far
        if (i)
            m_builder.begin_arm(*m_recording.kept[i]);
        m_recording.begin_part(i);
        m_recording.first_nodes[i] = static_cast<ir::Id>(m_program.nodes.size());
        bool is_whole = record_segment(segments[i]);
        bool may_vary = !m_order.tree->repeats && guards_to_here() != 0;
        bool is_round = is_whole && segments[i].end == head() && !may_vary;
        if (is_round && noted) {
            noted->begins_with_branch = m_recording.begins_with_branch;
            m_builder.note_round(*noted);
        } else if (is_round) {
            m_builder.close_loop(head());
        }
        if (!m_builder.finished())
            m_builder.finish(m_recording.at);
    }
}

/// False when the block has its end before the segment has.
bool BlockMaker::record_segment(const Segment& segment)
{
    u32 number = m_recording.segments.back();
    if (segment.blocks.empty())
        m_recording.at = segment.end;
    for (std::size_t i = 0; i < segment.blocks.size(); ++i) {
        bool is_last = i + 1 == segment.blocks.size();
        u64 goes_on_at = is_last ? segment.end : segment.blocks[i + 1].address;
        bool is_end = is_last && segment.end != head();
        m_recording.at = segment.blocks[i].address;
        for (u32 left = segment.blocks[i].count; left; --left) {
            if ((m_recording.at ^ head()) >= page_size)
                return false; // it was stored into meanwhile
            std::size_t arm = m_order.tree->arm_at({ number, m_recording.count() });
            std::size_t kept = m_builder.kept();
            bool keeps = arm < m_order.tree->segments.size();
            bool ends = record(left == 1 && is_end ? std::nullopt : std::optional(goes_on_at), keeps);
            if (m_builder.kept() != kept)
                m_recording.kept[arm] = kept;
            if (ends)
                return false;
        }
        if (m_recording.at != goes_on_at || is_long())
            return false;
    }
    return true;
}

/// Until the block is followed, again when operands are where they cannot be located. A path stays in its page, and its first instruction
/// too; it is followed again when it is a loop that may go other ways by now.
void BlockMaker::count_executions()
{
    HostBlock& block = *m_recording.block;
    bool repeats = block.is_path && m_order.tree->repeats;
    bool varies = repeats && guards(m_program) != 0;
    bool locates = block.is_path && !m_program.located.empty();
    if (block.second_page || (block.is_path && !varies && !locates))
        return;
    block.entries = varies ? m_order.entries : 0;
    i32 executions = varies ? m_order.entries : block.is_path ? most_entries : m_order.path_patience;
    if (!locates) {
        block.executions = m_all.runtime.allocate_counter();
        *block.executions = executions;
        return;
    }
    block.path = m_all.runtime.allocate_path_counters();
    *block.path = { .executions = executions, .misses = most_misses };
    block.executions = &block.path->executions;
}

/// Of a path that may have more arms, the exits that have none yet and lead to a constant address.
void BlockMaker::count_exits()
{
    Tree& tree = *m_recording.block->tree;
    if (m_recording.parts.size() == 1 || tree.segments.size() == most_segments || m_recording.steps.size() >= most_in_tree)
        return;
    m_exits_left.assign(m_recording.steps.size(), nullptr);
    for (const ir::Node& node : m_program.nodes) {
        bool is_open = node.kind == ir::Kind::side_exit && node.imm == 0 && m_program.nodes[node.a].kind == ir::Kind::constant;
        if (!is_open || node.step < m_recording.parts[1])
            continue;
        auto [known, is_new] = tree.left.try_emplace(m_recording.place(node.step), nullptr);
        if (is_new) {
            known->second = m_all.runtime.allocate_counter();
            *known->second = m_order.path_patience / sooner;
        }
        m_exits_left[node.step] = known->second;
    }
}

/// Computed branches on the way to what is recorded last, from where the path begins.
std::ptrdiff_t BlockMaker::guards_to_here() const
{
    std::size_t end = m_program.nodes.size();
    std::ptrdiff_t count = 0;
    for (u32 i = m_recording.segments.back();; i = m_order.tree->segments[i].from) {
        count += guards(m_program, m_recording.first_nodes[i], end);
        if (i == 0)
            return count;
        end = m_builder.kept_exit(*m_recording.kept[i]);
    }
}

bool BlockMaker::is_long() const
{
    bool is_loop = m_order.tree->segments.front().end == head();
    std::size_t most = is_loop ? most_in_round : most_instructions;
    bool guesses = !is_loop && guards_to_here() >= most_guards;
    return guesses || m_recording.count() >= most || m_program.saved.size() >= most_saved;
}

} // namespace zvisor
