#include "engine/translator/translator.h"

#include "base/verify.h"
#include "engine/translator/serialize_host.h"
#include "isa/table.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace zvisor {

namespace {

constexpr u32 most_instructions = 64;
constexpr unsigned counter_bits = 20;
/// Counters of addresses close to each other, which are often needed together, are in one line of the host's cache.
constexpr unsigned counter_bits_in_line = 6;
constexpr std::size_t counters_in_line = std::size_t { 1 } << counter_bits_in_line;
constexpr std::size_t counters = std::size_t { 1 } << counter_bits;

void leave_step(Cpu&, const Op*) { }

/// Whether an op is the first of a Step.
[[nodiscard]] bool is_step(const Op* op)
{
    return op[1].run == &leave_step;
}

[[nodiscard]] unsigned addressing_mode(u8 mode)
{
    return mode & ExecutionMode::amode_64 ? 64 : mode & ExecutionMode::amode_31 ? 31 : 24;
}

} // namespace

void Translator::Block::retire()
{
    *is_left = 1;
    if (CodePosition& position = machinery.runtime.position(address); position.block == this)
        position = {};
    if (machinery.statistics)
        machinery.statistics->dropped();
    for (const auto& [number, exit] : counted)
        machinery.growing.erase(number);
    bool was_led_to = false;
    machinery.exits.release(incoming, [&](u32, const Exits::Exit& exit) {
        machinery.runtime.unlink(exit.code);
        was_led_to = true;
    });
    if (was_led_to)
        serialize_host();
}

Translator::Translator(AbsoluteStorage& storage, const EngineOptions& options)
    : m_options(options)
    , m_cache(storage)
    , m_interpreter(m_cache, options.observer)
    , m_statistics(options.statistics ? std::make_unique<TranslationStatistics>() : nullptr)
    , m_executions(counters)
{
    m_fetching.ops[1].run = &leave_step;
}

Translator::~Translator()
{
    m_cache.drop_all();
    m_cache.free_dropped();
}

void Translator::serve(Cpu& cpu)
{
    m_cpu = &cpu;
    if (!m_machinery)
        m_machinery = make_machinery(cpu);
}

void Translator::execute_unlinked(Cpu& cpu)
{
    serve(cpu);
    m_left_by = Runtime::no_exit;
    m_cache.free_dropped();
    try {
        run_block(cpu);
    } catch (const ProgramInterruption& interruption) {
        interrupt(cpu, interruption);
    }
    m_left_by = Runtime::no_exit;
}

void Translator::run(Cpu& cpu)
{
    serve(cpu);
    for (;;) {
        try {
            if (!run_blocks(cpu))
                return;
        } catch (const ProgramInterruption& interruption) {
            interrupt(cpu, interruption);
        }
    }
}

std::unique_ptr<Translator::Machinery> Translator::make_machinery(const Cpu& cpu) const
{
    auto made = std::make_unique<Machinery>(cpu, m_options.code_bytes, m_options.translations || m_statistics, m_statistics.get());
    if (m_options.translations)
        m_options.translations->made_shared_code(made->runtime.shared_code());
    return made;
}

bool Translator::run_blocks(Cpu& cpu)
{
    for (;;) {
        if (cpu.pending()) [[unlikely]] {
            m_left_by = Runtime::no_exit;
            abandon_path();
            m_cache.free_dropped();
            if (!cpu.handle_pending())
                return false;
        }
        run_block(cpu);
    }
}

void Translator::run_block(Cpu& cpu)
{
    if (m_machinery->runtime.is_full()) [[unlikely]]
        make_room(cpu);
    if (!m_path.blocks.empty()) [[unlikely]]
        return follow_path(cpu);
    if (!(cpu.mode() & ExecutionMode::careful)) [[likely]] {
        if (m_worn_exit != Runtime::no_exit && begin_arm(cpu)) [[unlikely]]
            return;
        if (Block* block = find_block(cpu, cpu.next)) {
            if (m_left_by != Runtime::no_exit)
                link(cpu, m_left_by, *block);
            if (begin_path(cpu, *block))
                return;
            return enter(cpu, *block);
        }
    }
    interpret(cpu);
}

void Translator::enter(Cpu& cpu, const Block& block)
{
    // Exits compare the lower halves of generations.
    if (u64 upper = cpu.code_stamp() >> 40; upper != m_generations) [[unlikely]] {
        m_generations = upper;
        m_machinery->exits.release_all([&](const Exits::Exit& exit) { m_machinery->runtime.unlink(exit.code); });
        serialize_host();
    }
    m_left_by = m_machinery->runtime.enter(cpu, block.code);
    if (m_left_by == Runtime::no_exit)
        return;
    const ExitCode& exit = m_machinery->exits[m_left_by].code;
    cpu.next = exit.target;
    if (exit.left && *exit.left < 0) [[unlikely]] {
        m_worn_exit = m_left_by;
        m_worn_stamp = cpu.code_stamp();
    }
}

