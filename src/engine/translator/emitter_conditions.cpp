#include "engine/translator/emitter.h"

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::CodeKind;
using ir::Condition;
using ir::ConditionKind;

/// The relation of two values that a mask names: 4 less, 8 equal, 2 greater; not none and not all.
[[nodiscard]] HostCondition relation(u8 mask, HostCondition less, HostCondition less_or_equal)
{
    switch (mask & 14) {
    case 8:
        return HostCondition::equal;
    case 6:
        return !HostCondition::equal;
    case 4:
        return less;
    case 10:
        return !less;
    case 12:
        return less_or_equal;
    default:
        return !less_or_equal;
    }
}

/// The bits of a mask in the order of the condition codes.
[[nodiscard]] u8 reversed(u8 mask)
{
    return static_cast<u8>((mask & 1) << 3 | (mask & 2) << 1 | (mask & 4) >> 1 | (mask & 8) >> 3);
}

} // namespace

/// Sets the host's flags for x - y.
void Emitter::compare(const Place& x, const Place& y, u8 width)
{
    Xbyak::Reg64 left = rdx;
    if (x.constant || x.reg == no_register)
        move(rdx, x);
    else
        left = host(x.reg);
    if (y.constant && y.value == 0)
        m_asm.test(sized(left, width), sized(left, width));
    else
        with_source(y, width, rcx, [&](const auto& operand) { m_asm.cmp(sized(left, width), operand); });
}

void Emitter::compute_code(const CodePlace& code)
{
    if (!code.since)
        return compute_known_code(code);
    JumpTarget known;
    JumpTarget done;
    compare(*code.since, { .constant = true }, 4);
    m_asm.jump_if(!HostCondition::equal, known);
    m_asm.movzx(eax, byte[rbp + m_layout.condition_code]);
    m_asm.jump(done);
    m_asm.bind(known);
    compute_known_code(code);
    m_asm.bind(done);
}

void Emitter::compute_known_code(const CodePlace& code)
{
    Assembler& a = m_asm;
    constexpr Place nothing { .constant = true, .reg = no_register, .slot = -1, .value = 0 };
    switch (code.kind) {
    case CodeKind::memory:
        return a.movzx(eax, byte[rbp + m_layout.condition_code]);
    case CodeKind::value:
        return move(rax, code.a);
    case CodeKind::zero:
        compare(code.a, nothing, code.width);
        a.set_if(!HostCondition::equal, al);
        return a.movzx(eax, al);
    case CodeKind::compare_s:
    case CodeKind::compare_u:
    case CodeKind::sub_u: {
        bool is_signed = code.kind == CodeKind::compare_s;
        bool difference = code.kind == CodeKind::sub_u;
        HostCondition less = is_signed ? HostCondition::less : HostCondition::below;
        HostCondition greater = is_signed ? !HostCondition::less_or_equal : !HostCondition::below_or_equal;
        compare(code.a, code.b, code.width);
        a.set_if(difference ? !HostCondition::equal : less, al);
        a.set_if(difference ? !HostCondition::below : greater, cl);
        break;
    }
    case CodeKind::add_u:
    case CodeKind::add_s:
    case CodeKind::sub_s:
        compute_sum_code(code);
        break;
    case CodeKind::bfp_sign:
    case CodeKind::bfp_compare:
        compare_numbers(code.a, code.kind == CodeKind::bfp_sign ? nothing : code.b, code.width);
        compute_order_code();
        break;
    case CodeKind::test_byte:
        compare(code.a, nothing, 4);
        a.set_if(!HostCondition::equal, al);
        compare(code.a, code.b, 4);
        a.set_if(HostCondition::equal, cl);
        break;
    case CodeKind::test_halfword:
        return compute_test_code(code);
    case CodeKind::search:
        return compute_search_code(code);
    }
    a.movzx(eax, al);
    a.movzx(ecx, cl);
    a.lea(eax, ptr[rax + rcx * 2]);
}

