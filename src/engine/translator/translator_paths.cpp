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
[[nodiscard]] std::ptrdiff_t guards(const ir::Program& program)
{
    return std::ranges::count_if(program.nodes, [&](const ir::Node& node) {
        return node.kind == ir::Kind::side_exit && program.conditions[node.c].kind == ir::ConditionKind::equal;
    });
}

} // namespace

std::size_t Translator::Path::period() const
{
    if (std::ranges::count(blocks, blocks.front()) < least_returns)
        return 0;
    for (std::size_t period = 1; period <= blocks.size() / 2; ++period)
        if (std::equal(blocks.begin() + static_cast<std::ptrdiff_t>(period), blocks.end(), blocks.begin()))
            return retired[period] - retired[0] <= most_in_round ? period : 0;
    return 0;
}

std::ptrdiff_t Translator::Path::rounds(u64 address) const
{
    auto back_at = std::ranges::find(blocks.rbegin(), blocks.rend(), blocks.front());
    return std::count(blocks.rbegin(), back_at, address);
}

/// A block that has been executed often: what is executed from it on is followed. False when it is not that.
bool Translator::begin_path(Cpu& cpu, const Block& block)
{
    if (!block.executions || *block.executions >= 0)
        return false;
    m_path = {};
    m_path.blocks = { block.address };
    m_path.absolute = block.absolute;
    m_path.stamp = cpu.code_stamp();
    m_path.executions = block.executions;
    m_path.locates = *block.executions > PathCounters::misplaced;
    m_path.retired = { cpu.retired };
    m_path.entries = block.entries ? std::min(block.entries, most_entries / more_entries) * more_entries : first_entries;
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
    if (is_long(cpu))
        return end_path(cpu);
    if (next == m_path.blocks.front())
        return come_back(cpu);
    bool inner_loop = m_path.rounds(next) == most_rounds;
    if (inner_loop && !m_path.known && !m_path.back)
        return abandon_path();
    if (inner_loop || ends_path(cpu, next))
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
    m_path.repeats = true;
    end_loop(cpu, period);
}

void Translator::go_on(Cpu& cpu)
{
    u64 next = cpu.next;
    if (!m_path.known && next != m_path.blocks.front() && has_path(cpu, next))
        m_path.known = m_path.blocks.size();
    m_path.blocks.push_back(next);
    interpret(cpu);
}

/// The first round may be a loop all the same. A path that did not come back does not go on where another is known.
void Translator::end_path(Cpu& cpu)
{
    if (m_path.back)
        return end_loop(cpu, *m_path.back);
    m_path.end = m_path.known ? m_path.blocks[*m_path.known] : cpu.next;
    m_path.blocks.resize(m_path.known.value_or(m_path.blocks.size()));
    translate_path(cpu);
}

/// Behind the first `count` blocks comes the first one again.
void Translator::end_loop(Cpu& cpu, std::size_t count)
{
    m_path.blocks.resize(count);
    m_path.end = m_path.blocks.front();
    m_path.is_loop = true;
    translate_path(cpu);
}

/// A path stays in its page, since where the page is does not change then: it has no instruction that goes on in the next page either.
bool Translator::ends_path(const Cpu& cpu, u64 address) const
{
    u64 head = m_path.blocks.front();
    return address & 1 || (address ^ head) >= page_size || crosses_page(cpu, m_path.absolute + (address - head));
}

bool Translator::is_long(const Cpu& cpu) const
{
    u64 most = m_path.back ? most_followed : most_until_back;
    return m_path.blocks.size() == most_blocks || cpu.retired - m_path.retired.front() >= most;
}

/// Whether there is one from an address in the page of this one.
bool Translator::has_path(Cpu& cpu, u64 address) const
{
    u64 absolute = m_path.absolute + (address - m_path.blocks.front());
    auto* block = static_cast<const Block*>(m_cache.find(cpu, address, absolute, cpu.mode() | translated));
    return block && block->is_path;
}

void Translator::translate_path(Cpu& cpu)
{
    Recording recording = begin_recording(cpu, m_path.blocks.front(), m_path.absolute);
    // While its page came to be watched another CPU's store may have ended it.
    if (m_path.blocks.empty())
        return;
    ir::Builder& builder = m_machinery->builder;
    record_rounds(cpu, recording);
    if (!builder.finished())
        builder.finish(recording.at);
    end_recording(recording, true);
    m_path.blocks.clear();
}

/// The path, and once more when it is a loop: with computed branches it is one when it has repeated itself.
void Translator::record_rounds(Cpu& cpu, Recording& recording)
{
    ir::Builder& builder = m_machinery->builder;
    bool is_whole = record_path(cpu, recording);
    recording.before_loop = recording.steps.size();
    bool may_vary = !m_path.repeats && guards(m_machinery->program) != 0;
    if (!is_whole || !m_path.is_loop || may_vary)
        return;
    builder.begin_loop();
    if (record_path(cpu, recording))
        builder.close_loop(m_path.end);
}

/// False when the block has its end before the path has.
bool Translator::record_path(Cpu& cpu, Recording& recording)
{
    const auto& blocks = m_path.blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        u64 goes_on_at = i + 1 < blocks.size() ? blocks[i + 1] : m_path.end;
        recording.at = blocks[i];
        bool is_end = i + 1 == blocks.size() && !m_path.is_loop;
        for (u64 left = m_path.retired[i + 1] - m_path.retired[i]; left; --left)
            if (record(cpu, recording, left == 1 && is_end ? std::nullopt : std::optional(goes_on_at)))
                return false;
        if (recording.at != goes_on_at || is_long(recording))
            return false;
    }
    return true;
}

/// Until the block is followed, again when operands are where they cannot be located. A path stays in its page, and its first instruction
/// too; it is followed again when it is a loop that may go other ways by now.
void Translator::count_executions(Block& block)
{
    bool varies = block.is_path && m_path.repeats && guards(m_machinery->program) != 0;
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

bool Translator::is_long(const Recording& recording) const
{
    std::size_t most = m_path.is_loop ? most_in_round : most_instructions;
    bool guesses = !m_path.is_loop && guards(m_machinery->program) >= most_guards;
    return guesses || recording.steps.size() - recording.before_loop >= most || m_machinery->program.saved.size() >= most_saved;
}

} // namespace zvisor