void Translator::interpret(Cpu& cpu)
{
    m_left_by = Runtime::no_exit;
    m_interpreting = true;
    m_retired_before = cpu.retired;
    m_interpreter.execute_block(cpu);
    m_interpreting = false;
    note_interpreted(cpu);
}

void Translator::note_interpreted(const Cpu& cpu)
{
    if (m_statistics)
        m_statistics->interpreted(cpu.retired - m_retired_before);
}

void Translator::interrupt(Cpu& cpu, const ProgramInterruption& interruption)
{
    abandon_path();
    if (std::exchange(m_interpreting, false)) {
        m_interpreter.interrupt(cpu, interruption);
        return note_interpreted(cpu);
    }
    const Op* op = is_step(cpu.op) ? cpu.op : m_executing;
    const Step& step = *reinterpret_cast<const Step*>(op);
    cpu.retired -= step.remaining;
    if (m_statistics)
        m_statistics->interrupted(step.remaining, step.on_path);
    cpu.take_program_interruption(interruption, op->address, op->length);
}

/// A link is followed without looking while the spaces are as they are now.
void Translator::link(Cpu& cpu, u32 number, Block& block)
{
    const Exits::Exit& exit = m_machinery->exits[number];
    if (exit.code.target != block.address || exit.mode != block.mode || block.stale)
        return;
    m_machinery->runtime.link(exit.code, block.code, cpu.code_stamp() >> 8);
    m_machinery->exits.lead(number, block.incoming);
}

/// Exceptions are those of fetching at an address from here on.
void Translator::begin_fetching(Cpu& cpu, u64 address)
{
    cpu.op = &m_fetching.ops[0];
    m_fetching.ops[0].address = address;
    m_fetching.ops[0].length = 2;
}

/// Null when the block is not worth translating yet.
Translator::Block* Translator::find_block(Cpu& cpu, u64 address)
{
    begin_fetching(cpu, address);
    if (address & 1)
        cpu.specification();
    u64 absolute = cpu.absolute(cpu.fetch_view(address));
    if (!is_hot(absolute))
        return nullptr;
    CodePosition& position = m_machinery->runtime.position(address);
    if (position.address == address && position.stamp == cpu.code_stamp())
        return static_cast<Block*>(position.block);
    u64 stamp = cpu.code_stamp();
    Block* block = recall_block(cpu, address, absolute);
    if (!block) {
        block = static_cast<Block*>(m_cache.find(cpu, address, absolute, cpu.mode() | translated));
        if (!block) {
            block = translate(cpu, address, absolute);
            m_interpreter.forget(cpu, address, absolute);
        }
    }
    // The code may be elsewhere by now: pages were watched meanwhile, and requests of other CPUs answered.
    if (cpu.code_stamp() != stamp)
        return find_block(cpu, address);
    // Where exits lead is found without positions: those are for what is computed.
    if (m_left_by == Runtime::no_exit || position.address == address)
        position = { address, stamp, block->code, block };
    return block;
}

/// What was found here under other translations, or what the exit led to under them, is mostly there still.
Translator::Block* Translator::recall_block(const Cpu& cpu, u64 address, u64 absolute) const
{
    auto is_there = [&](const CodeBlock* block) {
        return block && block->address == address && block->absolute == absolute && block->mode == (cpu.mode() | translated)
            && !block->second_page;
    };
    CodeBlock* known = m_machinery->runtime.position(address).block;
    if (!is_there(known))
        known = m_left_by == Runtime::no_exit ? nullptr : m_machinery->exits.led_to(m_left_by);
    return is_there(known) ? static_cast<Block*>(known) : nullptr;
}

bool Translator::is_hot(u64 absolute)
{
    constexpr u64 golden = 0x9e3779b97f4a7c15; // spreads blocks that are equally far apart
    u64 line = absolute / (2 * counters_in_line) * golden >> (64 - counter_bits + counter_bits_in_line);
    u8& executions = m_executions[line * counters_in_line + absolute / 2 % counters_in_line];
    executions = std::max(executions, m_forgotten);
    if (executions - m_forgotten >= m_patience)
        return true;
    m_most_counted = std::max(m_most_counted, ++executions);
    return false;
}

void Translator::set_patience(u8 executions)
{
    m_patience = executions;
    forget_executions();
}

/// Starts over when the memory for code is used up. What ran before then is interpreted at first, so that a guest that runs more
/// code than there is memory for does not have each execution translated. It takes as long as there is code to forget, in which the
/// physical CPU may be wanted elsewhere.
void Translator::make_room(Cpu& cpu)
{
    auto start = [this] { start_over(); };
    cpu.running() ? cpu.while_not_executing(start) : start();
}

