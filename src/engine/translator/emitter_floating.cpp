#include "engine/translator/emitter.h"

#include "base/verify.h"
#include "isa/fp_support/fpc.h"

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::BfpOperation;
using ir::Kind;
using ir::Node;

/// What emit_bfp takes from an exponent: nothing below is plain, see isa::host::plain.
constexpr u32 ready = 2;
/// Larger than every exponent.
constexpr u32 not_ready = 0x10000;

[[nodiscard]] bool is_long(const Node& node)
{
    return node.width == 8;
}

} // namespace

// ---- Numbers in SSE registers --------------------------------------------------------------------------------
//
// A number is a value like others, in a general register of the host or in the frame; an SSE register may hold a copy.

Xbyak::Xmm Emitter::allocate_number(Id id)
{
    auto best = static_cast<u8>(choose(m_number_owner, m_numbers_pinned));
    forget_number(m_number_owner[best]);
    m_number_owner[best] = id;
    m_number[id] = best;
    m_numbers_pinned |= 1U << best;
    return Xbyak::Xmm(best);
}

void Emitter::forget_number(Id id)
{
    if (id == 0 || m_number[id] == no_number)
        return;
    m_number_owner[m_number[id]] = 0;
    m_number[id] = no_number;
}

void Emitter::forget_numbers()
{
    for (Id id : m_number_owner)
        forget_number(id);
}

Xbyak::Xmm Emitter::use_number(Id id)
{
    if (m_number[id] == no_number)
        load_number(allocate_number(id), place(id));
    m_numbers_pinned |= 1U << m_number[id];
    return Xbyak::Xmm(m_number[id]);
}

void Emitter::load_number(const Xbyak::Xmm& to, const Place& from)
{
    if (from.constant && from.value == 0) {
        m_asm.pxor(to, to);
    } else if (from.constant) {
        move(rax, from);
        m_asm.movq(to, rax);
    } else if (from.reg == no_register) {
        m_asm.movq(to, slot(from.slot));
    } else {
        m_asm.movq(to, host(from.reg));
    }
}

/// The copies that are needed after the current node, to be made again behind a call.
std::vector<Emitter::Copy> Emitter::live_numbers() const
{
    std::vector<Copy> live;
    for (u8 i = 0; i < number_count; ++i)
        if (Id id = m_number_owner[i]; id && id != m_current && m_last[id] > m_current)
            live.push_back({ i, place(id) });
    return live;
}

void Emitter::restore_numbers(const Detour& detour)
{
    for (const Copy& copy : detour.numbers)
        load_number(Xbyak::Xmm(copy.number), copy.place);
}

// ---- Arithmetic ----------------------------------------------------------------------------------------------

void Emitter::emit_bfp_state(Id id)
{
    constexpr u32 flag = isa::Fpc::inexact_flag;
    Xbyak::Reg32 to = host(allocate(id)).cvt32();
    m_asm.mov(to, dword[rbp + m_layout.fpc]);
    m_asm.and_(to, isa::Fpc::host_differs | flag);
    m_asm.xor_(to, flag);
    m_asm.neg(to);
    m_asm.sbb(to, to);
    m_asm.and_(to, not_ready);
    m_asm.or_(to, ready);
}

/// The host's result stands when it is plain and the FPC register as the host's arithmetic has it, with the inexact flag on.
void Emitter::emit_bfp(Id id)
{
    const Node& node = m_program->nodes[id];
    Xbyak::Reg32 state = host(use(node.d)).cvt32();
    for (Id operand : { node.a, node.b, node.c })
        if (operand)
            (void)use_number(operand);
    Xbyak::Reg64 to = host(allocate(id));
    Xbyak::Xmm number = allocate_number(id);
    Detour& odd = add_detour(id);
    emit_operation(node, number);
    if (is_long(node)) {
        m_asm.movq(to, number);
        m_asm.lea(rax, ptr[to + to]);
        m_asm.shr(rax, 53);
    } else {
        m_asm.movd(to.cvt32(), number);
        m_asm.lea(eax, ptr[to + to]);
        m_asm.shr(eax, 24);
    }
    m_asm.sub(eax, state);
    m_asm.cmp(eax, is_long(node) ? 2046 - ready : 254 - ready);
    m_asm.jump_if(!HostCondition::below_or_equal, odd.entry);
    m_asm.L(odd.back);
}

