#include "engine/translator/assembler.h"

#include <cstring>
#include <utility>

namespace zvisor {

namespace {

using Generator = Xbyak::CodeGenerator;
using Set = void (Generator::*)(const Xbyak::Operand&);
using Move = void (Generator::*)(const Xbyak::Reg&, const Xbyak::Operand&);

constexpr Set set_forms[] { &Generator::seto, &Generator::setno, &Generator::setb, &Generator::setae, &Generator::sete, &Generator::setne,
    &Generator::setbe, &Generator::seta, &Generator::sets, &Generator::setns, &Generator::setp, &Generator::setnp, &Generator::setl,
    &Generator::setge, &Generator::setle, &Generator::setg };
constexpr Move move_forms[] { &Generator::cmovo, &Generator::cmovno, &Generator::cmovb, &Generator::cmovae, &Generator::cmove,
    &Generator::cmovne, &Generator::cmovbe, &Generator::cmova, &Generator::cmovs, &Generator::cmovns, &Generator::cmovp, &Generator::cmovnp,
    &Generator::cmovl, &Generator::cmovge, &Generator::cmovle, &Generator::cmovg };

} // namespace

/// The field of a near jump: how far it leads from behind it, or how far before it is the field of the jump before.
void Assembler::put_distance(JumpTarget& to)
{
    constexpr std::ptrdiff_t field = 4;
    if (to.m_at)
        return dd(static_cast<u32>(to.m_at - (getCurr() + field)));
    u8* here = const_cast<u8*>(getCurr()); // memory this writes
    dd(to.m_last ? static_cast<u32>(here - to.m_last) : 0);
    to.m_last = here;
}

void Assembler::jump(JumpTarget& to)
{
    db(0xe9);
    put_distance(to);
}

void Assembler::jump_if(HostCondition condition, JumpTarget& to)
{
    db(0x0f);
    db(0x80 | static_cast<u8>(condition));
    put_distance(to);
}

const u8* Assembler::compare_wide(const Xbyak::Address& with)
{
    constexpr u32 no_byte = 0x7fffffff;
    cmp(with, no_byte);
    return getCurr() - sizeof no_byte;
}

void Assembler::bind(JumpTarget& target)
{
    target.m_at = getCurr();
    for (u8* field = std::exchange(target.m_last, nullptr); field;) {
        u32 before = 0;
        std::memcpy(&before, field, sizeof before);
        auto distance = static_cast<u32>(target.m_at - (field + sizeof before));
        std::memcpy(field, &distance, sizeof distance);
        field = before ? field - before : nullptr;
    }
}

void Assembler::set_if(HostCondition condition, const Xbyak::Reg8& to)
{
    (this->*set_forms[static_cast<u8>(condition)])(to);
}

void Assembler::move_if(HostCondition condition, const Xbyak::Reg& to, const Xbyak::Operand& from)
{
    (this->*move_forms[static_cast<u8>(condition)])(to, from);
}

void Assembler::reverse(const Xbyak::Reg& reg)
{
    bswap(Xbyak::Reg32e(reg.getIdx(), static_cast<int>(reg.getBit())));
}

void Assembler::load_reversed(const Xbyak::Reg& to, const Xbyak::Address& from, bool has_movbe)
{
    if (has_movbe)
        return movbe(to, from);
    mov(to, from);
    reverse(to);
}

void Assembler::store_reversed(const Xbyak::Address& to, const Xbyak::Reg& from, const Xbyak::Reg& scratch, bool has_movbe)
{
    if (has_movbe)
        return movbe(to, from);
    mov(scratch, from);
    reverse(scratch);
    mov(to, scratch);
}

void Assembler::move_constant(const Xbyak::Reg64& to, u64 value)
{
    mov(to, value);
}

} // namespace zvisor
