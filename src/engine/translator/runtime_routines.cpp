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

} // namespace

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
    u8* at = allocate_data(5 * 16 + 8);
    at += -reinterpret_cast<std::uintptr_t>(at) & 15;
    for (std::size_t size = 2; size <= 4; ++size, at += 16) {
        std::size_t bytes = std::size_t { 1 } << size;
        for (std::size_t i = 0; i < 16; ++i)
            at[i] = static_cast<u8>(i < bytes ? bytes - 1 - i : 0x80);
        reversal[size] = at;
    }
    for (std::size_t i = 0; i < 32; ++i)
        at[i] = i < 16 ? 0 : 0xff;
    leftmost_masks = at;
    constexpr u64 least = u64 { 2 } << 53;
    u8* number = allocate_data(sizeof least);
    std::memcpy(number, &least, sizeof least);
    least_plain = number;
}

} // namespace zvisor
