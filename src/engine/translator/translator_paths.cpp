#include "engine/translator/path_limits.h"
#include "engine/translator/translator.h"

#include <algorithm>

namespace zvisor {

namespace {

using namespace path_limits;

constexpr std::size_t most_blocks = 256;
/// Instructions that are followed until a path is back, and until it has to have repeated itself.
constexpr u64 most_until_back = 512;
constexpr u64 most_followed = 4096;
constexpr u64 most_in_arm = 128;
/// Rounds of a loop within a path.
constexpr std::ptrdiff_t most_rounds = 16;
/// How often a path is where it began before it is taken to repeat itself.
constexpr std::ptrdiff_t least_returns = 4;
/// How often a loop with computed branches is come into until it is followed again, the first time and how much more often each next time.
constexpr i32 first_entries = 50'000;
constexpr i32 more_entries = 4;
/// How much later a path is tried again of which nothing came.
constexpr i32 later = 16;

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

/// A block that has been executed often: what is executed from it on is followed, once nothing else is being made. False when it is not
/// that.
bool Translator::begin_path(Cpu& cpu, const HostBlock& block)
{
    if (!block.executions || *block.executions >= 0)
        return false;
    if (m_order) {
        interpret(cpu);
        return true;
    }
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
    auto growing = m_machinery->all.growing.find(exit);
    if (m_order || growing == m_machinery->all.growing.end() || cpu.next != m_machinery->all.exits[exit].code.target
        || cpu.code_stamp() != m_worn_stamp)
        return false;
    const HostBlock& block = *growing->second;
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
    auto growing = m_machinery->all.growing.find(m_path.worn);
    if (!m_path.exit || !m_path.tree.waits() || growing == m_machinery->all.growing.end())
        return translate_path(cpu);
    growing->second->tree->segments = m_path.tree.segments;
    *m_path.executions = m_path_patience / sooner;
    m_path.blocks.clear();
}

/// A path stays in its page, since where the page is does not change then: it has no instruction that goes on in the next page either.
bool Translator::ends_path(const Cpu& cpu, u64 address) const
{
    u64 head = m_path.head;
    return address & 1 || (address ^ head) >= page_size || crosses_page(cpu.storage(), m_path.absolute + (address - head));
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
    auto* block = static_cast<const HostBlock*>(m_cache.find(cpu, address, absolute, cpu.mode() | translated));
    return block && block->is_path;
}

// ---- Making ----------------------------------------------------------------------------------------------

/// Nothing else is being made: otherwise it would not have been followed.
void Translator::translate_path(Cpu& cpu)
{
    m_cache.free_dropped();
    m_cache.watch(cpu, m_path.absolute & page_mask);
    // While its page came to be watched another CPU's store may have ended it.
    if (m_path.blocks.empty())
        return;
    if (!m_path.exit && m_path.executions)
        *m_path.executions = m_path_patience * later;
    m_path.blocks.clear();
    (void)give({ .address = m_path.head,
        .absolute = m_path.absolute,
        .mode = static_cast<u8>(cpu.mode() | translated),
        .path_patience = m_path_patience,
        .tree = std::make_unique<Tree>(std::move(m_path.tree)),
        .entries = m_path.entries });
}

} // namespace zvisor