void Emitter::emit_operation(const Node& node, const Xbyak::Xmm& to)
{
    auto copy = [&](Id id) { return Xbyak::Xmm(m_number[id]); };
    auto operation = static_cast<BfpOperation>(node.info);
    m_asm.movaps(to, copy(ir::is_fused(operation) ? node.c : node.a));
    switch (operation) {
    case BfpOperation::add:
        return is_long(node) ? m_asm.addsd(to, copy(node.b)) : m_asm.addss(to, copy(node.b));
    case BfpOperation::subtract:
        return is_long(node) ? m_asm.subsd(to, copy(node.b)) : m_asm.subss(to, copy(node.b));
    case BfpOperation::multiply:
        return is_long(node) ? m_asm.mulsd(to, copy(node.b)) : m_asm.mulss(to, copy(node.b));
    case BfpOperation::divide:
        return is_long(node) ? m_asm.divsd(to, copy(node.b)) : m_asm.divss(to, copy(node.b));
    case BfpOperation::square_root:
        return is_long(node) ? m_asm.sqrtsd(to, to) : m_asm.sqrtss(to, to);
    case BfpOperation::multiply_add:
        return is_long(node) ? m_asm.vfmadd231sd(to, copy(node.a), copy(node.b)) : m_asm.vfmadd231ss(to, copy(node.a), copy(node.b));
    case BfpOperation::multiply_subtract:
        return is_long(node) ? m_asm.vfmsub231sd(to, copy(node.a), copy(node.b)) : m_asm.vfmsub231ss(to, copy(node.a), copy(node.b));
    }
}

/// A zero that is exact stands too; for anything else the handler does it, with the registers of the CPU.
void Emitter::emit_slow_bfp(Detour& detour)
{
    const Node& node = *detour.node;
    auto exact_zero = ir::exact_zero(static_cast<BfpOperation>(node.info));
    Xbyak::Label slow;
    auto test_for_zero = [&](const Place& place) {
        move(rax, place);
        Xbyak::Reg value = sized(rax, node.width);
        m_asm.add(value, value);
    };
    if (exact_zero != ir::ExactZero::never) {
        test_for_zero({ .constant = false, .reg = detour.result, .slot = -1, .value = 0 });
        m_asm.jnz(slow);
        m_asm.cmp(host(detour.d.reg).cvt32(), ready);
        m_asm.jne(slow);
    }
    if (exact_zero == ir::ExactZero::always)
        m_asm.jmp(detour.back, Xbyak::CodeGenerator::T_NEAR);
    if (exact_zero == ir::ExactZero::of_zero || exact_zero == ir::ExactZero::of_first_zero) {
        test_for_zero(detour.a);
        m_asm.jump_if(HostCondition::equal, detour.back);
    }
    if (exact_zero == ir::ExactZero::of_zero) {
        test_for_zero(detour.b);
        m_asm.jump_if(HostCondition::equal, detour.back);
    }
    m_asm.L(slow);
    write_back(detour.before);
    run_handler(detour);
    Xbyak::Address from = register_at(static_cast<u8>(ir::RegisterNumber::floating + node.imm), node.width);
    m_asm.mov(sized(host(detour.result), node.width), from);
    m_asm.movq(Xbyak::Xmm(detour.number), host(detour.result));
    go_back(detour);
}

/// Leaves the flags of a comparison: unordered sets them all.
void Emitter::compare_numbers(const Xbyak::Xmm& x, const Xbyak::Xmm& y, u8 width)
{
    if (width == 8)
        m_asm.ucomisd(x, y);
    else
        m_asm.ucomiss(x, y);
}

void Emitter::compare_numbers(const Place& x, const Place& y, u8 width)
{
    load_number(scratch_number, x);
    load_number(other_scratch_number, y);
    compare_numbers(scratch_number, other_scratch_number, width);
}

void Emitter::emit_bfp_ordered(Id id)
{
    const Node& node = m_program->nodes[id];
    Xbyak::Xmm x = use_number(node.a);
    Xbyak::Xmm y = use_number(node.b);
    Detour& unordered = add_detour(id);
    compare_numbers(x, y, node.width);
    m_asm.jump_if(HostCondition::parity, unordered.entry);
    m_asm.L(unordered.back);
}

void Emitter::emit_unordered(Detour& detour)
{
    write_back(detour.before);
    run_handler(detour);
    go_back(detour);
}

/// The condition code of a comparison's flags in eax: 0 equal, 1 less, 2 greater, 3 unordered.
void Emitter::compute_order_code()
{
    m_asm.set_if(!HostCondition::below_or_equal, cl);
    m_asm.set_if(HostCondition::parity, dl);
    m_asm.set_if(HostCondition::below, al);
    m_asm.or_(cl, dl);
}

/// The order of two numbers that a mask names; nothing when the host has no condition for it.
std::optional<HostCondition> Emitter::flags_of_order(const Place& x, const Place& y, u8 width, u8 mask)
{
    bool turned = mask == 4 || mask == 12 || mask == 11 || mask == 3;
    bool straight = mask == 2 || mask == 10 || mask == 13 || mask == 5;
    if (!turned && !straight)
        return {};
    compare_numbers(turned ? y : x, turned ? x : y, width);
    switch (mask) {
    case 2:
    case 4:
        return !HostCondition::below_or_equal;
    case 10:
    case 12:
        return !HostCondition::below;
    case 13:
    case 11:
        return HostCondition::below_or_equal;
    default:
        return HostCondition::below;
    }
}

} // namespace zvisor
