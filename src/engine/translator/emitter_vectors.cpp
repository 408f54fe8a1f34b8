#include "engine/translator/emitter.h"

#include <bit>

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::Node;
using ir::VectorOperation;
using Generator = Xbyak::CodeGenerator;

/// An instruction with a destination, which is its first source too, and a source.
using Instruction = void (*)(Assembler&, const Xbyak::Xmm&, const Xbyak::Xmm&);
template<auto Member>
void instruction(Assembler& a, const Xbyak::Xmm& to, const Xbyak::Xmm& from)
{
    (a.*Member)(to, from);
}
template<auto Byte, auto Halfword, auto Word, auto Doubleword>
struct Forms {
    static constexpr Instruction all[] { &instruction<Byte>, &instruction<Halfword>, &instruction<Word>, &instruction<Doubleword> };
};
template<auto Member>
using OneForm = Forms<Member, Member, Member, Member>;
// There is none for the least doubleword: it is not recorded.
using Least = Forms<&Generator::pminub, &Generator::pminuw, &Generator::pminud, &Generator::pminud>;

/// By VectorOperation up to `shuffle`, then by log2 of the element size.
constexpr const Instruction* instructions[] { OneForm<&Generator::pand>::all, OneForm<&Generator::por>::all, OneForm<&Generator::pxor>::all,
    OneForm<&Generator::pandn>::all, Forms<&Generator::paddb, &Generator::paddw, &Generator::paddd, &Generator::paddq>::all,
    Forms<&Generator::psubb, &Generator::psubw, &Generator::psubd, &Generator::psubq>::all,
    Forms<&Generator::pcmpeqb, &Generator::pcmpeqw, &Generator::pcmpeqd, &Generator::pcmpeqq>::all,
    Forms<&Generator::pcmpgtb, &Generator::pcmpgtw, &Generator::pcmpgtd, &Generator::pcmpgtq>::all, Least::all,
    Forms<&Generator::punpckhbw, &Generator::punpckhwd, &Generator::punpckhdq, &Generator::punpckhqdq>::all,
    Forms<&Generator::punpcklbw, &Generator::punpcklwd, &Generator::punpckldq, &Generator::punpcklqdq>::all,
    OneForm<&Generator::pshufb>::all };
static_assert(std::size(instructions) == static_cast<std::size_t>(VectorOperation::shuffle) + 1);

/// The host's number of an element: from the right.
[[nodiscard]] u8 from_right(const Node& node)
{
    return static_cast<u8>(16 / node.width - 1 - node.info);
}

} // namespace

// ---- Vectors ---------------------------------------------------------------------------------------------------
//
// A vector is in an SSE register as in the CPU: a number of 128 bits, so that element 0 is the leftmost one of the host too.

void Emitter::emit_get_vector(Id id)
{
    Xbyak::Xmm to = allocate_number(id);
    m_asm.movups(to, register_at(static_cast<u8>(ir::RegisterNumber::floating + m_program->nodes[id].info), 16));
}

void Emitter::emit_vector(Id id)
{
    const Node& node = m_program->nodes[id];
    auto operation = static_cast<VectorOperation>(node.info);
    if (operation == VectorOperation::replicate)
        return replicate(node, allocate_number(id));
    if (operation == VectorOperation::leftmost)
        return keep_leftmost(node, number_from(id, node.a));
    if (operation >= VectorOperation::shift_left)
        return shift_elements(node, number_from(id, node.a));
    Xbyak::Xmm from = use_number(node.b);
    Xbyak::Xmm to = number_from(id, node.a);
    if (operation >= VectorOperation::align_1)
        m_asm.palignr(to, from, 15 - (node.info - static_cast<u8>(VectorOperation::align_1)));
    else
        instructions[node.info][std::countr_zero(node.width)](m_asm, to, from);
}

void Emitter::shift_elements(const Node& node, const Xbyak::Xmm& to)
{
    Assembler& a = m_asm;
    auto shift = [&](const auto& count) {
        switch (static_cast<VectorOperation>(node.info)) {
        case VectorOperation::shift_left:
            return node.width == 2 ? a.psllw(to, count) : node.width == 4 ? a.pslld(to, count) : a.psllq(to, count);
        case VectorOperation::shift_right:
            return node.width == 2 ? a.psrlw(to, count) : node.width == 4 ? a.psrld(to, count) : a.psrlq(to, count);
        default:
            return node.width == 2 ? a.psraw(to, count) : a.psrad(to, count);
        }
    };
    Place count = place(node.b);
    if (count.constant)
        return shift(static_cast<int>(count.value));
    move(rax, count, 4);
    a.movd(scratch_number, eax);
    shift(scratch_number);
}

