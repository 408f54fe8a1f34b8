#include "engine/translator/translator.h"

#include <algorithm>

namespace zvisor {

namespace {

constexpr std::size_t most_blocks = 256;
/// Instructions that are followed until a path is back, and until it has to have repeated itself.
constexpr u64 most_until_back = 512;
constexpr u64 most_followed = 4096;
/// Instructions that are recorded: of a round of a loop, and of any other path.
constexpr std::size_t most_in_round = 512;
constexpr std::size_t most_instructions = 256;
/// Of an arm, and of a path with its arms.
constexpr u64 most_in_arm = 128;
constexpr std::size_t most_in_tree = 1024;
constexpr std::size_t most_segments = 16;
/// An exit is followed when it was taken so much less often than the block was executed that a path was made of.
constexpr i32 sooner = 5;
/// Rounds of a loop within a path.
constexpr std::ptrdiff_t most_rounds = 16;
/// How often a path is where it began before it is taken to repeat itself.
constexpr std::ptrdiff_t least_returns = 4;
/// Computed branches of a path that is no loop: each one is less likely to go where it went.
constexpr std::ptrdiff_t most_guards = 2;
/// How often a loop with computed branches is come into until it is followed again, the first time and how much more often each next time.
constexpr i32 first_entries = 50'000;
constexpr i32 more_entries = 4;
constexpr i32 most_entries = 1 << 30;
/// Operands that a path does not locate until one is made that finds each for itself.
constexpr i32 most_misses = 256;
/// Registers in all snapshots together: leaving the block writes them to the CPU.
constexpr std::size_t most_saved = 16384;
/// How much later a path is tried again of which nothing came.
constexpr i32 later = 16;

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

std::size_t Translator::Path::period() const
{
    if (std::ranges::count(blocks, head) < least_returns)
        return 0;
    for (std::size_t period = 1; period <= blocks.size() / 2; ++period)
        if (std::equal(blocks.begin() + static_cast<std::ptrdiff_t>(period), blocks.end(), blocks.begin()))
            return retired[period] - retired[0] <= most_in_round ? period : 0;
    return 0;
}

std::ptrdiff_t Translator::Path::rounds(u64 address) const
{
    auto back_at = std::ranges::find(blocks.rbegin(), blocks.rend(), head);
    return std::count(blocks.rbegin(), back_at, address);
}

void Translator::Path::add_segment(std::size_t count, u64 end)
{
    Segment& segment = tree.segments.emplace_back();
    for (std::size_t i = 0; i < count; ++i)
        segment.blocks.push_back({ blocks[i], static_cast<u32>(retired[i + 1] - retired[i]) });
    segment.end = end;
    if (exit) {
        segment.from = exit->segment;
        segment.exit = exit->instruction;
    }
}

// ---- Following -------------------------------------------------------------------------------------------

/// A block that has been executed often: what is executed from it on is followed. False when it is not that.
bool Translator::begin_path(Cpu& cpu, const Block& block)
{
    if (!block.executions || *block.executions >= 0)
        return false;
    m_path = {};
    m_path.blocks = { block.address };
    m_path.head = block.address;
    m_path.absolute = block.absolute;
    m_path.stamp = cpu.code_stamp();
    m_path.executions = block.executions;
    m_path.tree.locates = *block.executions > PathCounters::misplaced;
    m_path.retired = { cpu.retired };
    m_path.entries = block.entries ? std::min(block.entries, most_entries / more_entries) * more_entries : first_entries;
    interpret(cpu);
    return true;
}

/// An exit of a path that has been taken often: what is executed behind it is followed too. False when it is not to be.
bool Translator::begin_arm(Cpu& cpu)
{
    u32 exit = std::exchange(m_worn_exit, Runtime::no_exit);
    auto growing = m_machinery->growing.find(exit);
    if (growing == m_machinery->growing.end() || cpu.next != m_machinery->exits[exit].code.target || cpu.code_stamp() != m_worn_stamp)
        return false;
    const Block& block = *growing->second;
    m_path = {};
    m_path.worn = exit;
    m_path.head = block.address;
    m_path.absolute = block.absolute;
    m_path.stamp = cpu.code_stamp();
    m_path.tree = *block.tree;
    m_path.exit = block.counted.at(exit);
    m_path.executions = m_path.tree.left[*m_path.exit];
    m_path.entries = block.entries;
    *m_path.executions = most_entries;
    u64 next = cpu.next;
    begin_fetching(cpu, next);
    if (m_path.tree.segments.size() == most_segments || m_path.tree.has_arm(*m_path.exit)) {
        m_path.blocks = { next };
        translate_path(cpu);
        return true;
    }
    if (next == block.address) {
        m_path.blocks = { next };
        end_segment(cpu, 0, next);
        return true;
    }
    if (ends_path(cpu, next))
        return false;
    if (has_path(cpu, next))
        m_path.known = 0;
    m_path.blocks = { next };
    m_path.retired = { cpu.retired };
    interpret(cpu);
    return true;
}

void Translator::follow_path(Cpu& cpu)
{
    u64 next = cpu.next;
    m_path.retired.push_back(cpu.retired);
    begin_fetching(cpu, next);
    if (cpu.code_stamp() != m_path.stamp)
        return abandon_path();
    if (m_path.exit)
        return follow_arm(cpu);
    if (is_long(cpu))
        return end_path(cpu);
    if (next == m_path.head)
        return come_back(cpu);
    bool inner_loop = m_path.rounds(next) == most_rounds;
    if (inner_loop && !m_path.known && !m_path.back)
        return abandon_path();
    if (inner_loop || ends_path(cpu, next))
        return end_path(cpu);
    go_on(cpu);
}

/// One that does not come back does not go on where another path is known; where one is from its beginning it is none.
void Translator::follow_arm(Cpu& cpu)
{
    u64 next = cpu.next;
    if (next == m_path.head)
        return end_segment(cpu, m_path.blocks.size(), next);
    if (is_long(cpu) || m_path.rounds(next) == most_rounds || ends_path(cpu, next))
        return end_path(cpu);
    go_on(cpu);
}

/// Interrupted, or another loop within that has no path yet: to be tried again.
void Translator::abandon_path()
{
    if (m_path.blocks.empty())
        return;
    m_path.blocks.clear();
    if (m_path.executions)
        *m_path.executions = m_path_patience * later;
}

/// Another round may go other ways: the path is a loop when it has repeated itself.
void Translator::come_back(Cpu& cpu)
{
    if (!m_path.back)
        m_path.back = m_path.blocks.size();
    std::size_t period = m_path.period();
    if (period == 0)
        return go_on(cpu);
    m_path.tree.repeats = true;
    end_segment(cpu, period, m_path.head);
}

void Translator::go_on(Cpu& cpu)
{
    u64 next = cpu.next;
    if (!m_path.known && next != m_path.head && has_path(cpu, next))
        m_path.known = m_path.blocks.size();
    m_path.blocks.push_back(next);
    interpret(cpu);
}

/// The first round may be a loop all the same. A path that did not come back does not go on where another is known.
void Translator::end_path(Cpu& cpu)
{
    if (m_path.back)
        return end_segment(cpu, *m_path.back, m_path.head);
    if (m_path.exit && m_path.known == 0)
        return abandon_path();
    u64 end = m_path.known ? m_path.blocks[*m_path.known] : cpu.next;
    end_segment(cpu, m_path.known.value_or(m_path.blocks.size()), end);
}

/// All of a path is translated anew for more arms: those of one that has some already are collected, until one of their exits is worn
/// again.
void Translator::end_segment(Cpu& cpu, std::size_t count, u64 end)
{
    m_path.add_segment(count, end);
    auto growing = m_machinery->growing.find(m_path.worn);
    if (!m_path.exit || !m_path.tree.waits() || growing == m_machinery->growing.end())
        return translate_path(cpu);
    growing->second->tree->segments = m_path.tree.segments;
    *m_path.executions = m_path_patience / sooner;
    m_path.blocks.clear();
}

/// A path stays in its page, since where the page is does not change then: it has no instruction that goes on in the next page either.
bool Translator::ends_path(const Cpu& cpu, u64 address) const
{
    u64 head = m_path.head;
    return address & 1 || (address ^ head) >= page_size || crosses_page(cpu, m_path.absolute + (address - head));
}

bool Translator::is_long(const Cpu& cpu) const
{
    u64 most = m_path.exit ? most_in_arm : m_path.back ? most_followed : most_until_back;
    return m_path.blocks.size() == most_blocks || cpu.retired - m_path.retired.front() >= most;
}

/// Whether there is one from an address in the page of this one.
bool Translator::has_path(Cpu& cpu, u64 address) const
{
    u64 absolute = m_path.absolute + (address - m_path.head);
    auto* block = static_cast<const Block*>(m_cache.find(cpu, address, absolute, cpu.mode() | translated));
    return block && block->is_path;
}

// ---- Recording -------------------------------------------------------------------------------------------

void Translator::Recording::begin_part(u32 segment)
{
    parts.push_back(static_cast<u32>(steps.size()));
    segments.push_back(segment);
}

Tree::Exit Translator::Recording::place(u32 step) const
{
    auto part = static_cast<std::size_t>(std::ranges::upper_bound(parts, step) - parts.begin()) - 1;
    return { segments[part], step - parts[part] };
}

void Translator::translate_path(Cpu& cpu)
{
    Recording recording = begin_recording(cpu, m_path.head, m_path.absolute);
    // While its page came to be watched another CPU's store may have ended it.
    if (m_path.blocks.empty())
        return;
    record_tree(cpu, recording);
    end_recording(recording, true);
    m_path.blocks.clear();
}

void Translator::restart(Recording& recording)
{
    recording.steps.clear();
    recording.parts = { 0 };
    recording.segments = { 0 };
    m_machinery->instructions.clear();
    begin_recording_anew(*recording.block);
}

/// Once to see whether it comes back and what rounds do, and once more when it is a loop; behind a first round if that leaves something
/// known that nothing else does. With computed branches it is a loop when it has repeated itself.
void Translator::record_tree(Cpu& cpu, Recording& recording)
{
    ir::Rounds rounds;
    record_segments(cpu, recording, &rounds);
    bool comes_back = m_path.tree.segments.front().end == m_path.head;
    if (rounds.count == 0 || (rounds.need_first() && !comes_back))
        return;
    restart(recording);
    ir::Builder& builder = m_machinery->builder;
    if (rounds.need_first()) {
        (void)record_segment(cpu, recording, m_path.tree.segments.front());
        if (builder.finished())
            return;
    }
    builder.begin_loop(rounds);
    recording.is_loop = true;
    record_segments(cpu, recording, nullptr);
}

/// The stem and its arms. Rounds that come back are noted, or else are rounds of a loop.
void Translator::record_segments(Cpu& cpu, Recording& recording, ir::Rounds* noted)
{
    ir::Builder& builder = m_machinery->builder;
    const auto& segments = m_path.tree.segments;
    recording.kept.assign(segments.size(), {});
    recording.first_nodes.assign(segments.size(), 0);
    for (u32 i = 0; i < segments.size(); ++i) {
        if (i && !recording.kept[i])
            continue; // what it leaves was not recorded that far
        if (i)
            builder.begin_arm(*recording.kept[i]);
        recording.begin_part(i);
        recording.first_nodes[i] = static_cast<ir::Id>(m_machinery->program.nodes.size());
        bool is_whole = record_segment(cpu, recording, segments[i]);
        bool may_vary = !m_path.tree.repeats && guards_to(recording) != 0;
        bool is_round = is_whole && segments[i].end == m_path.head && !may_vary;
        if (is_round && noted) {
            noted->begins_with_branch = recording.begins_with_branch;
            builder.note_round(*noted);
        } else if (is_round) {
            builder.close_loop(m_path.head);
        }
        if (!builder.finished())
            builder.finish(recording.at);
    }
}

/// False when the block has its end before the segment has.
bool Translator::record_segment(Cpu& cpu, Recording& recording, const Segment& segment)
{
    ir::Builder& builder = m_machinery->builder;
    u32 number = recording.segments.back();
    if (segment.blocks.empty())
        recording.at = segment.end;
    for (std::size_t i = 0; i < segment.blocks.size(); ++i) {
        bool is_last = i + 1 == segment.blocks.size();
        u64 goes_on_at = is_last ? segment.end : segment.blocks[i + 1].address;
        bool is_end = is_last && segment.end != m_path.head;
        recording.at = segment.blocks[i].address;
        for (u32 left = segment.blocks[i].count; left; --left) {
            std::size_t arm = m_path.tree.arm_at({ number, recording.count() });
            std::size_t kept = builder.kept();
            bool keeps = arm < m_path.tree.segments.size();
            bool ends = record(cpu, recording, left == 1 && is_end ? std::nullopt : std::optional(goes_on_at), keeps);
            if (builder.kept() != kept)
                recording.kept[arm] = kept;
            if (ends)
                return false;
        }
        if (recording.at != goes_on_at || is_long(recording))
            return false;
    }
    return true;
}

/// Until the block is followed, again when operands are where they cannot be located. A path stays in its page, and its first instruction
/// too; it is followed again when it is a loop that may go other ways by now.
void Translator::count_executions(Block& block)
{
    bool varies = block.is_path && m_path.tree.repeats && guards(m_machinery->program) != 0;
    bool locates = block.is_path && !m_machinery->program.located.empty();
    if (block.second_page || (block.is_path && !varies && !locates))
        return;
    block.entries = varies ? m_path.entries : 0;
    i32 executions = varies ? m_path.entries : block.is_path ? most_entries : m_path_patience;
    if (!locates) {
        block.executions = m_machinery->runtime.allocate_counter();
        *block.executions = executions;
        return;
    }
    block.path = m_machinery->runtime.allocate_path_counters();
    *block.path = { .executions = executions, .misses = most_misses };
    block.executions = &block.path->executions;
}

/// Of a path that may have more arms, the exits that have none yet and lead to a constant address.
void Translator::count_exits(Tree& tree, const Recording& recording, std::vector<i32*>& left)
{
    const ir::Program& program = m_machinery->program;
    if (recording.parts.size() == 1 || tree.segments.size() == most_segments || recording.steps.size() >= most_in_tree)
        return;
    left.assign(recording.steps.size(), nullptr);
    for (const ir::Node& node : program.nodes) {
        bool is_open = node.kind == ir::Kind::side_exit && node.imm == 0 && program.nodes[node.a].kind == ir::Kind::constant;
        if (!is_open || node.step < recording.parts[1])
            continue;
        auto [known, is_new] = tree.left.try_emplace(recording.place(node.step), nullptr);
        if (is_new) {
            known->second = m_machinery->runtime.allocate_counter();
            *known->second = m_path_patience / sooner;
        }
        left[node.step] = known->second;
    }
}

/// Computed branches on the way to what is recorded last, from where the path begins.
std::ptrdiff_t Translator::guards_to(const Recording& recording) const
{
    const ir::Program& program = m_machinery->program;
    std::size_t end = program.nodes.size();
    std::ptrdiff_t count = 0;
    for (u32 i = recording.segments.back();; i = m_path.tree.segments[i].from) {
        count += guards(program, recording.first_nodes[i], end);
        if (i == 0)
            return count;
        end = m_machinery->builder.kept_exit(*recording.kept[i]);
    }
}

bool Translator::is_long(const Recording& recording) const
{
    bool is_loop = m_path.tree.segments.front().end == m_path.head;
    std::size_t most = is_loop ? most_in_round : most_instructions;
    bool guesses = !is_loop && guards_to(recording) >= most_guards;
    return guesses || recording.count() >= most || m_machinery->program.saved.size() >= most_saved;
}

} // namespace zvisor
