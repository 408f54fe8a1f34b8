#include "ir/builder.h"

namespace zvisor::ir {

// ---- Vector registers ------------------------------------------------------------------------------------

/// Put together from its left half, when that is newer, and what it was.
Vector Builder::v(u8 r)
{
    Register& reg = changed(floating(r));
    if (!reg.whole) {
        reg.whole = add_node({ .kind = Kind::get_vector, .info = r });
        reg.whole_is_older = reg.full_dirty || reg.half_dirty;
    }
    if (!reg.whole_is_older)
        return { reg.whole };
    G left = f(r);
    Vector whole { add_node({ .kind = Kind::insert, .width = 8, .info = 0, .a = reg.whole, .b = node(left) }) };
    v(r, whole);
    changed(floating(r)).full = left.id;
    return whole;
}

void Builder::v(u8 r, Vector value)
{
    changed(floating(r)) = { .whole = value.id, .whole_dirty = true };
    m_registers.dirty |= u64 { 1 } << floating(r);
}

void Builder::clear_right_half(u8 r)
{
    G left = f(r);
    Register& reg = changed(floating(r));
    if (!reg.right_is_zero)
        put(Place::right_half, r, G { 0 });
    bool known = !reg.whole_dirty && !reg.full_dirty;
    reg = { .full = node(left), .full_dirty = !known, .right_is_zero = true };
    m_registers.dirty |= u64 { 1 } << floating(r);
}

// ---- Operations ------------------------------------------------------------------------------------------

Vector Builder::vector(VectorOperation operation, u8 bytes, Vector a, Vector b)
{
    return { add_node({ .kind = Kind::vector, .width = bytes, .info = static_cast<u8>(operation), .a = a.id, .b = b.id }) };
}

Vector Builder::vector(VectorOperation operation, u8 bytes, Vector a, W b)
{
    Id with = node(b);
    return { add_node({ .kind = Kind::vector, .width = bytes, .info = static_cast<u8>(operation), .a = a.id, .b = with }) };
}

Vector Builder::replicate(G value, u8 bytes)
{
    if (!value.is_constant()) {
        constexpr auto operation = static_cast<u8>(VectorOperation::replicate);
        return { add_node({ .kind = Kind::vector, .width = bytes, .info = operation, .a = value.id }) };
    }
    u64 doubleword = 0;
    for (unsigned at = 0; at < 64; at += 8U * bytes)
        doubleword |= (value.constant & (~u64 { 0 } >> (64 - 8 * bytes))) << at;
    return pair(doubleword, doubleword);
}

Vector Builder::insert(Vector vector, u8 bytes, u8 index, G value)
{
    return { add_node({ .kind = Kind::insert, .width = bytes, .info = index, .a = vector.id, .b = node(value) }) };
}

/// Of a pair it is part of one of the doublewords.
G Builder::element(Vector vector, u8 bytes, u8 index)
{
    const Node made = m_program.nodes[vector.id];
    if (made.kind == Kind::pair) {
        u8 in_half = 8 / bytes;
        Id half = index < in_half ? made.a : made.b;
        u32 behind = in_half - 1U - index % in_half;
        u64 mask = ~u64 { 0 } >> (64 - 8 * bytes);
        const Node& known = m_program.nodes[half];
        G value = known.kind == Kind::constant ? G { known.imm } : G { this, half };
        return value >> (8U * bytes * behind) & mask;
    }
    return { this, add_node({ .kind = Kind::element, .width = bytes, .info = index, .a = vector.id }) };
}

// ---- Storage ---------------------------------------------------------------------------------------------

Vector Builder::load_vector(const Address& from, u8 r1)
{
    Id loaded = load(16, from, Kind::data_tlb);
    m_program.nodes[loaded].imm = r1;
    return { loaded };
}

void Builder::store_leftmost(const Address& to, Vector value, W count)
{
    Id a = node(to.at);
    Id d = node(count);
    Id in = space(Kind::data_tlb);
    u32 state = before();
    (void)add_node(
        { .kind = Kind::store_leftmost, .base = to.base, .a = a, .b = in, .c = value.id, .d = d, .before = state, .after = after() });
}

// ---- Binary floating point -------------------------------------------------------------------------------

Id Builder::bfp_state()
{
    if (m_bfp_state == 0)
        m_bfp_state = add_node({ .kind = Kind::bfp_state });
    return m_bfp_state;
}

Id Builder::add_bfp(Node node, const std::array<Id, 3>& operands)
{
    node.a = operands[0];
    node.b = operands[1];
    node.c = operands[2];
    node.d = bfp_state();
    node.before = before();
    return add_node(node);
}

} // namespace zvisor::ir