void Translator::start_over()
{
    forget_all();
    m_cache.free_dropped();
    m_machinery->exits.clear();
    m_machinery->runtime.reset();
    begin_anew();
    if (m_statistics)
        m_statistics->started_over();
}

/// No code is known any more.
void Translator::begin_anew()
{
    forget_executions();
    m_left_by = m_worn_exit = Runtime::no_exit; // its number will be another exit's
    m_path.executions = nullptr;
}

void Translator::give_memory_back()
{
    m_interpreter.give_memory_back();
    abandon_path();
    begin_anew();
    clear_executions();
    if (!m_machinery)
        return;
    m_machinery->exits.clear();
    m_machinery->runtime.give_memory_back();
}

/// What was counted up to now counts for nothing, without touching the counters as long as they have room for more.
void Translator::forget_executions()
{
    m_forgotten = m_most_counted;
    if (m_forgotten + m_patience > std::numeric_limits<u8>::max())
        clear_executions();
}

void Translator::clear_executions()
{
    m_executions.clear();
    m_forgotten = m_most_counted = 0;
}

Translator::Block* Translator::translate(Cpu& cpu, u64 address, u64 absolute)
{
    for (;;) {
        u64 before = m_cache.noticed();
        Recording recording = record_block(cpu, address, absolute);
        if (before == m_cache.noticed())
            return end_recording(recording, false);
    }
}

/// Another CPU's stores may be noticed meanwhile, whenever a page comes to be watched.
Translator::Recording Translator::record_block(Cpu& cpu, u64 address, u64 absolute)
{
    Recording recording = begin_recording(cpu, address, absolute);
    ir::Builder& builder = m_machinery->builder;
    bool is_last = false;
    while (!is_last && (recording.steps.empty() || !crosses_page(cpu, recording.absolute())))
        is_last = record(cpu, recording) || recording.steps.size() == most_instructions || (address ^ recording.at) >= page_size;
    if (!builder.finished())
        builder.finish(recording.at);
    return recording;
}

Translator::Recording Translator::begin_recording(Cpu& cpu, u64 address, u64 absolute)
{
    if (m_statistics)
        m_statistics->begin();
    m_machinery->instructions.clear();
    m_cache.free_dropped();
    m_cache.watch(cpu, absolute & page_mask);

    Recording recording { .block = std::make_unique<Block>(*m_machinery), .steps = {}, .kept = {}, .at = address };
    Block& block = *recording.block;
    block.absolute = block.first = absolute;
    block.address = address;
    block.mode = cpu.mode() | translated;
    begin_recording_anew(block);
    return recording;
}

void Translator::begin_recording_anew(const Block& block)
{
    bool is_path = !m_path.blocks.empty();
    m_machinery->builder.begin({ .addressing_mode = addressing_mode(block.mode),
        .overflow = (block.mode & ExecutionMode::overflow) != 0,
        .locates = is_path && m_path.tree.locates,
        .writes_through = !is_path });
}

const u8* Translator::emit(const Recording& recording, std::span<i32* const> exits_left)
{
    const Block& block = *recording.block;
    BlockCounters counting;
    if (m_statistics)
        counting = m_statistics->counters(m_machinery->instructions);
    bool is_whole = recording.parts.size() == 1;
    std::vector<u32> arms;
    for (std::size_t part = 2; part < recording.parts.size(); ++part)
        arms.push_back(recording.count(part));
    return m_machinery->emitter.emit(m_machinery->program,
        { .address = block.address,
            .count = is_whole || recording.is_loop ? recording.count(0) : recording.count(1),
            .loop_count = recording.is_loop ? recording.count(1) : 0,
            .arm_counts = arms,
            .steps = { block.steps.get(), recording.steps.size() },
            .stale = block.is_left,
            .executions = block.executions,
            .exits_left = exits_left,
            .path = block.path,
            .is_path = block.is_path,
            .problem_state = (block.mode & ExecutionMode::problem) != 0,
            .counters = counting,
            .marked = m_options.translations || m_statistics });
}

/// Those who look on are told of a new block.
void Translator::tell(const Recording& recording, const u8* code)
{
    const Block& block = *recording.block;
    const Machinery& made_by = *m_machinery;
    auto size = static_cast<std::size_t>(made_by.runtime.assembler.getCurr() - code);
    TranslatedBlock told { .cpu = *m_cpu,
        .address = block.address,
        .is_path = block.is_path,
        .instructions = made_by.instructions,
        .parts = recording.parts,
        .is_loop = recording.is_loop,
        .program = made_by.program,
        .code = { static_cast<const u8*>(block.code), size },
        .path_bytes = static_cast<std::size_t>(made_by.emitter.path_end() - code),
        .marks = made_by.emitter.marks() };
    if (m_statistics)
        m_statistics->end(told, block.absolute, made_by.emitter.counting());
    if (m_options.translations)
        m_options.translations->translated(told);
}

