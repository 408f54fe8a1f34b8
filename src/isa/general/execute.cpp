// General instructions (PoP ch. 7): EXECUTE and EXECUTE RELATIVE LONG.

#include "arch/control.h"
#include "cpu/engine.h"
#include "isa/general/storage_operand.h"
#include "isa/insn.h"

namespace zvisor::isa {

namespace {

/// The host view of code at `address`, to the end of its page. A cached translation for fetching serves unless execution can be refused.
[[nodiscard]] const u8* code_view(Cpu& c, u64 address)
{
    Space& space = c.code_space();
    const TlbEntry& entry = space.entry(address);
    if (address - entry.read_tag < page_size && !(space.key.controls & cr0::instruction_execution_protection))
        return reinterpret_cast<const u8*>(address + entry.delta);
    const Psw& psw = c.psw_fields();
    bool home = psw.dat() && psw.space() == AddressSpaceControl::home;
    auto indication = static_cast<u8>(home ? AddressSpaceControl::home : AddressSpaceControl::primary);
    return c.host_view_in(space, address, Access::instruction, indication);
}

/// An instruction's length in bytes by its first two bits.
[[nodiscard]] unsigned instruction_length(u8 first_byte)
{
    return first_byte < 0x40 ? 2 : first_byte < 0xc0 ? 4 : 6;
}

/// The instruction at an even address, left-aligned.
[[nodiscard]] u64 fetch_instruction(Cpu& c, u64 address)
{
    const u8* view = code_view(c, address);
    u64 in_page = page_size - address % page_size;
    if (in_page >= 8)
        return load_be<u64>(view) & ~u64 { 0xffff };
    unsigned length = instruction_length(*view);
    u64 instruction = 0;
    for (unsigned i = 0; i < length; i += 2) {
        if (i == in_page)
            view = code_view(c, (address + i) & c.address_mask()) - i;
        instruction |= u64 { load_be<u16>(view + i) } << (48 - i * 8);
    }
    return instruction;
}

/// Bits 56-63 of R1, unless R1 is zero, are ORed into the second byte of the target.
void execute_at(Cpu& c, u8 r1, u64 address)
{
    c.require_aligned(address, 2);
    u64 instruction = fetch_instruction(c, address);
    if (r1 != 0)
        instruction |= (c.g(r1) & 0xff) << 48;
    c.engine().execute_target(c, instruction, address);
}

constexpr auto execute = [](Cpu& c, Gr r1, Storage target) { execute_at(c, r1, c.ea(target).at); };
constexpr auto execute_relative = [](Cpu& c, Gr r1, Relative target) { execute_at(c, r1, target & c.address_mask()); };

constexpr Row rows[] = {
    insn("EX", 0x44, RX, base, branch | not_target, execute, "1,0(2) | r1=3 r2=3000 r3=5 r4=7 m3000=1840 -> r4=5",
        "5,0(2) | r2=3000 r5=1 r6=2000 r7=4000 m3000=d20060007000 m2000=0000 m4000=1234 -> m2000=1234", "0,0(2) | r2=3001 -> pgm=6",
        "0,0(2) | r2=3000 m3000=44000000 -> pgm=3"),
    insn("EXRL", 0xC60, RIL_b, Facility::execute_extensions, branch | not_target, execute_relative,
        "1,0x2000 | r1=f3 r3=5 r15=7 m2000=1803 -> r15=5"),
};

} // namespace

extern constexpr Group general_execute { rows };

} // namespace zvisor::isa
