// LOAD ADDRESS, LOAD ADDRESS EXTENDED, LOAD ADDRESS RELATIVE LONG (PoP ch. 7).

#include "isa/insn.h"

#include "cpu/cpu.h"

namespace zvisor::isa {

namespace {

constexpr auto load_address = [](auto& c, Gr r1, Storage s) { c.put_address(r1, c.ea(s).at); };
constexpr auto load_address_relative = [](auto& c, Gr r1, Relative target) { c.put_address(r1, target.target); };

/// What LOAD ADDRESS EXTENDED places in the access register: the ALET of the space the operand would be in.
[[nodiscard]] u32 operand_alet(const Cpu& c, u8 base_register)
{
    switch (c.psw_fields().space()) {
    case AddressSpaceControl::primary:
        return 0;
    case AddressSpaceControl::secondary:
        return 1;
    case AddressSpaceControl::home:
        return 2;
    default:
        return base_register == 16 ? 0 : c.a(base_register);
    }
}

constexpr auto load_address_extended = [](Cpu& c, Gr r1, Storage s) {
    u32 alet = operand_alet(c, s.base);
    c.put_address(r1, c.ea(s).at);
    c.a(r1, alet);
};

constexpr Row rows[] = {
    insn("LA", 0x41, RX, base, problem, load_address, "1,4095(2,5) | r2=ffffffff00000001 r5=2000 -> r1=ffffffff00003000",
        "1,1(5) | r1=1122334455667788 r5=ffffffff amode=31 -> r1=1122334400000000",
        "1,0(5) | r1=1122334455667788 r5=abcdef01 amode=24 -> r1=1122334400cdef01"),
    insn("LAY", 0xE371, RXY, Facility::long_displacement, problem, load_address, "1,-1(5) | r5=0 -> r1=ffffffffffffffff",
        "1,524287(2,5) | r2=1 r5=1 -> r1=80001"),
    insn("LARL", 0xC00, RIL_b, base, problem, load_address_relative, "1,0x1010 | r1=ffffffffffffffff -> r1=1010",
        "1,0xffe | r1=1122334455667788 amode=31 -> r1=1122334400000ffe"),
    insn("LAE", 0x51, RX, base, problem, load_address_extended, "1,4(5) | r5=2000 a1=5 a5=7 -> r1=2004 a1=0"),
    insn("LAEY", 0xE375, RXY, Facility::general_instructions_extension, problem, load_address_extended,
        "1,-4(5) | r5=2000 a1=5 -> r1=1ffc a1=0"),
};

} // namespace

extern constexpr Group general_address { rows };

} // namespace zvisor::isa