/// Whether the instruction at an absolute address goes on in the next page.
bool Translator::crosses_page(const Cpu& cpu, u64 absolute)
{
    return absolute % page_size + isa::instruction_length(cpu.storage().host()[absolute]) > page_size;
}

/// The next instruction is the block's. Marked before it is read, so that a store by another CPU is either seen here or noticed there.
void Translator::mark_next(Cpu& cpu, Recording& recording)
{
    Block& block = *recording.block;
    u64 at = recording.at;
    u64 left = page_size - at % page_size;
    u64 where = recording.absolute();
    u8 length = isa::instruction_length(cpu.storage().host()[where]);
    cpu.storage().mark_code(where, std::min<u64>(length, left));
    if (length > left) {
        block.second_page = cpu.absolute(cpu.fetch_view(((at & page_mask) + page_size) & cpu.address_mask()));
        m_cache.watch(cpu, block.second_page);
        cpu.storage().mark_code(block.second_page, length - left);
    }
    u64 end = std::max(block.first + block.bytes, where + length);
    block.first = std::min(block.first, where);
    block.bytes = static_cast<u32>(end - block.first);
}

/// Decodes and records the next instruction. True when it ends the block.
bool Translator::record(Cpu& cpu, Recording& recording, std::optional<u64> goes_on_at, bool keeps_exit)
{
    const Block& block = *recording.block;
    u64 at = recording.at;
    mark_next(cpu, recording);
    ir::Builder& builder = m_machinery->builder;
    const isa::Row* row = nullptr;
    u64 bits = fetch_instruction(cpu, at);
    Step& step = recording.steps.emplace_back();
    Op& op = step.ops[0];
    isa::decode(op, bits, at, static_cast<u8>(block.mode & ~translated), cpu.facilities(), row);
    m_machinery->instructions.push_back({ at, bits, row });
    step.ops[1].run = &leave_step;
    step.ops[1].address = (at + op.length) & cpu.address_mask();

    recording.branched = row && row->has(isa::RowFlag::branch);
    if (recording.steps.size() == 1)
        recording.begins_with_branch = recording.branched;
    builder.begin_instruction(at, op.length, goes_on_at, recording.branched, keeps_exit);
    bool is_recorded = row && row->record && op.run == row->run;
    if (is_recorded) {
        row->record(builder, op);
        is_recorded = builder.end_instruction(row->has(isa::RowFlag::overflow));
    }
    if (!is_recorded)
        builder.call(!row || row->has(isa::RowFlag::branch));
    recording.at = builder.goes_on_at();
    return builder.finished();
}

Translator::Block* Translator::end_recording(Recording& recording, bool is_path)
{
    Block* block = recording.block.get();
    auto count = recording.steps.size();
    block->steps = std::make_unique<Step[]>(count);
    for (std::size_t part = 0; part < recording.parts.size(); ++part) {
        u32 begin = recording.parts[part];
        u32 end = begin + recording.count(part);
        for (u32 i = begin; i < end; ++i) {
            block->steps[i] = recording.steps[i];
            block->steps[i].remaining = end - i;
            block->steps[i].on_path = is_path;
        }
    }
    block->is_left = m_machinery->runtime.allocate_flag();
    block->is_path = is_path;
    m_machinery->builder.use_located();
    count_executions(*block);
    std::vector<i32*> exits_left;
    if (is_path) {
        block->tree = std::make_unique<Tree>(std::move(m_path.tree));
        block->tree->translated = block->tree->segments.size();
        count_exits(*block->tree, recording, exits_left);
    }
    const u8* code = emit(recording, exits_left);
    for (const ExitCode& exit : m_machinery->emitter.exits()) {
        m_machinery->exits.add(exit, block->mode);
        if (!exit.left)
            continue;
        block->counted.emplace(exit.number, recording.place(exit.step));
        m_machinery->growing.emplace(exit.number, block);
    }
    block->code = m_machinery->runtime.memory.executable(code);
    tell(recording, code);
    m_machinery->runtime.settle();
    m_cache.add(std::move(recording.block));
    return block;
}

void Translator::execute_target(Cpu& cpu, u64 bits, u64 address)
{
    m_executing = cpu.op;
    m_interpreter.execute_target(cpu, bits, address);
}

void Translator::code_stored(u64 absolute_address, u64 length)
{
    if (!m_cache.stored(absolute_address, length))
        return;
    m_interpreter.forget_positions();
    abandon_path();
}

EngineStatistics Translator::statistics() const
{
    return m_statistics ? m_statistics->sum() : EngineStatistics {};
}

void Translator::forget_all()
{
    m_cache.drop_all();
    m_interpreter.forget_positions();
}

} // namespace zvisor
