#include "engine/translator/emitter.h"

#include "isa/fp_support/fpc.h"

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::BfpOperation;
using ir::Kind;
using ir::Node;

// A bfp_state is what twice the bits of a plain long number are below, less Runtime::least_plain; zero when nothing stands.
constexpr u64 stands_below = u64 { 2047 - 2 } << 53;
constexpr u32 least_plain_short = 2U << 24;
constexpr u32 stands_below_short = (255U - 2) << 24;

[[nodiscard]] bool is_long(const Node& node)
{
    return node.width == 8;
}

/// Operations of one operand of another kind than the result.
[[nodiscard]] bool is_conversion(BfpOperation operation)
{
    return operation >= BfpOperation::from_integer && operation <= BfpOperation::round_toward_zero;
}

} // namespace

// ---- Arithmetic ----------------------------------------------------------------------------------------------

void Emitter::emit_bfp_state(Id id)
{
    constexpr u32 flag = isa::Fpc::inexact_flag;
    Xbyak::Reg64 to = host(allocate(id));
    m_asm.mov(eax, dword[rbp + m_layout.fpc]);
    m_asm.and_(eax, isa::Fpc::host_differs | flag);
    m_asm.cmp(eax, flag);
    m_asm.mov(eax, 0);
    m_asm.mov(to, stands_below);
    m_asm.move_if(!HostCondition::equal, to, rax);
}

/// The host's result stands when it is plain and the FPC register as the host's arithmetic has it, with the inexact flag on.
void Emitter::emit_bfp(Id id)
{
    const Node& node = m_program->nodes[id];
    auto operation = static_cast<BfpOperation>(node.info);
    Xbyak::Reg64 state = host(use(node.d));
    for (Id operand : { node.a, node.b, node.c }) {
        if (operand && operation != BfpOperation::from_integer)
            (void)use_number(operand);
        else if (operand && !place(operand).constant)
            (void)use(operand);
    }
    Xbyak::Xmm number = allocate_number(id);
    Detour& odd = add_detour(id);
    is_conversion(operation) ? emit_conversion(node, number) : emit_operation(node, number);
    if (is_long(node)) {
        m_asm.movq(rax, number);
        m_asm.add(rax, rax);
        m_asm.sub(rax, qword[rip + m_runtime.least_plain]);
        m_asm.cmp(rax, state);
        m_asm.jump_if(!HostCondition::below, odd.entry);
    } else {
        m_asm.movd(eax, number);
        m_asm.add(eax, eax);
        m_asm.sub(eax, least_plain_short);
        m_asm.cmp(eax, stands_below_short);
        m_asm.jump_if(!HostCondition::below, odd.entry);
        m_asm.test(state, state);
        m_asm.jump_if(HostCondition::equal, odd.entry);
    }
    m_asm.bind(odd.back);
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
    default:
        return;
    case BfpOperation::multiply_add:
        return is_long(node) ? m_asm.vfmadd231sd(to, copy(node.a), copy(node.b)) : m_asm.vfmadd231ss(to, copy(node.a), copy(node.b));
    case BfpOperation::multiply_subtract:
        return is_long(node) ? m_asm.vfmsub231sd(to, copy(node.a), copy(node.b)) : m_asm.vfmsub231ss(to, copy(node.a), copy(node.b));
    }
}

void Emitter::emit_conversion(const Node& node, const Xbyak::Xmm& to)
{
    auto operation = static_cast<BfpOperation>(node.info);
    bool is_rounding = operation >= BfpOperation::round_to_nearest;
    // Bits 0 and 1 of the operation are the host's rounding control; bit 3: inexact is not noted.
    auto control = static_cast<u8>(8 | (node.info - static_cast<u8>(BfpOperation::round_to_nearest)));
    m_asm.pxor(to, to);
    if (operation == BfpOperation::from_integer) {
        Place from = place(node.a);
        Xbyak::Reg64 integer = from.constant ? rax : host(from.reg);
        if (from.constant)
            move(rax, from);
        return is_long(node) ? m_asm.cvtsi2sd(to, integer) : m_asm.cvtsi2ss(to, integer);
    }
    Xbyak::Xmm from(m_number[node.a]);
    if (is_rounding)
        return is_long(node) ? m_asm.roundsd(to, from, control) : m_asm.roundss(to, from, control);
    return operation == BfpOperation::lengthen ? m_asm.cvtss2sd(to, from) : m_asm.cvtsd2ss(to, from);
}

