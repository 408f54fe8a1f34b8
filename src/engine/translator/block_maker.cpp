#include "engine/translator/block_maker.h"

#include "isa/table.h"
#include "storage/shared_bytes.h"

#include <algorithm>
#include <utility>

namespace zvisor {

namespace {

constexpr u32 most_instructions = 64;

[[nodiscard]] unsigned addressing_mode(u8 mode)
{
    return mode & ExecutionMode::amode_64 ? 64 : mode & ExecutionMode::amode_31 ? 31 : 24;
}

} // namespace

bool crosses_page(const AbsoluteStorage& storage, u64 absolute)
{
    return absolute % page_size + isa::instruction_length(load_shared<u8>(storage.host() + absolute)) > page_size;
}

void Recording::begin_part(u32 segment)
{
    parts.push_back(static_cast<u32>(steps.size()));
    segments.push_back(segment);
}

Tree::Exit Recording::place(u32 step) const
{
    auto part = static_cast<std::size_t>(std::ranges::upper_bound(parts, step) - parts.begin()) - 1;
    return { segments[part], step - parts[part] };
}

void BlockMaker::make(BlockOrder order)
{
    m_order = std::move(order);
    if (m_all.statistics)
        m_all.statistics->begin();
    begin();
    m_order.tree ? record_tree() : record_block();
    put_steps();
    HostBlock& block = *m_recording.block;
    block.is_left = m_all.runtime.allocate_flag();
    block.is_path = m_order.tree != nullptr;
    m_builder.use_located();
    count_executions();
    m_exits_left.clear();
    if (block.is_path) {
        block.tree = std::move(m_order.tree);
        block.tree->translated = block.tree->segments.size();
        count_exits();
    }
    emit();
    if (m_all.statistics)
        m_all.statistics->made();
}

void BlockMaker::begin()
{
    m_recording = { .block = std::make_unique<HostBlock>(m_all), .steps = {}, .kept = {}, .at = m_order.address };
    HostBlock& block = *m_recording.block;
    block.absolute = block.first = m_order.absolute;
    block.address = m_order.address;
    block.mode = m_order.mode;
    block.second_page = m_order.second_page;
    m_instructions.clear();
    begin_anew();
}

void BlockMaker::begin_anew()
{
    m_builder.begin({ .addressing_mode = addressing_mode(m_order.mode),
        .overflow = (m_order.mode & ExecutionMode::overflow) != 0,
        .locates = m_order.tree && m_order.tree->locates,
        .writes_through = !m_order.tree });
}

// ---- Recording -------------------------------------------------------------------------------------------

void BlockMaker::record_block()
{
    bool is_last = false;
    while (!is_last && (m_recording.steps.empty() || !next_crosses_page()))
        is_last = record() || m_recording.steps.size() == most_instructions || (m_order.address ^ m_recording.at) >= page_size;
    if (!m_builder.finished())
        m_builder.finish(m_recording.at);
}

bool BlockMaker::next_crosses_page() const
{
    return crosses_page(m_storage, m_recording.absolute());
}

/// The next instruction is the block's.
void BlockMaker::mark_next()
{
    HostBlock& block = *m_recording.block;
    u64 where = m_recording.absolute();
    u64 left = page_size - where % page_size;
    // It may become a longer one until the bits that say so are marked.
    m_storage.mark_code(where, 2);
    u8 length = isa::instruction_length(load_shared<u8>(m_storage.host() + where));
    m_storage.mark_code(where, std::min<u64>(length, left));
    if (length > left && block.second_page)
        m_storage.mark_code(*block.second_page, length - left);
    u64 end = std::max(block.first + block.bytes, where + length);
    block.first = std::min(block.first, where);
    block.bytes = static_cast<u32>(end - block.first);
}

/// The next instruction, left-aligned. One that goes on in a page that is not the block's has been stored into meanwhile: nobody will
/// execute what is made of it.
u64 BlockMaker::fetch() const
{
    const HostBlock& block = *m_recording.block;
    u64 where = m_recording.absolute();
    u64 left = page_size - where % page_size;
    u64 bits = 0;
    unsigned length = 2;
    for (unsigned at = 0; at < length; at += 2) {
        if (at >= left && !block.second_page)
            break;
        u64 from = at < left ? where + at : *block.second_page + (at - left);
        u64 halfword = load_shared<u16>(m_storage.host() + from);
        bits |= halfword << (48 - at * 8);
        if (at == 0)
            length = isa::instruction_length(static_cast<u8>(halfword >> 8));
    }
    return bits;
}

/// Decodes and records the next instruction. True when it ends the block.
bool BlockMaker::record(std::optional<u64> goes_on_at, bool keeps_exit)
{
    u64 at = m_recording.at;
    mark_next();
    const isa::Row* row = nullptr;
    u64 bits = fetch();
    Step& step = m_recording.steps.emplace_back();
    Op& op = step.ops[0];
    isa::decode(op, bits, at, static_cast<u8>(m_order.mode & ~translated), m_facilities, row);
    m_instructions.push_back({ at, bits, row });
    step.ops[1].address = (at + op.length) & (~u64 { 0 } >> (64 - addressing_mode(m_order.mode)));

    m_recording.branched = row && row->has(isa::RowFlag::branch);
    if (m_recording.steps.size() == 1)
        m_recording.begins_with_branch = m_recording.branched;
    m_builder.begin_instruction(at, op.length, goes_on_at, m_recording.branched, keeps_exit);
    bool is_recorded = row && row->record && op.run == row->run;
    if (is_recorded) {
        row->record(m_builder, op);
        is_recorded = m_builder.end_instruction(row->has(isa::RowFlag::overflow));
    }
    if (!is_recorded)
        m_builder.call(!row || row->has(isa::RowFlag::branch));
    m_recording.at = m_builder.goes_on_at();
    return m_builder.finished();
}

// ---- What was recorded becomes code ------------------------------------------------------------------------

void BlockMaker::put_steps()
{
    HostBlock& block = *m_recording.block;
    block.steps = std::make_unique<Step[]>(m_recording.steps.size());
    for (std::size_t part = 0; part < m_recording.parts.size(); ++part) {
        u32 begin = m_recording.parts[part];
        u32 end = begin + m_recording.count(part);
        for (u32 i = begin; i < end; ++i) {
            block.steps[i] = m_recording.steps[i];
            block.steps[i].remaining = end - i;
            block.steps[i].on_path = m_order.tree != nullptr;
        }
    }
}

void BlockMaker::emit()
{
    const Recording& made = m_recording;
    const HostBlock& block = *made.block;
    BlockCounters counting;
    if (m_all.statistics)
        counting = m_all.statistics->counters(m_instructions);
    bool is_whole = made.parts.size() == 1;
    m_arm_counts.clear();
    for (std::size_t part = 2; part < made.parts.size(); ++part)
        m_arm_counts.push_back(made.count(part));
    m_block_code = { .address = block.address,
        .count = is_whole || made.is_loop ? made.count(0) : made.count(1),
        .loop_count = made.is_loop ? made.count(1) : 0,
        .arm_counts = m_arm_counts,
        .steps = { block.steps.get(), made.steps.size() },
        .stale = block.is_left,
        .executions = block.executions,
        .exits_left = m_exits_left,
        .path = block.path,
        .is_path = block.is_path,
        .problem_state = (block.mode & ExecutionMode::problem) != 0,
        .counters = counting,
        .marked = m_marked };
    m_code = m_emitter.emit(m_program, m_block_code);
}

TranslatedBlock BlockMaker::described(const Cpu& cpu) const
{
    const HostBlock& block = *m_recording.block;
    auto size = static_cast<std::size_t>(m_all.runtime.assembler.getCurr() - m_code);
    return { .cpu = cpu,
        .address = block.address,
        .is_path = block.is_path,
        .instructions = m_instructions,
        .parts = m_recording.parts,
        .is_loop = m_recording.is_loop,
        .program = m_program,
        .code = { m_all.runtime.memory.executable<const u8*>(m_code), size },
        .path_bytes = static_cast<std::size_t>(m_emitter.path_end() - m_code),
        .marks = m_emitter.marks() };
}

} // namespace zvisor
