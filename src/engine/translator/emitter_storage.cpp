#include "engine/translator/emitter.h"

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::Node;

[[nodiscard]] u64 swapped(u64 value, u8 bytes)
{
    return __builtin_bswap64(value) >> (64 - 8 * bytes);
}

} // namespace

// ---- Storage -----------------------------------------------------------------------------------------------

/// Leaves in rdx what added to the address gives the host address. The address is in its register, or in rax when constant.
void Emitter::emit_lookup(const Node& node, bool for_store, const Xbyak::Label& miss)
{
    Assembler& a = m_asm;
    Place at = place(node.a);
    Xbyak::Reg64 space = host(m_register[node.b]);
    u32 tag = m_layout.tlb + static_cast<u32>(for_store ? offsetof(TlbEntry, write_tag) : offsetof(TlbEntry, read_tag));
    u32 delta = m_layout.tlb + static_cast<u32>(offsetof(TlbEntry, delta));
    u32 most = static_cast<u32>(page_size) - node.info;
    static_assert(sizeof(TlbEntry) == 32);
    if (at.constant) {
        u32 entry = static_cast<u32>(at.value / page_size % Space::entries * sizeof(TlbEntry));
        a.move_constant(rax, at.value);
        a.mov(rdx, rax);
        a.sub(rdx, ptr[space + entry + tag]);
        a.cmp(rdx, most);
        a.jump_if(!HostCondition::below_or_equal, miss);
        a.mov(rdx, ptr[space + entry + delta]);
        return;
    }
    Xbyak::Reg64 address = host(at.reg);
    a.mov(eax, address.cvt32());
    a.mov(rdx, address);
    a.shr(eax, 7);
    a.and_(eax, (Space::entries - 1) * sizeof(TlbEntry));
    a.sub(rdx, ptr[space + rax + tag]);
    a.cmp(rdx, most);
    a.jump_if(!HostCondition::below_or_equal, miss);
    a.mov(rdx, ptr[space + rax + delta]);
}

void Emitter::emit_load(Id id)
{
    const Node& node = m_program->nodes[id];
    (void)use(node.b);
    bool constant = place(node.a).constant;
    Xbyak::Reg64 address = constant ? rax : host(use(node.a));
    Xbyak::Reg64 to = host(allocate(id));
    Detour& miss = m_detours.emplace_back();
    miss.node = &node;
    miss.before = state(node.before);
    miss.a = place(node.a);
    miss.result = m_register[id];
    emit_lookup(node, false, miss.entry);
    switch (node.info) {
    case 1:
        m_asm.movzx(to.cvt32(), byte[rdx + address]);
        break;
    case 2:
        m_asm.movzx(to.cvt32(), word[rdx + address]);
        m_asm.ror(to.cvt16(), 8);
        break;
    case 4:
        m_asm.mov(to.cvt32(), dword[rdx + address]);
        m_asm.bswap(to.cvt32());
        break;
    default:
        m_asm.mov(to, qword[rdx + address]);
        m_asm.bswap(to);
    }
    m_asm.L(miss.back);
}

void Emitter::emit_store(Id id)
{
    const Node& node = m_program->nodes[id];
    (void)use(node.b);
    Place at = place(node.a);
    Xbyak::Reg64 address = at.constant ? rax : host(use(node.a));
    Place value = place(node.c);
    if (!value.constant)
        (void)use(node.c);
    value = place(node.c);
    Detour& miss = m_detours.emplace_back();
    miss.node = &node;
    miss.before = state(node.before);
    miss.after = state(node.after);
    miss.a = place(node.a);
    miss.value = value;
    emit_lookup(node, true, miss.entry);
    if (value.constant) {
        m_asm.move_constant(rcx, swapped(value.value, node.info));
    } else {
        move(rcx, value);
        if (node.info == 2)
            m_asm.ror(cx, 8);
        else if (node.info == 4)
            m_asm.bswap(ecx);
        else if (node.info == 8)
            m_asm.bswap(rcx);
    }
    if (node.info == 1)
        m_asm.mov(byte[rdx + address], cl);
    else if (node.info == 2)
        m_asm.mov(word[rdx + address], cx);
    else if (node.info == 4)
        m_asm.mov(dword[rdx + address], ecx);
    else
        m_asm.mov(qword[rdx + address], rcx);
    m_asm.L(miss.back);
}

void Emitter::emit_align(Id id)
{
    const Node& node = m_program->nodes[id];
    move(rax, place(node.a));
    m_asm.test(eax, static_cast<u32>(node.imm - 1));
    Detour& odd = m_detours.emplace_back();
    odd.node = &node;
    odd.before = state(node.before);
    m_asm.jump_if(!HostCondition::equal, odd.entry);
}

void Emitter::emit_overflow(Id id)
{
    const Node& node = m_program->nodes[id];
    move(rdx, place(node.a));
    with_source(place(node.b), node.width, rax, [&](const auto& operand) {
        if (node.info)
            m_asm.cmp(sized(rdx, node.width), operand);
        else
            m_asm.add(sized(rdx, node.width), operand);
    });
    Detour& overflow = m_detours.emplace_back();
    overflow.node = &node;
    overflow.after = state(node.after);
    m_asm.jump_if(HostCondition::overflow, overflow.entry);
    m_asm.L(overflow.back);
}

} // namespace zvisor