/// A zero that is exact stands too; for anything else the handler does it, with the registers of the CPU.
void Emitter::emit_slow_bfp(Detour& detour)
{
    const Node& node = *detour.node;
    auto operation = static_cast<BfpOperation>(node.info);
    auto exact_zero = ir::exact_zero(operation);
    JumpTarget slow;
    auto test_for_zero = [&](const Place& place, u8 width) {
        move(rax, place);
        Xbyak::Reg value = sized(rax, width);
        m_asm.add(value, value);
    };
    u8 operand_width = operation == BfpOperation::shorten ? u8 { 8 } : node.width;
    if (exact_zero != ir::ExactZero::never) {
        m_asm.movq(rax, Xbyak::Xmm(detour.number));
        m_asm.add(sized(rax, node.width), sized(rax, node.width));
        m_asm.jump_if(!HostCondition::equal, slow);
        move(rax, detour.d);
        m_asm.test(rax, rax);
        m_asm.jump_if(HostCondition::equal, slow);
    }
    if (exact_zero == ir::ExactZero::always)
        m_asm.jump(detour.back);
    if (exact_zero == ir::ExactZero::of_zero || exact_zero == ir::ExactZero::of_first_zero) {
        test_for_zero(detour.a, operand_width);
        m_asm.jump_if(HostCondition::equal, detour.back);
    }
    if (exact_zero == ir::ExactZero::of_zero) {
        test_for_zero(detour.b, operand_width);
        m_asm.jump_if(HostCondition::equal, detour.back);
    }
    m_asm.bind(slow);
    write_back(detour.before);
    run_handler(detour);
    Xbyak::Address from = register_at(static_cast<u8>(ir::RegisterNumber::floating + node.imm), node.width);
    Xbyak::Xmm result(detour.number);
    is_long(node) ? m_asm.movq(result, from) : m_asm.movd(result, from);
    go_back(detour);
}

/// What the host has no integer for is the least one: the handler sets another condition code then than that of the number.
void Emitter::emit_bfp_to_integer(Id id)
{
    const Node& node = m_program->nodes[id];
    Xbyak::Reg64 state = host(use(node.d));
    Xbyak::Xmm from = use_number(node.a);
    Xbyak::Reg64 to = host(allocate(id));
    Detour& odd = add_detour(id);
    Xbyak::Reg32e sized_to(to.getIdx(), 8 * node.width);
    bool truncates = node.kind == Kind::bfp_truncate;
    if (node.info == 8)
        truncates ? m_asm.cvttsd2si(sized_to, from) : m_asm.cvtsd2si(sized_to, from);
    else
        truncates ? m_asm.cvttss2si(sized_to, from) : m_asm.cvtss2si(sized_to, from);
    m_asm.test(state, state);
    m_asm.jump_if(HostCondition::equal, odd.entry);
    m_asm.cmp(sized_to, 1);
    m_asm.jump_if(HostCondition::overflow, odd.entry);
    m_asm.bind(odd.back);
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
    compare_numbers(number_of(x, scratch_number), number_of(y, other_scratch_number), width);
}

void Emitter::emit_bfp_ordered(Id id)
{
    const Node& node = m_program->nodes[id];
    Xbyak::Xmm x = use_number(node.a);
    Xbyak::Xmm y = use_number(node.b);
    Detour& unordered = add_detour(id);
    compare_numbers(x, y, node.width);
    m_asm.jump_if(HostCondition::parity, unordered.entry);
    m_asm.bind(unordered.back);
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