void Emitter::keep_leftmost(const Node& node, const Xbyak::Xmm& to)
{
    move(rcx, place(node.b), 4);
    m_asm.mov(ecx, ecx);
    m_asm.lea(rax, ptr[rip + m_runtime.leftmost_masks]);
    m_asm.movups(scratch_number, xword[rax + rcx]);
    m_asm.pand(to, scratch_number);
}

void Emitter::replicate(const Node& node, const Xbyak::Xmm& to)
{
    load_number(to, place(node.a));
    switch (node.width) {
    case 1:
        m_asm.pxor(scratch_number, scratch_number);
        return m_asm.pshufb(to, scratch_number);
    case 2:
        m_asm.pshuflw(to, to, 0);
        return m_asm.punpcklqdq(to, to);
    case 4:
        return m_asm.pshufd(to, to, 0);
    default:
        return m_asm.punpcklqdq(to, to);
    }
}

void Emitter::emit_pair(Id id)
{
    const Node& node = m_program->nodes[id];
    Place left = pinned_place(node.a);
    Place right = pinned_place(node.b);
    Xbyak::Xmm to = allocate_number(id);
    if (left.constant && right.constant)
        return make_pair(to, left.value, right.value);
    if (right.constant && right.value == 0) {
        load_number(to, left);
        return m_asm.pslldq(to, 8);
    }
    load_number(to, right);
    if (left.constant && left.value == 0)
        return m_asm.movq(to, to);
    m_asm.punpcklqdq(to, number_of(left, scratch_number));
}

void Emitter::make_pair(const Xbyak::Xmm& to, u64 left, u64 right)
{
    if (left == 0 && right == 0)
        return m_asm.pxor(to, to);
    if (~left == 0 && ~right == 0)
        return m_asm.pcmpeqd(to, to);
    m_asm.move_constant(rax, right);
    m_asm.movq(to, rax);
    if (left == right)
        return m_asm.punpcklqdq(to, to);
    m_asm.move_constant(rax, left);
    m_asm.pinsrq(to, rax, 1);
}

void Emitter::emit_insert(Id id)
{
    const Node& node = m_program->nodes[id];
    Place value = pinned_place(node.b);
    Xbyak::Xmm to = number_from(id, node.a);
    if (node.width == 8 && node.info == 0)
        return m_asm.punpcklqdq(to, number_of(value, scratch_number));
    move(rax, value);
    switch (node.width) {
    case 1:
        return m_asm.pinsrb(to, eax, from_right(node));
    case 2:
        return m_asm.pinsrw(to, eax, from_right(node));
    case 4:
        return m_asm.pinsrd(to, eax, from_right(node));
    default:
        return m_asm.pinsrq(to, rax, from_right(node));
    }
}

void Emitter::emit_element(Id id)
{
    const Node& node = m_program->nodes[id];
    Xbyak::Xmm from = use_number(node.a);
    if (m_wants_number[id] && node.width == 8) {
        Xbyak::Xmm to = allocate_number(id);
        return node.info == 0 ? m_asm.pshufd(to, from, 0xee) : m_asm.movq(to, from);
    }
    Xbyak::Reg64 to = host(allocate(id));
    switch (node.width) {
    case 1:
        return m_asm.pextrb(to.cvt32(), from, from_right(node));
    case 2:
        return m_asm.pextrw(to.cvt32(), from, from_right(node));
    case 4:
        return m_asm.pextrd(to.cvt32(), from, from_right(node));
    default:
        return node.info == 0 ? m_asm.pextrq(to, from, 1) : m_asm.movq(to, from);
    }
}

void Emitter::emit_byte_signs(Id id)
{
    Xbyak::Xmm from = use_number(m_program->nodes[id].a);
    m_asm.pmovmskb(host(allocate(id)).cvt32(), from);
}

void Emitter::emit_leading_zeros(Id id)
{
    const Node& node = m_program->nodes[id];
    move(rcx, place(node.a));
    Xbyak::Reg from = sized(rcx, node.width);
    Xbyak::Reg64 to = host(allocate(id));
    if (m_runtime.features.lzcnt)
        return m_asm.lzcnt(sized(to, node.width), from);
    u32 last = 8U * node.width - 1;
    m_asm.mov(to.cvt32(), 2 * last + 1);
    m_asm.bsr(sized(rax, node.width), from);
    m_asm.move_if(!HostCondition::equal, to, rax);
    m_asm.xor_(to.cvt32(), last);
}

} // namespace zvisor
