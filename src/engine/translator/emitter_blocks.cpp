#include "engine/translator/emitter.h"

namespace zvisor {

namespace {

using namespace Xbyak::util;
using ir::BlockOperation;
using ir::Node;

constexpr u32 chunk = 16;
/// Longer operands are left to a routine.
constexpr u32 most_inline = 64;

/// The greatest power of 2 that is no more than `length`, up to 8.
[[nodiscard]] u32 piece_of(u32 length)
{
    return length >= 8 ? 8 : length >= 4 ? 4 : length >= 2 ? 2 : 1;
}
[[nodiscard]] Xbyak::Address piece_at(u32 bytes, const Xbyak::RegExp& at)
{
    return bytes == 1 ? byte[at] : bytes == 2 ? word[at] : bytes == 4 ? dword[at] : qword[at];
}
[[nodiscard]] Xbyak::Reg of_width(const Xbyak::Reg64& reg, u32 bytes)
{
    return bytes == 1 ? Xbyak::Reg(reg.cvt8())
        : bytes == 2  ? Xbyak::Reg(reg.cvt16())
        : bytes == 4  ? Xbyak::Reg(reg.cvt32())
                      : Xbyak::Reg(reg);
}

} // namespace

// ---- Storage operands of a fixed length ------------------------------------------------------------------------
//
// The host address of the first operand is in rdx, that of the second one in rcx. Two pieces that overlap cover any length between
// one piece and two.

void Emitter::emit_block(Id id)
{
    const Node& node = m_program->nodes[id];
    auto operation = static_cast<BlockOperation>(node.info);
    auto length = static_cast<u32>(node.imm);
    (void)use_operands(node);
    Xbyak::Reg64 to = ir::has_value(operation) ? host(allocate(id)) : rax;
    Detour& miss = add_detour(id);
    find_blocks(miss);
    switch (operation) {
    case BlockOperation::move:
        move_block(length);
        break;
    case BlockOperation::fill:
    case BlockOperation::clear:
        fill_block(node);
        break;
    case BlockOperation::compare:
        compare_block(length, to);
        break;
    default:
        combine_block(node, to);
    }
    m_asm.bind(miss.back);
}

/// Operands that overlap so that the result of one byte is the source of another are left to the handler.
void Emitter::find_blocks(Detour& detour)
{
    const Node& node = *detour.node;
    auto operation = static_cast<BlockOperation>(node.info);
    auto length = static_cast<u32>(node.imm);
    auto address = [](const Place& place) { return place.constant ? rax : host(place.reg); };
    bool compares = operation == BlockOperation::compare;
    bool fills = operation == BlockOperation::fill;
    if (operation != BlockOperation::clear) {
        emit_lookup(detour.c, detour.b, fills ? 1 : length, false, detour.entry);
        m_asm.lea(rcx, ptr[rdx + address(detour.c)]);
    }
    emit_lookup(detour.a, detour.b, length, !compares, detour.entry);
    m_asm.add(rdx, address(detour.a));
    if (compares || fills || operation == BlockOperation::clear || length == 1)
        return;
    m_asm.mov(rax, rdx);
    m_asm.sub(rax, rcx);
    m_asm.dec(rax);
    m_asm.cmp(rax, length - 1);
    m_asm.jump_if(HostCondition::below, detour.entry);
}

void Emitter::move_block(u32 length)
{
    if (length > most_inline) {
        m_asm.mov(eax, length);
        return m_asm.call(m_runtime.copy_block);
    }
    if (length < chunk) {
        u32 bytes = piece_of(length);
        m_asm.mov(of_width(rax, bytes), piece_at(bytes, rcx));
        m_asm.mov(of_width(rcx, bytes), piece_at(bytes, rcx + (length - bytes)));
        m_asm.mov(piece_at(bytes, rdx), of_width(rax, bytes));
        return m_asm.mov(piece_at(bytes, rdx + (length - bytes)), of_width(rcx, bytes));
    }
    // The last piece is loaded before it can have been stored into.
    m_asm.movups(other_scratch_number, ptr[rcx + (length - chunk)]);
    for (u32 at = 0; at + chunk < length; at += chunk) {
        m_asm.movups(scratch_number, ptr[rcx + at]);
        m_asm.movups(ptr[rdx + at], scratch_number);
    }
    m_asm.movups(ptr[rdx + (length - chunk)], other_scratch_number);
}

void Emitter::fill_block(const Node& node)
{
    auto length = static_cast<u32>(node.imm);
    bool clears = static_cast<BlockOperation>(node.info) == BlockOperation::clear;
    if (clears) {
        m_asm.pxor(scratch_number, scratch_number);
    } else {
        m_asm.movzx(eax, byte[rcx]);
        m_asm.imul(eax, eax, 0x01010101);
        m_asm.movd(scratch_number, eax);
        m_asm.pshufd(scratch_number, scratch_number, 0);
    }
    if (length > most_inline) {
        m_asm.mov(eax, length);
        return m_asm.call(m_runtime.fill_block);
    }
    if (length < chunk) {
        u32 bytes = piece_of(length);
        m_asm.movq(rax, scratch_number);
        m_asm.mov(piece_at(bytes, rdx), of_width(rax, bytes));
        return m_asm.mov(piece_at(bytes, rdx + (length - bytes)), of_width(rax, bytes));
    }
    for (u32 at = 0; at + chunk < length; at += chunk)
        m_asm.movups(ptr[rdx + at], scratch_number);
    m_asm.movups(ptr[rdx + (length - chunk)], scratch_number);
}

/// Loads bytes as a number, the upper part zero.
void Emitter::load_piece(const Xbyak::Reg64& to, const Xbyak::RegExp& from, u32 bytes)
{
    if (bytes == 1)
        return m_asm.movzx(to.cvt32(), byte[from]);
    if (bytes >= 4)
        return m_asm.load_reversed(of_width(to, bytes), piece_at(bytes, from), m_runtime.features.movbe);
    m_asm.movzx(to.cvt32(), word[from]);
    m_asm.ror(to.cvt16(), 8);
}

void Emitter::compare_block(u32 length, const Xbyak::Reg64& to)
{
    if (length > ir::short_block) {
        m_asm.mov(eax, length);
        m_asm.call(m_runtime.compare_block);
        return m_asm.mov(to.cvt32(), eax);
    }
    JumpTarget differ;
    u32 bytes = piece_of(length);
    load_piece(rax, rcx, bytes);
    load_piece(to, rdx, bytes);
    if (length > bytes) {
        m_asm.cmp(to, rax);
        m_asm.jump_if(!HostCondition::equal, differ);
        load_piece(rax, rcx + (length - bytes), bytes);
        load_piece(to, rdx + (length - bytes), bytes);
    }
    m_asm.cmp(to, rax);
    m_asm.bind(differ);
    m_asm.set_if(!HostCondition::below_or_equal, al);
    m_asm.set_if(HostCondition::below, cl);
    m_asm.movzx(eax, al);
    m_asm.movzx(ecx, cl);
    m_asm.sub(eax, ecx);
    m_asm.mov(to.cvt32(), eax);
}

void Emitter::combine_block(const Node& node, const Xbyak::Reg64& to)
{
    auto length = static_cast<u32>(node.imm);
    u32 bytes = piece_of(length);
    u32 last = length - bytes;
    Xbyak::Reg first = of_width(rax, bytes);
    auto combine = [&](const Xbyak::Reg& reg, const Xbyak::Address& with) {
        switch (static_cast<BlockOperation>(node.info)) {
        case BlockOperation::bit_and:
            return m_asm.and_(reg, with);
        case BlockOperation::bit_or:
            return m_asm.or_(reg, with);
        default:
            return m_asm.xor_(reg, with);
        }
    };
    auto load = [&](const Xbyak::Reg64& reg, const Xbyak::RegExp& from) {
        bytes < 4 ? m_asm.movzx(reg.cvt32(), piece_at(bytes, from)) : m_asm.mov(of_width(reg, bytes), piece_at(bytes, from));
    };
    load(rax, rcx);
    combine(first, piece_at(bytes, rdx));
    load(to, rcx + last);
    combine(of_width(to, bytes), piece_at(bytes, rdx + last));
    m_asm.mov(piece_at(bytes, rdx), first);
    m_asm.mov(piece_at(bytes, rdx + last), of_width(to, bytes));
    m_asm.or_(to, rax);
}

// ---- Strings -----------------------------------------------------------------------------------------------------

/// As long as they end before their page does.
void Emitter::emit_string(Id id)
{
    const Node& node = m_program->nodes[id];
    bool compares = static_cast<ir::StringOperation>(node.info) == ir::StringOperation::compare;
    (void)use_operands(node);
    Xbyak::Reg64 to = host(allocate(id));
    Detour& miss = add_detour(id);
    if (compares) {
        emit_lookup(miss.c, miss.b, 1, false, miss.entry);
        m_asm.lea(rcx, ptr[rdx + (miss.c.constant ? rax : host(miss.c.reg))]);
    }
    emit_lookup(miss.a, miss.b, 1, false, miss.entry);
    m_asm.add(rdx, miss.a.constant ? rax : host(miss.a.reg));
    if (!compares)
        move(rcx, miss.c);
    move(rax, miss.d, 4);
    m_asm.cmp(eax, 0xff);
    m_asm.jump_if(!HostCondition::below_or_equal, miss.entry);
    m_asm.movd(scratch_number, eax);
    m_asm.pxor(other_scratch_number, other_scratch_number);
    m_asm.pshufb(scratch_number, other_scratch_number);
    m_asm.call(compares ? m_runtime.compare_strings : m_runtime.search_string);
    m_asm.jump_if(HostCondition::below, miss.entry);
    m_asm.mov(to, rax);
}

/// The value follows from the handler's condition code.
void Emitter::emit_slow_block(Detour& detour)
{
    auto operation = static_cast<BlockOperation>(detour.node->info);
    write_back(detour.before);
    run_handler(detour);
    if (!ir::has_value(operation))
        return go_back_unless_stale(detour);
    Xbyak::Reg32 to = host(detour.result).cvt32();
    m_asm.movzx(to, byte[rbp + m_layout.condition_code]);
    if (operation == BlockOperation::compare) {
        // 0, 1, 2 become 0, -1, 1.
        m_asm.mov(eax, to);
        m_asm.and_(eax, 1);
        m_asm.shr(to, 1);
        m_asm.sub(to, eax);
    }
    go_back(detour);
}

} // namespace zvisor
