#include "engine/translator/runtime.h"

#include <cstring>

namespace zvisor {

namespace {

using namespace Xbyak::util;

constexpr u32 chunk = 16;

/// Makes rcx and rdx address the last chunks of the operands, and rax the distance of the first ones from there.
void begin_chunks(Assembler& a)
{
    for (const auto& end : { rcx, rdx })
        a.lea(end, ptr[end + rax - chunk]);
    a.neg(rax);
    a.add(rax, chunk);
}

/// Stores the chunks of the second operand, or the same one again and again. The last chunk is loaded before it can have been stored into.
void make_move(Assembler& a, bool copies)
{
    const Xbyak::Xmm& moved = Runtime::scratch_number;
    const Xbyak::Xmm& last = copies ? Runtime::other_scratch_number : moved;
    Xbyak::Label again;
    begin_chunks(a);
    if (copies)
        a.movups(last, ptr[rcx]);
    a.L(again);
    if (copies)
        a.movups(moved, ptr[rcx + rax]);
    a.movups(ptr[rdx + rax], moved);
    a.add(rax, chunk);
    a.jl(again);
    a.movups(ptr[rdx], last);
    a.ret();
}

void make_compare(Assembler& a)
{
    const Xbyak::Xmm& first = Runtime::scratch_number;
    const Xbyak::Xmm& second = Runtime::other_scratch_number;
    Xbyak::Label again;
    Xbyak::Label differ;
    Xbyak::Label done;
    begin_chunks(a);
    a.L(again);
    a.movups(first, ptr[rdx + rax]);
    a.movups(second, ptr[rcx + rax]);
    a.pxor(first, second);
    a.ptest(first, first);
    a.jne(differ);
    a.test(rax, rax);
    a.je(done);
    a.add(rax, chunk);
    a.jle(again);
    a.xor_(eax, eax);
    a.jmp(again);
    a.L(differ);
    a.add(rcx, rax);
    a.add(rdx, rax);
    a.pxor(second, second);
    a.pcmpeqb(first, second);
    a.pmovmskb(eax, first);
    a.not_(eax);
    a.bsf(eax, eax);
    a.movzx(edx, byte[rdx + rax]);
    a.movzx(eax, byte[rcx + rax]);
    a.sub(edx, eax);
    a.mov(eax, edx);
    a.L(done);
    a.ret();
}

// ---- Strings -----------------------------------------------------------------------------------------------------

constexpr u32 byte_in_page = static_cast<u32>(page_size) - 1;
// Below the stack pointer, where signals leave 128 bytes alone:
constexpr u32 kept_rsi = 8;
constexpr u32 kept_rdi = 16;
constexpr u32 kept_vector = 32;

/// Leaves with a carry, or without one.
void leave_string(Assembler& a, bool carry)
{
    carry ? a.stc() : a.clc();
    a.mov(rsi, ptr[rsp - kept_rsi]);
    a.mov(rdi, ptr[rsp - kept_rdi]);
    a.ret();
}

/// Whole chunks behind an offset in a page, as bytes; jumps when there is none.
void count_chunks(Assembler& a, const Xbyak::Reg32& offset, const Xbyak::Label& none)
{
    a.neg(offset);
    a.add(offset, static_cast<u32>(page_size));
    a.and_(offset, ~(chunk - 1));
    a.jz(none, Xbyak::CodeGenerator::T_NEAR);
}

/// The order of the bytes at rdx and rcx + rax, of which the character is the least: in bits 0-1 of eax, of which the others are
/// rax + rsi.
void decide_order(Assembler& a)
{
    Xbyak::Label done;
    a.movzx(edi, byte[rdx + rax]);
    a.movzx(ecx, byte[rcx + rax]);
    a.lea(eax, ptr[rax + rsi]);
    a.shl(eax, 2);
    a.movd(edx, Runtime::scratch_number);
    a.movzx(edx, dl);
    a.mov(esi, ~u32 { 0 });
    a.cmp(edi, edx);
    a.cmove(edi, esi);
    a.cmp(ecx, edx);
    a.cmove(ecx, esi);
    a.cmp(edi, ecx);
    a.je(done);
    a.setg(dl);
    a.movzx(edx, dl);
    a.lea(eax, ptr[rax + rdx + 1]);
    a.L(done);
}

void make_compare_strings(Assembler& a)
{
    const Xbyak::Xmm& first = Runtime::other_scratch_number;
    const Xbyak::Xmm second(0);
    Xbyak::Label again;
    Xbyak::Label decided;
    Xbyak::Label page_end;
    a.mov(ptr[rsp - kept_rsi], rsi);
    a.mov(ptr[rsp - kept_rdi], rdi);
    a.mov(esi, edx);
    a.mov(edi, ecx);
    a.and_(esi, byte_in_page);
    a.and_(edi, byte_in_page);
    a.cmp(esi, edi);
    a.cmovb(esi, edi);
    count_chunks(a, esi, page_end);
    a.movups(ptr[rsp - kept_vector], second);
    a.add(rdx, rsi);
    a.add(rcx, rsi);
    a.mov(rax, rsi);
    a.neg(rax);
    a.L(again);
    a.movups(first, ptr[rdx + rax]);
    a.movups(second, ptr[rcx + rax]);
    a.pcmpeqb(second, first);
    a.pcmpeqb(first, Runtime::scratch_number);
    a.pandn(first, second);
    a.pmovmskb(edi, first);
    a.xor_(edi, 0xffff);
    a.jnz(decided);
    a.add(rax, chunk);
    a.jnz(again);
    a.movups(second, ptr[rsp - kept_vector]);
    a.L(page_end);
    leave_string(a, true);
    a.L(decided);
    a.movups(second, ptr[rsp - kept_vector]);
    a.bsf(edi, edi);
    a.add(rax, rdi);
    decide_order(a);
    leave_string(a, false);
}

void make_search_string(Assembler& a)
{
    const Xbyak::Xmm& bytes = Runtime::other_scratch_number;
    Xbyak::Label again;
    Xbyak::Label found;
    Xbyak::Label none;
    Xbyak::Label page_end;
    a.mov(ptr[rsp - kept_rsi], rsi);
    a.mov(ptr[rsp - kept_rdi], rdi);
    a.mov(esi, edx);
    a.and_(esi, byte_in_page);
    count_chunks(a, esi, page_end);
    a.xor_(eax, eax);
    a.L(again);
    a.movups(bytes, ptr[rdx + rax]);
    a.pcmpeqb(bytes, Runtime::scratch_number);
    a.pmovmskb(edi, bytes);
    a.test(edi, edi);
    a.jnz(found);
    a.add(eax, chunk);
    a.cmp(rax, rcx);
    a.jae(none);
    a.cmp(eax, esi);
    a.jb(again);
    a.L(page_end);
    leave_string(a, true);
    a.L(found);
    a.bsf(edi, edi);
    a.add(eax, edi);
    a.cmp(rax, rcx);
    a.jae(none);
    a.lea(eax, ptr[rax * 4 + 1]);
    leave_string(a, false);
    a.L(none);
    a.mov(eax, 2);
    leave_string(a, false);
}

} // namespace

void Runtime::make_string_routines()
{
    compare_strings = assembler.getCurr();
    make_compare_strings(assembler);
    search_string = assembler.getCurr();
    make_search_string(assembler);
}

void Runtime::make_block_routines()
{
    copy_block = assembler.getCurr();
    make_move(assembler, true);
    fill_block = assembler.getCurr();
    make_move(assembler, false);
    compare_block = assembler.getCurr();
    make_compare(assembler);
}

void Runtime::make_store_leftmost()
{
    Assembler& a = assembler;
    Xbyak::Label below_8;
    Xbyak::Label below_4;
    Xbyak::Label done;
    constexpr u32 copy = 8 + number_slots * 8;
    const Xbyak::Xmm& from = scratch_number;
    store_leftmost = a.getCurr();
    a.movups(xword[rsp + copy], from);
    a.cmp(ecx, 8);
    a.jb(below_8);
    a.mov(rax, qword[rsp + rcx + (copy - 8)]);
    a.movq(qword[rdx], from);
    a.mov(qword[rdx + rcx - 8], rax);
    a.ret();
    a.L(below_8);
    a.cmp(ecx, 4);
    a.jb(below_4);
    a.mov(eax, dword[rsp + rcx + (copy - 4)]);
    a.movd(dword[rdx], from);
    a.mov(dword[rdx + rcx - 4], eax);
    a.ret();
    a.L(below_4);
    a.movd(eax, from);
    a.mov(byte[rdx], al);
    a.cmp(ecx, 2);
    a.jb(done);
    a.movzx(eax, word[rsp + rcx + (copy - 2)]);
    a.mov(word[rdx + rcx - 2], ax);
    a.L(done);
    a.ret();
}

void Runtime::make_constants()
{
    u8* at = allocate_data(6 * 16 + 12);
    at += -reinterpret_cast<std::uintptr_t>(at) & 15;
    for (std::size_t size = 2; size <= 4; ++size, at += 16) {
        std::size_t bytes = std::size_t { 1 } << size;
        for (std::size_t i = 0; i < 16; ++i)
            at[i] = static_cast<u8>(i < bytes ? bytes - 1 - i : 0x80);
        reversal[size] = at;
    }
    for (std::size_t i = 0; i < 16; ++i)
        at[i] = static_cast<u8>(i ^ 7);
    reversed_doublewords = at;
    at += 16;
    for (std::size_t i = 0; i < 32; ++i)
        at[i] = i < 16 ? 0 : 0xff;
    leftmost_masks = at;
    constexpr u64 least = u64 { 2 } << 53;
    u8* number = allocate_data(sizeof least);
    std::memcpy(number, &least, sizeof least);
    least_plain = number;
}

} // namespace zvisor
