#include "engine/translator/assembler.h"

namespace zvisor {

namespace {

using Generator = Xbyak::CodeGenerator;
using Jump = void (Generator::*)(const Xbyak::Label&, Generator::LabelType);
using Set = void (Generator::*)(const Xbyak::Operand&);
using Move = void (Generator::*)(const Xbyak::Reg&, const Xbyak::Operand&);

constexpr Jump jump_forms[] { &Generator::jo, &Generator::jno, &Generator::jb, &Generator::jae, &Generator::je, &Generator::jne,
    &Generator::jbe, &Generator::ja, &Generator::js, &Generator::jns, &Generator::jp, &Generator::jnp, &Generator::jl, &Generator::jge,
    &Generator::jle, &Generator::jg };
constexpr Set set_forms[] { &Generator::seto, &Generator::setno, &Generator::setb, &Generator::setae, &Generator::sete, &Generator::setne,
    &Generator::setbe, &Generator::seta, &Generator::sets, &Generator::setns, &Generator::setp, &Generator::setnp, &Generator::setl,
    &Generator::setge, &Generator::setle, &Generator::setg };
constexpr Move move_forms[] { &Generator::cmovo, &Generator::cmovno, &Generator::cmovb, &Generator::cmovae, &Generator::cmove,
    &Generator::cmovne, &Generator::cmovbe, &Generator::cmova, &Generator::cmovs, &Generator::cmovns, &Generator::cmovp, &Generator::cmovnp,
    &Generator::cmovl, &Generator::cmovge, &Generator::cmovle, &Generator::cmovg };

} // namespace

void Assembler::jump_if(HostCondition condition, const Xbyak::Label& to)
{
    (this->*jump_forms[static_cast<u8>(condition)])(to, T_NEAR);
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
