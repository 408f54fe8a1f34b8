#include "engine/interpreter/interpreter.h"

#include <algorithm>
#include <cstring>

namespace zvisor {

namespace {

constexpr u32 most_instructions = 64;
constexpr std::size_t most_blocks = 200'000;

void run_leave(Cpu&, const Op*) { }

/// In the place of an op of a stale block; its operands count the instructions from here on, which are not executed.
void run_stale(Cpu& c, const Op* op)
{
    u32 remaining = 0;
    std::memcpy(&remaining, op->operands, sizeof remaining);
    c.retired -= remaining;
    c.op = op;
    c.next = op->address;
}

[[nodiscard]] bool ends_block(const isa::Row* row)
{
    return !row || row->has(isa::RowFlag::branch);
}

/// Whether leaving the sequence is a branch to PER: swapping PSWs is not, nor is an interrupted instruction that begins again.
[[nodiscard]] bool is_branch(const isa::Row* row)
{
    enum : u32 {
        set_program_mask = 0x04,
        supervisor_call = 0x0a,
        move_long = 0x0e,
        compare_long = 0x0f,
        update_tree = 0x0102,
        compare_and_form_codeword = 0xb21a
    };
    constexpr u32 others[] = { set_program_mask, supervisor_call, move_long, compare_long, update_tree, compare_and_form_codeword };
    return row && row->has(isa::RowFlag::branch) && !row->has(isa::RowFlag::privileged)
        && std::ranges::find(others, row->opcode) == std::end(others);
}

[[nodiscard]] bool has_relative_operand(const isa::Row& row)
{
    return std::ranges::any_of(row.format->operands, [](const auto& operand) { return operand.kind == isa::OperandKind::relative; });
}

} // namespace

std::unique_ptr<Block> Block::make(Blocks& all, std::span<const Op> ops)
{
    static_assert(alignof(Op) <= alignof(Block) && std::is_trivially_copyable_v<Op>);
    void* bytes = all.memory.allocate(size(ops.size()), alignof(Block));
    std::unique_ptr<Block> block(new (bytes) Block(all));
    std::ranges::uninitialized_copy(ops, std::span(reinterpret_cast<Op*>(block.get() + 1), ops.size()));
    block->count = static_cast<u32>(ops.size() - 1);
    return block;
}

void Block::operator delete(Block* block, std::destroying_delete_t)
{
    std::pmr::memory_resource& memory = block->all.memory;
    std::size_t bytes = size(block->count + std::size_t { 1 });
    block->~Block();
    memory.deallocate(block, bytes, alignof(Block));
}

/// The block may be running: its ops leave at the next one.
void Block::retire()
{
    --all.known;
    if (Block*& position = all.position(address); position == this)
        position = nullptr;
    for (u32 i = 0; i <= count; ++i) {
        u32 remaining = count - i;
        std::memcpy(ops()[i].operands, &remaining, sizeof remaining);
        ops()[i].run = &run_stale;
    }
}

Interpreter::Interpreter(AbsoluteStorage& storage, Observer* observer)
    : m_own_cache(std::make_unique<CodeCache>(storage))
    , m_cache(*m_own_cache)
    , m_observer(observer)
{
}

Interpreter::Interpreter(CodeCache& shared, Observer* observer)
    : m_cache(shared)
    , m_observer(observer)
{
}

Interpreter::~Interpreter()
{
    // Its blocks lead to what they have in common.
    m_own_cache = nullptr;
}

void Interpreter::run(Cpu& cpu)
{
    for (;;) {
        try {
            if (!run_blocks(cpu))
                return;
        } catch (const ProgramInterruption& interruption) {
            interrupt(cpu, interruption);
        }
    }
}

void Interpreter::interrupt(Cpu& cpu, const ProgramInterruption& interruption)
{
    count_partial_block(cpu);
    cpu.take_program_interruption(interruption, cpu.op->address, cpu.op->length);
}

bool Interpreter::run_blocks(Cpu& cpu)
{
    for (;;) {
        if (cpu.pending()) [[unlikely]] {
            m_current = nullptr;
            m_cache.free_dropped();
            if (!cpu.handle_pending())
                return false;
        }
        execute_block(cpu);
    }
}

void Interpreter::execute_block(Cpu& cpu)
{
    Block* block = block_at(cpu, cpu.next);
    m_current = block;
    if (block->mode & ExecutionMode::careful) [[unlikely]]
        return step(cpu, *block);
    cpu.retired += block->count;
    block->ops()->run(cpu, block->ops());
}

/// An exception left the current block early: takes back the instructions that were not executed.
void Interpreter::count_partial_block(Cpu& cpu)
{
    if (!m_current || (m_current->mode & ExecutionMode::careful))
        return;
    // By its address: the op of an instruction that EXECUTE names is elsewhere.
    for (u32 executed = 0; executed < m_current->count; ++executed)
        if (m_current->ops()[executed].address == cpu.op->address)
            cpu.retired -= m_current->count - executed;
}

void Interpreter::step(Cpu& cpu, Block& block)
{
    u64 bits = fetch_instruction(cpu, block.address);
    const isa::Row* row = isa::find_row(bits);
    if (m_observer && !m_observer->before_instruction(cpu, block.address, bits, row))
        return;
    cpu.retired += 1;
    cpu.op = block.ops();
    u64 sequential = cpu.next_address();
    cpu.begin_per(block.address);
    block.ops()->run(cpu, block.ops());
    cpu.end_per(sequential, is_branch(row));
}

Block* Interpreter::block_at(Cpu& cpu, u64 address)
{
    Block* block = m_blocks.position(address);
    if (block && block->address == address && block->stamp == cpu.code_stamp()) [[likely]]
        return block;
    return find_block(cpu, address);
}

Block* Interpreter::find_block(Cpu& cpu, u64 address)
{
    m_current = nullptr;
    m_fetching.address = address;
    m_fetching.length = 2;
    cpu.op = &m_fetching;
    if (address & 1)
        cpu.specification();
    const u8* host = cpu.fetch_view(address);
    u64 absolute = cpu.absolute(host);
    u64 stamp = cpu.code_stamp();
    auto* block = static_cast<Block*>(m_cache.find(cpu, address, absolute, cpu.mode()));
    if (!block)
        block = make_block(cpu, address, absolute);
    // The code may be elsewhere by now: pages were watched meanwhile, and requests of other CPUs answered.
    if (cpu.code_stamp() != stamp)
        return find_block(cpu, address);
    block->stamp = stamp;
    m_blocks.position(address) = block;
    return block;
}

/// Forgets a part of its own blocks: all would take a time in which the CPU does not look whether it is wanted elsewhere.
void Interpreter::make_room()
{
    constexpr std::size_t part = most_blocks / 100;
    m_cache.drop_some(part, [](const CodeBlock& block) { return dynamic_cast<const Block*>(&block) != nullptr; });
}

Block* Interpreter::make_block(Cpu& cpu, u64 address, u64 absolute)
{
    if (m_blocks.known > most_blocks)
        make_room();
    m_cache.free_dropped();
    for (;;) {
        u64 before = m_cache.noticed();
        auto block = decode_block(cpu, address, absolute);
        Block* made = block.get();
        if (before == m_cache.noticed()) {
            ++m_blocks.known;
            m_cache.add(std::move(block));
            return made;
        }
    }
}

/// Another CPU's stores may be noticed meanwhile, whenever a page comes to be watched.
std::unique_ptr<Block> Interpreter::decode_block(Cpu& cpu, u64 address, u64 absolute)
{
    m_cache.watch(cpu, absolute & page_mask);
    u8 mode = cpu.mode();
    std::optional<u64> second_page;
    std::vector<Op>& ops = m_decoded;
    ops.clear();
    u64 at = address;
    while (ops.size() < (mode & ExecutionMode::careful ? 1 : most_instructions)) {
        u64 left = page_size - at % page_size;
        u64 where = absolute + (at - address);
        u8 length = isa::instruction_length(cpu.storage().host()[where]);
        if (length > left && !ops.empty())
            break;
        // Marked before it is read, so that a store by another CPU is either seen here or noticed there.
        cpu.storage().mark_code(where, std::min<u64>(length, left));
        if (length > left) {
            second_page = cpu.absolute(cpu.fetch_view(((at & page_mask) + page_size) & cpu.address_mask()));
            m_cache.watch(cpu, *second_page);
            cpu.storage().mark_code(*second_page, length - left);
        }
        const isa::Row* row = nullptr;
        isa::decode(ops.emplace_back(), fetch_instruction(cpu, at), at, mode, cpu.facilities(), row);
        at += length;
        if (ends_block(row) || at % page_size < length)
            break;
    }
    Op& end = ops.emplace_back();
    end.run = &isa::run_end_of_block;
    end.address = at & cpu.address_mask();
    auto block = Block::make(m_blocks, ops);
    block->absolute = block->first = absolute;
    block->address = address;
    block->mode = mode;
    block->bytes = static_cast<u32>(at - address);
    block->second_page = second_page;
    return block;
}

void Interpreter::execute_target(Cpu& cpu, u64 bits, u64 address)
{
    const isa::Row* row = isa::find_row(bits);
    if (row && row->has(isa::RowFlag::not_target))
        cpu.program(ProgramCode::execute);
    const Op* executing = cpu.op;
    Target& target = m_targets[(bits >> 16 ^ bits >> 40) % targets];
    if (target.bits != bits || target.mode != cpu.mode() || !row || has_relative_operand(*row)) {
        target.bits = bits;
        target.mode = cpu.mode();
        target.ops[1].run = &run_leave;
        isa::decode(target.ops[0], bits, address, cpu.mode(), cpu.facilities(), row);
    }
    target.ops[0].address = executing->address;
    target.ops[0].length = executing->length;
    target.ops[0].run(cpu, &target.ops[0]);
}

void Interpreter::code_stored(u64 absolute_address, u64 length)
{
    m_cache.stored(absolute_address, length);
}

void Interpreter::forget_all()
{
    m_cache.drop_all();
}

void Interpreter::forget(const BlockKey& key)
{
    if (CodeBlock* block = m_cache.find(key))
        m_cache.drop(*block);
}

void Interpreter::give_memory_back()
{
    m_cache.give_memory_back();
    m_current = nullptr;
    m_blocks.positions.clear();
    m_targets.clear();
}

} // namespace zvisor
