#include "ir/builder.h"

namespace zvisor::ir {

// ---- Storage -------------------------------------------------------------------------------------------

void Builder::put_address(u8 r, G address)
{
    if (m_addressing_mode == 64)
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
    return add_node({ .kind = Kind::load, .info = bytes, .base = from.base, .a = address, .b = in, .before = before() });
}

/// What they load is not a value: it goes from storage to the CPU.
void Builder::load_registers(u8 first, u8 last, const Address& from)
{
    Id address = node(from.at);
    Id in = space(Kind::data_tlb);
    (void)add_node(
        { .kind = Kind::load_registers, .info = first, .base = from.base, .a = address, .b = in, .before = before(), .imm = last });
    for (unsigned r = first;; r = (r + 1) & 15) {
        m_registers.all[r] = {};
        if (r == last)
            break;
    }
}

void Builder::store_multiple(u8 width, u8 first, u8 last, const Address& to)
{
    Id address = node(to.at);
    Id in = space(Kind::data_tlb);
    u32 state = before();
    for (Register& reg : m_registers.all)
        reg.full_dirty = reg.half_dirty = reg.whole_dirty = false;
    m_registers.dirty = 0;
    (void)add_node({ .kind = Kind::store_registers,
        .width = width,
        .info = first,
        .base = to.base,
        .a = address,
        .b = in,
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

void Builder::flush_store(u32 after)
{
    (void)add_node({ .kind = Kind::store,
        .info = m_store.bytes,
        .base = m_store.base,
        .a = m_store.address,
        .b = m_store.space,
        .c = m_store.value,
        .before = before(),
        .after = after });
    m_store = {};
}

void Builder::require_aligned(G address, u64 boundary)
{
    if (boundary == 1 || (address.is_constant() && (address.constant & (boundary - 1)) == 0))
        return;
    Id at = node(address);
    (void)add_node({ .kind = Kind::align, .a = at, .before = before(), .imm = boundary });
}

} // namespace zvisor::ir