/// One for each that holds: something is selected, the leftmost bit is, all is.
void Emitter::compute_test_code(const CodePlace& code)
{
    compare(code.a, { .constant = true }, 4);
    m_asm.set_if(!HostCondition::equal, al);
    m_asm.movzx(eax, al);
    for (u64 least : { std::bit_floor(code.b.value), code.b.value }) {
        compare(code.a, { .constant = true, .value = least }, 4);
        m_asm.sbb(eax, ~0U); // one more unless it is less
    }
}

void Emitter::compute_search_code(const CodePlace& code)
{
    Assembler& a = m_asm;
    compare(code.b, code.a, 4);
    a.set_if(!HostCondition::below_or_equal, al);
    a.set_if(HostCondition::equal, cl);
    a.movzx(eax, al);
    a.movzx(ecx, cl);
    a.lea(ecx, ptr[rcx + rcx * 2]);
    move(rdx, code.a, 4);
    a.cmp(edx, 1);
    a.sbb(edx, edx);
    a.add(edx, 2);
    a.neg(eax);
    a.and_(eax, edx);
    a.or_(eax, ecx);
}

/// The two bits of the code in al and cl.
void Emitter::compute_sum_code(const CodePlace& code)
{
    Assembler& a = m_asm;
    move(rdx, code.a);
    with_source(code.b, code.width, rax, [&](const auto& operand) {
        if (code.kind == CodeKind::sub_s)
            a.sub(sized(rdx, code.width), operand);
        else
            a.add(sized(rdx, code.width), operand);
    });
    if (code.kind == CodeKind::add_u) {
        a.set_if(!HostCondition::equal, al);
        return a.set_if(HostCondition::below, cl);
    }
    a.set_if(HostCondition::overflow, dl);
    a.set_if(HostCondition::sign, al);
    a.set_if(!HostCondition::less_or_equal, cl);
    a.or_(al, dl);
    a.or_(cl, dl);
}

void Emitter::compare_to_zero(const Place& x, u8 width)
{
    bool known = x.reg != no_register && x.reg == m_flags.reg && width == m_flags.width && m_asm.getCurr() == m_flags.end;
    if (!known)
        compare(x, { .constant = true }, width);
}

HostCondition Emitter::flags_of_constant(bool value)
{
    m_asm.cmp(eax, eax);
    return value ? HostCondition::equal : !HostCondition::equal;
}

HostCondition Emitter::flags_of(const Condition& condition)
{
    auto decided = [&](HostCondition host) { return condition.negate ? !host : host; };
    if (condition.kind == ConditionKind::constant)
        return decided(flags_of_constant(condition.mask != 0));
    if (condition.kind == ConditionKind::code)
        return decided(flags_of_code(code_place(condition.code), condition.mask));
    Place x = place(condition.a);
    Place y = place(condition.b);
    if (condition.kind == ConditionKind::equal) {
        compare(x, y, condition.width);
        return decided(HostCondition::equal);
    }
    bool is_signed = condition.kind == ConditionKind::lt_s;
    if (!is_signed && y.constant && y.value == 1) {
        compare_to_zero(x, condition.width);
        return decided(HostCondition::equal);
    }
    if (!is_signed && x.constant && x.value == 0) {
        compare_to_zero(y, condition.width);
        return decided(!HostCondition::equal);
    }
    if (x.constant && !y.constant) {
        compare(y, x, condition.width);
        return decided(is_signed ? !HostCondition::less_or_equal : !HostCondition::below_or_equal);
    }
    compare(x, y, condition.width);
    return decided(is_signed ? HostCondition::less : HostCondition::below);
}

