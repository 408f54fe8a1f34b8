#include "ir/builder.h"

#include <algorithm>

namespace zvisor::ir {

// ---- Storage -------------------------------------------------------------------------------------------

void Builder::put_address(u8 r, G address)
{
    if (m_manner.addressing_mode == 64)
        g(r, address);
    else
        w(r, lo(address & m_address_mask));
}

Id Builder::space(Kind kind)
{
    Id& known = kind == Kind::data_tlb ? m_data_space : m_code_space;
    if (known == 0)
        known = add_node({ .kind = kind });
    return known;
}

Id Builder::load(u8 bytes, const Address& from, Kind space_kind)
{
    if (m_store.bytes)
        m_unsupported = true;
    Id address = node(from.at);
    Id in = space(space_kind);
    Id near = locate(address, bytes, in, false);
    return add_node({ .kind = Kind::load, .info = bytes, .base = from.base, .a = address, .b = in, .d = near, .before = before() });
}

/// What they load is not a value: it goes from storage to the CPU.
void Builder::load_registers(u8 first, u8 last, const Address& from)
{
    Id address = node(from.at);
    Id in = space(Kind::data_tlb);
    Id near = locate(address, registers_from(first, last) * 8, in, false);
    (void)add_node({ .kind = Kind::load_registers,
        .info = first,
        .base = from.base,
        .a = address,
        .b = in,
        .d = near,
        .before = before(),
        .imm = last });
    for (unsigned r = first;; r = (r + 1) & 15) {
        changed(static_cast<u8>(r)) = {};
        m_reloaded |= u64 { 1 } << r;
        if (r == last)
            break;
    }
}

void Builder::store_multiple(u8 width, u8 first, u8 last, const Address& to)
{
    Id address = node(to.at);
    Id in = space(Kind::data_tlb);
    u32 state = before();
    Id near = locate(address, registers_from(first, last) * width, in, true);
    for (Register& reg : m_registers.all)
        reg.full_dirty = reg.half_dirty = reg.whole_dirty = false;
    m_registers.dirty = 0;
    m_changed = all_registers;
    (void)add_node({ .kind = Kind::store_registers,
        .width = width,
        .info = first,
        .base = to.base,
        .a = address,
        .b = in,
        .d = near,
        .before = state,
        .after = after(),
        .imm = last });
}

/// The condition code that follows is not known yet where storage changes, so the check for a stale block comes at the end.
Id Builder::interlocked(Node node, const Address& at)
{
    const Node& operand = m_program.nodes[node.c];
    bool fits = static_cast<u64>(i64 { static_cast<i32>(operand.imm) }) == operand.imm;
    if (m_store.bytes || m_changed_storage || (operand.kind == Kind::constant && !fits))
        m_unsupported = true;
    m_changed_storage = true;
    node.info = node.width;
    node.base = at.base;
    node.a = this->node(at.at);
    node.b = space(Kind::data_tlb);
    node.before = before();
    return add_node(node);
}

/// Kept until the instruction's end: when it hits the block itself, the block is left with the instruction done.
void Builder::store(u8 bytes, const Address& to, Id value, Kind space_kind)
{
    if (m_store.bytes)
        m_unsupported = true;
    Id address = node(to.at);
    m_store = { bytes, to.base, address, value, space(space_kind) };
}

/// Both addresses are operands, whatever the operation takes of them.
Id Builder::block(BlockOperation operation, const Address& first, const Address& second, u64 length)
{
    Id a = node(first.at);
    Id c = node(second.at);
    Id in = space(Kind::data_tlb);
    return add_node({ .kind = Kind::block,
        .info = static_cast<u8>(operation),
        .base = first.base,
        .a = a,
        .b = in,
        .c = c,
        .before = before(),
        .imm = length });
}

void Builder::change_block(BlockOperation operation, const Address& to, const Address& from, u64 length)
{
    Id made = block(operation, to, from, length);
    m_program.nodes[made].after = after();
}

G Builder::combine_block(BlockOperation operation, const Address& to, const Address& from, u64 length)
{
    m_changed_storage = true;
    return { this, block(operation, to, from, length) };
}

W Builder::compare_block(const Address& first, const Address& second, u64 length)
{
    return { this, block(BlockOperation::compare, first, second, length) };
}

G Builder::string(StringOperation operation, const Address& first, G other, W character)
{
    Id a = node(first.at);
    Id c = node(other);
    Id d = node(character);
    Id in = space(Kind::data_tlb);
    u8 info = static_cast<u8>(operation);
    return { this,
        add_node({ .kind = Kind::string, .info = info, .base = first.base, .a = a, .b = in, .c = c, .d = d, .before = before() }) };
}

void Builder::store_and_change_mask(const Address& to, MaskChange change)
{
    Id address = node(to.at);
    Id in = space(Kind::data_tlb);
    (void)add_node({ .kind = Kind::change_mask, .base = to.base, .a = address, .b = in, .before = before(), .imm = change.immediate() });
}

void Builder::flush_store(u32 after)
{
    Id near = locate(m_store.address, m_store.bytes, m_store.space, true);
    (void)add_node({ .kind = Kind::store,
        .info = m_store.bytes,
        .base = m_store.base,
        .a = m_store.address,
        .b = m_store.space,
        .c = m_store.value,
        .d = near,
        .before = before(),
        .after = after });
    m_store = {};
}

// ---- Operands near each other ----------------------------------------------------------------------------

namespace {

/// How far apart what is located as one may be: the further, the more often a page ends within.
constexpr i64 most_apart = 512;
constexpr u64 page_size = 4096;
/// Low-address protection has stores into these pages noticed.
constexpr u64 low_pages = 2 * page_size;

/// An address as a value and what is added to it. Of a constant address, that is its page and its place in there.
struct SplitAddress {
    Id root { 0 };
    u64 page { 0 };
    i64 displacement { 0 };
};

[[nodiscard]] SplitAddress split(const Program& program, Id address)
{
    u64 displacement = 0;
    const Node* node = &program.nodes[address];
    while (node->kind == Kind::add && node->width == 8 && program.nodes[node->b].kind == Kind::constant) {
        displacement += program.nodes[node->b].imm;
        address = node->a;
        node = &program.nodes[address];
    }
    if (node->kind != Kind::constant)
        return { .root = address, .displacement = static_cast<i64>(displacement) };
    u64 at = node->imm + displacement;
    return { .page = at & ~(page_size - 1), .displacement = static_cast<i64>(at % page_size) };
}

} // namespace

/// The `locate` node of an operand and of those near it; 0 when it is to be found for itself.
Id Builder::locate(Id address, u32 bytes, Id space, bool stores)
{
    SplitAddress at = split(m_program, address);
    i64 begin = at.displacement;
    i64 end = begin + bytes;
    bool fits = at.root ? static_cast<i32>(begin) == begin : static_cast<u64>(end) <= page_size && !(stores && at.page < low_pages);
    if (!m_instruction_locates || !fits)
        return 0;
    auto& all = m_program.located;
    for (u32 index : m_known_located) {
        Located* known = &all[index];
        const Node& node = m_program.nodes[known->node];
        bool is_root
            = at.root ? node.a == at.root : m_program.nodes[node.a].kind == Kind::constant && m_program.nodes[node.a].imm == at.page;
        i64 all_begin = std::min(begin, known->begin);
        i64 all_end = std::max(end, known->end);
        if (!is_root || node.b != space || (at.root && all_end - all_begin > most_apart))
            continue;
        known->begin = all_begin;
        known->end = all_end;
        known->stores |= stores;
        return known->node;
    }
    Id root = at.root ? at.root : constant(at.page);
    Id node = add_node({ .kind = Kind::locate, .a = root, .b = space, .c = static_cast<u32>(all.size()), .before = before() });
    m_known_located.push_back(static_cast<u32>(all.size()));
    all.push_back({ .node = node, .begin = begin, .end = end, .stores = stores, .begins_with_store = stores });
    return node;
}

/// An operand that is alone is found as if there were no others, unless it is located before the loop that accesses it; the others need
/// no state to raise exceptions with. Registers that are stored have to be in the CPU all the same.
void Builder::use_located()
{
    auto is_multiple = [](const Node& node) { return node.kind == Kind::load_registers || node.kind == Kind::store_registers; };
    auto is_access = [&](const Node& node) { return node.d && (node.kind == Kind::load || node.kind == Kind::store || is_multiple(node)); };
    for (Id id = 1; id < m_program.nodes.size(); ++id)
        if (const Node& node = m_program.nodes[id]; is_access(node))
            m_program.located[m_program.nodes[node.d].c].accesses += node.d < m_program.loop && m_program.loop < id ? 2 : 1;
    auto is_alone = [](const Located& one) { return one.accesses == 1; };
    for (const Located& one : m_program.located)
        if (is_alone(one))
            m_program.nodes[one.node].kind = Kind::none;
    for (Node& node : m_program.nodes) {
        if (!is_access(node))
            continue;
        if (is_alone(m_program.located[m_program.nodes[node.d].c])) {
            node.d = 0;
            continue;
        }
        auto displacement = static_cast<u64>(split(m_program, node.a).displacement);
        node.a = std::exchange(node.d, 0);
        node.b = 0;
        node.after = 0;
        if (is_multiple(node)) {
            node.c = static_cast<u32>(displacement);
            continue;
        }
        node.kind = node.kind == Kind::load ? Kind::load_at : Kind::store_at;
        node.imm = displacement;
        node.before = 0;
    }
    if (std::ranges::all_of(m_program.located, is_alone))
        m_program.located.clear();
}

void Builder::require_aligned(G address, u64 boundary)
{
    if (boundary == 1 || (address.is_constant() && (address.constant & (boundary - 1)) == 0))
        return;
    Id at = node(address);
    (void)add_node({ .kind = Kind::align, .a = at, .before = before(), .imm = boundary });
}

} // namespace zvisor::ir
