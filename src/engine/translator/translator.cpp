#include "engine/translator/translator.h"

#include "isa/table.h"

#include <algorithm>

namespace zvisor {

namespace {

constexpr u32 most_instructions = 64;
constexpr std::size_t counters = 65536;

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
    for (u32 number : incoming)
        machinery.runtime.links()[number].code = machinery.exits[number].code.unlinked;
}

Translator::Translator(AbsoluteStorage& storage, Observer* observer)
    : m_cache(storage)
    , m_interpreter(m_cache, observer)
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
        m_machinery = std::make_unique<Machinery>(cpu);
}

void Translator::execute_unlinked(Cpu& cpu)
{
    serve(cpu);
    m_left_by = Runtime::no_link;
    m_cache.free_dropped();
    try {
        run_block(cpu);
    } catch (const ProgramInterruption& interruption) {
        interrupt(cpu, interruption);
    }
    m_left_by = Runtime::no_link;
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

bool Translator::run_blocks(Cpu& cpu)
{
    for (;;) {
        if (cpu.pending()) [[unlikely]] {
            m_left_by = Runtime::no_link;
            m_cache.free_dropped();
            if (!cpu.handle_pending())
                return false;
        }
        run_block(cpu);
    }
}

void Translator::run_block(Cpu& cpu)
{
    if (!(cpu.mode() & ExecutionMode::careful)) [[likely]] {
        if (Block* block = find_block(cpu, cpu.next)) {
            if (m_left_by != Runtime::no_link)
                link(cpu, m_left_by, *block);
            m_left_by = m_machinery->runtime.enter(cpu, block->code);
            return;
        }
    }
    m_left_by = Runtime::no_link;
    m_interpreting = true;
    m_interpreter.execute_block(cpu);
    m_interpreting = false;
}

void Translator::interrupt(Cpu& cpu, const ProgramInterruption& interruption)
{
    if (std::exchange(m_interpreting, false))
        return m_interpreter.interrupt(cpu, interruption);
    const Op* op = is_step(cpu.op) ? cpu.op : m_executing;
    cpu.retired -= reinterpret_cast<const Step*>(op)->remaining;
    cpu.take_program_interruption(interruption, op->address, op->length);
}

/// A link is followed without looking while the spaces are as they are now.
void Translator::link(Cpu& cpu, u32 number, Block& block)
{
    const Exit& exit = m_machinery->exits[number];
    if (exit.code.target != block.address || exit.mode != block.mode || block.stale)
        return;
    m_machinery->runtime.links()[number] = { block.code, cpu.code_stamp() >> 8 };
    block.incoming.push_back(number);
}

/// Null when the block is not worth translating yet.
Translator::Block* Translator::find_block(Cpu& cpu, u64 address)
{
    cpu.op = &m_fetching.ops[0];
    m_fetching.ops[0].address = address;
    m_fetching.ops[0].length = 2;
    if (address & 1)
        cpu.specification();
    u64 absolute = cpu.absolute(cpu.fetch_view(address));
    auto* block = static_cast<Block*>(m_cache.find(cpu, address, absolute, cpu.mode() | translated));
    if (!block && !is_hot(absolute))
        return nullptr;
    if (!block)
        block = translate(cpu, address, absolute);
    m_machinery->runtime.position(address) = { address, cpu.code_stamp(), block->code, 0 };
    return block;
}

bool Translator::is_hot(u64 absolute)
{
    u8& executions = m_executions[absolute / 2 % counters];
    if (executions >= m_patience)
        return true;
    ++executions;
    return false;
}

void Translator::set_patience(u8 executions)
{
    m_patience = executions;
    std::ranges::fill(m_executions, u8 { 0 });
}

/// Starts over when the memory for code is used up.
void Translator::make_room()
{
    if (!m_machinery->runtime.is_full())
        return;
    forget_all();
    m_cache.free_dropped();
    m_machinery->exits.clear();
    m_left_by = Runtime::no_link; // its number will be another exit's
    m_machinery->runtime.reset();
}

Translator::Block* Translator::translate(Cpu& cpu, u64 address, u64 absolute)
{
    make_room();
    m_cache.free_dropped();
    m_cache.watch(cpu, absolute & page_mask);

    auto block = std::make_unique<Block>(*m_machinery);
    block->absolute = absolute;
    block->address = address;
    block->mode = cpu.mode() | translated;
    m_machinery->builder.begin(addressing_mode(cpu.mode()), (cpu.mode() & ExecutionMode::overflow) != 0);
    std::vector<Step> steps;
    u64 at = address;
    for (;;) {
        u64 left = page_size - at % page_size;
        u64 where = absolute + (at - address);
        u8 length = isa::instruction_length(cpu.storage().host()[where]);
        if (length > left && !steps.empty())
            break;
        // Marked before it is read, so that a store by another CPU is either seen here or noticed there.
        cpu.storage().mark_code(where, std::min<u64>(length, left));
        if (length > left) {
            block->second_page = cpu.absolute(cpu.fetch_view(((at & page_mask) + page_size) & cpu.address_mask()));
            m_cache.watch(cpu, block->second_page);
            cpu.storage().mark_code(block->second_page, length - left);
        }
        bool ends = record(cpu, *block, steps, at);
        at += length;
        if (ends || at % page_size < length || steps.size() == most_instructions)
            break;
    }
    if (!m_machinery->builder.finished())
        m_machinery->builder.finish(at & cpu.address_mask());

    block->bytes = static_cast<u32>(at - address);
    block->count = static_cast<u32>(steps.size());
    block->steps = std::make_unique<Step[]>(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        block->steps[i] = steps[i];
        block->steps[i].remaining = static_cast<u32>(steps.size() - i);
    }
    block->is_left = m_machinery->runtime.allocate_data(1);
    *block->is_left = 0;
    const u8* code = m_machinery->emitter.emit(m_machinery->program,
        { .address = address, .count = block->count, .steps = { block->steps.get(), steps.size() }, .stale = block->is_left });
    for (const ExitCode& exit : m_machinery->emitter.exits())
        m_machinery->exits.push_back({ exit, block->mode });
    block->code = m_machinery->runtime.memory.executable(code);
    Block* made = block.get();
    m_cache.add(std::move(block));
    return made;
}

/// Decodes and records the instruction at `at`. True when it ends the block.
bool Translator::record(Cpu& cpu, Block& block, std::vector<Step>& steps, u64 at)
{
    ir::Builder& builder = m_machinery->builder;
    const isa::Row* row = nullptr;
    u64 bits = fetch_instruction(cpu, at);
    Step& step = steps.emplace_back();
    Op& op = step.ops[0];
    isa::decode(op, bits, at, static_cast<u8>(block.mode & ~translated), cpu.facilities(), row);
    step.ops[1].run = &leave_step;
    step.ops[1].address = (at + op.length) & cpu.address_mask();

    builder.begin_instruction(at, op.length);
    if (row && row->record && op.run == row->run) {
        row->record(builder, op);
        if (builder.end_instruction(row->has(isa::RowFlag::overflow)))
            return builder.finished();
    }
    builder.call(!row || row->has(isa::RowFlag::branch));
    return builder.finished();
}

void Translator::execute_target(Cpu& cpu, u64 bits, u64 address)
{
    m_executing = cpu.op;
    m_interpreter.execute_target(cpu, bits, address);
}

void Translator::code_stored(u64 absolute_address, u64 length)
{
    if (m_cache.stored(absolute_address, length) && m_cpu)
        m_cpu->forget_code_positions();
}

void Translator::forget_all()
{
    m_cache.drop_all();
    if (m_cpu)
        m_cpu->forget_code_positions();
}

} // namespace zvisor