/// Whether none of the bits are selected is what most want to know, or whether all are.
std::optional<HostCondition> Emitter::flags_of_test(const CodePlace& code, u8 mask)
{
    unsigned possible = ir::tested_codes(code.kind, code.b.value);
    unsigned wanted = mask & possible;
    if (wanted == 0 || wanted == possible)
        return flags_of_constant(wanted != 0);
    for (unsigned one : { 8U, 1U }) {
        if (wanted != one && wanted != (possible & ~one))
            continue;
        one == 8 ? compare_to_zero(code.a, 4) : compare(code.a, code.b, 4);
        return wanted == one ? HostCondition::equal : !HostCondition::equal;
    }
    return {};
}

HostCondition Emitter::flags_of_code(const CodePlace& code, u8 mask)
{
    constexpr Place nothing { .constant = true, .reg = no_register, .slot = -1, .value = 0 };
    auto partly = [mask](u8 of) { return (mask & of) != 0 && (mask & of) != of; };
    switch (code.since ? CodeKind::memory : code.kind) {
    case CodeKind::zero:
        if (!partly(12))
            return flags_of_constant((mask & 12) != 0);
        compare_to_zero(code.a, code.width);
        return mask & 8 ? HostCondition::equal : !HostCondition::equal;
    case CodeKind::compare_s:
    case CodeKind::compare_u: {
        if (!partly(14))
            return flags_of_constant((mask & 14) != 0);
        compare(code.a, code.b, code.width);
        bool is_signed = code.kind == CodeKind::compare_s;
        return relation(mask, is_signed ? HostCondition::less : HostCondition::below,
            is_signed ? HostCondition::less_or_equal : HostCondition::below_or_equal);
    }
    case CodeKind::sub_u: {
        if (!partly(7))
            return flags_of_constant((mask & 7) != 0);
        compare(code.a, code.b, code.width);
        u8 as_compared = static_cast<u8>((mask & 4) | (mask & 2) << 2 | (mask & 1) << 1);
        return relation(as_compared, HostCondition::below, HostCondition::below_or_equal);
    }
    case CodeKind::sub_s:
        // A difference of zero never overflows.
        if (mask == 8 || mask == 7) {
            compare(code.a, code.b, code.width);
            return mask == 8 ? HostCondition::equal : !HostCondition::equal;
        }
        break;
    case CodeKind::add_u:
        if (mask == 3 || mask == 12 || mask == 10 || mask == 5) {
            move(rdx, code.a);
            with_source(code.b, code.width, rax, [&](const auto& operand) { m_asm.add(sized(rdx, code.width), operand); });
            HostCondition host = mask == 3 || mask == 12 ? HostCondition::below : HostCondition::equal;
            return mask == 3 || mask == 10 ? host : !host;
        }
        break;
    case CodeKind::bfp_sign:
    case CodeKind::bfp_compare:
        if (auto order = flags_of_order(code.a, code.kind == CodeKind::bfp_sign ? nothing : code.b, code.width, mask))
            return *order;
        break;
    case CodeKind::test_byte:
    case CodeKind::test_halfword:
        if (auto tested = flags_of_test(code, mask))
            return *tested;
        break;
    case CodeKind::search: {
        bool found_together = mask & 4 ? mask & 2 : !(mask & 2);
        if (!found_together)
            break;
        // Code 0 is that there is less in b than in a, 3 that there is nothing in either.
        auto as_compared = static_cast<u8>((mask & 8) >> 1 | (mask & 1) << 3 | (mask & 2));
        if (as_compared == 0 || as_compared == 14)
            return flags_of_constant(as_compared != 0);
        compare(code.b, code.a, 4);
        return relation(as_compared, HostCondition::below, HostCondition::below_or_equal);
    }
    default:
        break;
    }
    compute_code(code);
    m_asm.mov(ecx, reversed(mask));
    m_asm.bt(ecx, eax);
    return HostCondition::below;
}

void Emitter::emit_put_code(Id id)
{
    write_code(code_place(m_program->conditions[m_program->nodes[id].c].code));
}

} // namespace zvisor
