#include "engine/translator/emitter.h"

namespace zvisor {

using namespace Xbyak::util;
using ir::Kind;
using ir::Node;

/// A sum whose first operand stays is one LEA; false when it is not that.
bool Emitter::emit_sum(Id id)
{
    const Node& node = m_program->nodes[id];
    Place x = place(node.a);
    Place y = place(node.b);
    bool addressable = y.constant ? fits(y.value, node.width) : y.reg != no_register;
    if (dies(node.a, id) || x.reg == no_register || !addressable)
        return false;
    pin(x.reg);
    if (!y.constant)
        pin(y.reg);
    Xbyak::Reg64 to = host(allocate(id));
    if (y.constant)
        m_asm.lea(sized(to, node.width), ptr[host(x.reg) + static_cast<std::size_t>(i64 { static_cast<i32>(y.value) })]);
    else
        m_asm.lea(sized(to, node.width), ptr[host(x.reg) + host(y.reg)]);
    return true;
}

void Emitter::emit_binary(Id id)
{
    const Node& node = m_program->nodes[id];
    if (combines_numbers(id))
        return emit_number_bits(id);
    if (id == m_remainder || id + 1 == m_remainder)
        return;
    if (Place first = place(node.a); node.kind == Kind::sub && first.constant && first.value == 0 && !place(node.b).constant)
        return m_asm.neg(sized(result_from(id, node.b), node.width));
    // The source must not be lost when the destination takes over the register of the same value.
    Place source = place(node.b);
    if (source.reg != no_register)
        pin(source.reg);
    bool same = node.a == node.b;
    if (node.kind == Kind::add && emit_sum(id))
        return;
    Xbyak::Reg64 to = result_from(id, node.a);
    Xbyak::Reg dst = sized(to, node.width);
    if (same)
        source = { .constant = false, .reg = m_register[id], .slot = -1, .value = 0 };
    else
        source = place(node.b);
    with_source(source, node.width, rax, [&](const auto& operand) {
        constexpr bool immediate = std::is_same_v<std::decay_t<decltype(operand)>, u32>;
        switch (node.kind) {
        case Kind::add:
            return m_asm.add(dst, operand);
        case Kind::sub:
            return m_asm.sub(dst, operand);
        case Kind::bit_and:
            return m_asm.and_(dst, operand);
        case Kind::bit_or:
            return m_asm.or_(dst, operand);
        case Kind::bit_xor:
            return m_asm.xor_(dst, operand);
        default:
            if constexpr (immediate)
                return m_asm.imul(dst, dst, static_cast<int>(operand));
            else
                return m_asm.imul(dst, operand);
        }
    });
    if (node.kind != Kind::mul)
        m_flags = { m_asm.getCurr(), m_register[id], node.width };
}

/// Products and quotients of rdx:rax.
void Emitter::emit_wide(Id id)
{
    const Node& node = m_program->nodes[id];
    Id second = node.kind == Kind::quotient_u ? node.c : node.b;
    bool constant = place(second).constant;
    Xbyak::Reg64 by = constant ? rcx : host(use(second));
    if (constant)
        move(rcx, place(second));
    Xbyak::Reg64 to = host(allocate(id));
    bool product = node.kind == Kind::high_product_u || node.kind == Kind::high_product_s;
    move(rax, place(node.kind == Kind::quotient_u ? node.b : node.a));
    switch (node.kind) {
    case Kind::high_product_u:
        m_asm.mul(by);
        break;
    case Kind::high_product_s:
        m_asm.imul(by);
        break;
    case Kind::quotient_u:
        move(rdx, place(node.a));
        m_asm.div(by);
        break;
    default:
        m_asm.cqo();
        m_asm.idiv(by);
    }
    m_asm.mov(to, product ? rdx : rax);
    if (!product)
        take_remainder(id);
}

/// Behind a quotient comes the remainder as a product and a difference: the host has it in rdx already.
void Emitter::take_remainder(Id quotient)
{
    const auto& nodes = m_program->nodes;
    const Node& division = nodes[quotient];
    bool is_wide = division.kind == Kind::quotient_u;
    Id product = quotient + 1;
    Id difference = quotient + 2;
    auto is = [&](Id id, Kind kind, Id a, Id b) {
        return id < nodes.size() && nodes[id].kind == kind && nodes[id].width == 8 && nodes[id].a == a && nodes[id].b == b;
    };
    if (!is(product, Kind::mul, quotient, is_wide ? division.c : division.b)
        || !is(difference, Kind::sub, is_wide ? division.b : division.a, product) || m_last[product] != difference || !m_last[difference])
        return;
    m_asm.mov(host(allocate(difference)), rdx);
    m_remainder = difference;
}

/// A value that stays is rotated into another register at once, by hosts that can.
bool Emitter::emit_rotated_copy(Id id)
{
    const Node& node = m_program->nodes[id];
    Place from = place(node.a);
    if (!m_runtime.features.bmi2 || from.reg == no_register || dies(node.a, id))
        return false;
    pin(from.reg);
    Xbyak::Reg64 to = host(allocate(id));
    auto right = static_cast<u8>(-place(node.b).value % (8 * node.width));
    if (node.width == 4)
        m_asm.rorx(to.cvt32(), host(from.reg).cvt32(), right);
    else
        m_asm.rorx(to, host(from.reg), right);
    return true;
}

void Emitter::emit_shift(Id id)
{
    const Node& node = m_program->nodes[id];
    Place count = place(node.b);
    if (node.kind == Kind::rol && count.constant && emit_rotated_copy(id))
        return;
    if (!count.constant)
        move(rcx, count, 4);
    Xbyak::Reg64 to = result_from(id, node.a);
    Xbyak::Reg dst = sized(to, node.width);
    auto shift = [&](auto amount) {
        switch (node.kind) {
        case Kind::shl:
            return m_asm.shl(dst, amount);
        case Kind::shr:
            return m_asm.shr(dst, amount);
        case Kind::sar:
            return m_asm.sar(dst, amount);
        default:
            return m_asm.rol(dst, amount);
        }
    };
    if (count.constant)
        shift(static_cast<int>(count.value & (node.width == 4 ? 31 : 63)));
    else
        shift(cl);
}

/// A word that is in a general register has zeros to its left there when it was made as a word, for certain by one of these.
bool Emitter::is_extended(Id id) const
{
    const Node& node = m_program->nodes[id];
    switch (node.kind) {
    case Kind::load:
    case Kind::load_at:
        return node.info <= 4 && !m_wants_number[id];
    case Kind::add:
    case Kind::sub:
    case Kind::mul:
    case Kind::bit_and:
    case Kind::bit_or:
    case Kind::bit_xor:
        return node.width == 4 && !m_wants_number[id];
    case Kind::shl:
    case Kind::shr:
    case Kind::sar:
        return node.width == 4;
    case Kind::zx:
    case Kind::zx8:
    case Kind::zx16:
    case Kind::truth:
        return true;
    case Kind::get_gr:
        return needed_width(id) == 4;
    default:
        return false;
    }
}

/// A copy is extended on the way.
void Emitter::emit_extended(Id id)
{
    Id from = m_program->nodes[id].a;
    Place word = place(from);
    if (word.reg == no_register || dies(from, id)) {
        Xbyak::Reg64 to = result_from(id, from);
        if (!is_extended(from))
            m_asm.mov(to.cvt32(), to.cvt32());
        return;
    }
    pin(word.reg);
    m_asm.mov(host(allocate(id)).cvt32(), host(word.reg).cvt32());
}

void Emitter::emit_unary(Id id)
{
    const Node& node = m_program->nodes[id];
    if (node.kind == Kind::zx)
        return emit_extended(id);
    bool extends = node.kind != Kind::hi && node.kind != Kind::reverse;
    Place whole = place(node.a);
    bool stays = extends && whole.reg != no_register && !dies(node.a, id);
    if (stays)
        pin(whole.reg);
    Xbyak::Reg64 to = stays ? host(allocate(id)) : result_from(id, node.a);
    Xbyak::Reg64 from = stays ? host(whole.reg) : to;
    switch (node.kind) {
    case Kind::sx:
        return m_asm.movsxd(to, from.cvt32());
    case Kind::sx8:
        return m_asm.movsx(to.cvt32(), from.cvt8());
    case Kind::sx16:
        return m_asm.movsx(to.cvt32(), from.cvt16());
    case Kind::zx8:
        return m_asm.movzx(to.cvt32(), from.cvt8());
    case Kind::zx16:
        return m_asm.movzx(to.cvt32(), from.cvt16());
    case Kind::hi:
        return m_asm.shr(to, 32);
    default:
        return m_asm.reverse(sized(to, node.width));
    }
}

void Emitter::emit_merge(Id id)
{
    const Node& node = m_program->nodes[id];
    if (needed_width(id) == 4)
        return (void)result_from(id, node.b);
    Place low = place(node.b);
    if (low.reg != no_register)
        pin(low.reg);
    move(rax, low, 4);
    if (!low.constant && low.reg == no_register)
        m_asm.mov(eax, eax);
    Xbyak::Reg64 to = result_from(id, node.a);
    m_asm.shr(to, 32);
    m_asm.shl(to, 32);
    m_asm.or_(to, rax);
}

} // namespace zvisor
