// Real addresses and accesses by them (PoP ch. 10, LOAD REAL ADDRESS, LOAD and STORE USING REAL ADDRESS).

#include "isa/control/translation.h"

namespace zvisor::isa {

namespace {

constexpr u32 exception_code_bit = 0x80000000;
constexpr u64 two_gib = u64 { 1 } << 31;

void put_exception_code(Cpu& c, u8 r1, ProgramCode code)
{
    c.w(r1, exception_code_bit | static_cast<u32>(code));
    c.cc(3);
}

/// Places a real address or the address of a table entry, 64 bits when `wide`. False when it does not fit 31 bits otherwise.
[[nodiscard]] bool put_real(Cpu& c, u8 r1, u64 address, bool wide)
{
    if (wide)
        c.g(r1, address);
    else if (address < two_gib)
        c.w(r1, static_cast<u32>(address));
    else
        return false;
    return true;
}

/// The entry that was invalid or would have been fetched, where condition codes 1 to 3 name it.
void put_fault(Cpu& c, u8 r1, const TranslationFault& fault, bool wide)
{
    bool segment = fault.code == ProgramCode::segment_translation;
    bool page = fault.code == ProgramCode::page_translation;
    bool beyond_table = fault.length;
    if (segment || page) {
        if (put_real(c, r1, fault.entry_address, wide && !beyond_table)) {
            c.cc(beyond_table ? 3 : page ? 2 : 1);
            return;
        }
    } else if (!is_translation_exception(fault.code) && !is_access_register_exception(fault.code)) {
        c.program(fault.code);
    }
    put_exception_code(c, r1, fault.code);
}

void load_real(Cpu& c, u8 r1, Address a, bool wide)
{
    Translated found = translate_operand(c, a);
    if (!found) {
        put_fault(c, r1, found.error(), wide);
        return;
    }
    if (!put_real(c, r1, found->address, wide))
        c.program(ProgramCode::special_operation);
    c.cc(0);
}

constexpr auto lra = [](Cpu& c, Gr r1, Storage operand) { load_real(c, r1, c.ea(operand), c.psw_fields().addressing_mode() == 64); };
constexpr auto lrag = [](Cpu& c, Gr r1, Storage operand) { load_real(c, r1, c.ea(operand), true); };

constexpr auto strag = [](Cpu& c, Storage target, Storage operand) {
    auto to = c.ea(target);
    auto from = c.ea(operand);
    c.require_aligned(to.at, 8);
    Translated found = translate_operand(c, from);
    if (!found)
        raise_fault(c, found.error(), from);
    c.store64(to, found->address);
};

/// The host view of an operand at the real address in a register.
template<class T>
[[nodiscard]] u8* real_view(Cpu& c, u8 r2, Access access)
{
    u64 address = c.register_address(r2).at;
    c.require_aligned(address, sizeof(T));
    return c.host_view_in(c.real_space(), address, access, 0);
}

constexpr auto lura = [](Cpu& c, Gr r1, Gr r2) { c.w(r1, load_be<u32>(real_view<u32>(c, r2, Access::fetch))); };
constexpr auto lurag = [](Cpu& c, Gr r1, Gr r2) { c.g(r1, load_be<u64>(real_view<u64>(c, r2, Access::fetch))); };

constexpr auto stura = [](Cpu& c, Gr r1, Gr r2) {
    u8* host = real_view<u32>(c, r2, Access::store);
    store_be<u32>(host, c.w(r1));
    c.note_alteration(c.register_address(r2).at, sizeof(u32), true);
    c.stored(host, sizeof(u32));
};
constexpr auto sturg = [](Cpu& c, Gr r1, Gr r2) {
    u8* host = real_view<u64>(c, r2, Access::store);
    store_be<u64>(host, c.g(r1));
    c.note_alteration(c.register_address(r2).at, sizeof(u64), true);
    c.stored(host, sizeof(u64));
};

// Table of one segment: its entry at 4000 names the page table at 5000, whose entry 2 is page 7000 and entry 3 is invalid.
constexpr Row rows[] = {
    insn("LRA", 0xB1, RX, base, privileged, lra,
        "1,291(0,2) | r2=2000 c1=4000 m4000=0000000000005000 m5010=0000000000007000 cc=3 -> r1=7123 cc=0",
        "1,0(0,2) | r2=3000 c1=4000 m4000=0000000000005000 m5018=0000000000000400 -> r1=5018 cc=2",
        "1,0(0,2) | r2=2000 c1=4000 m4000=0000000000000020 -> r1=4000 cc=1", "1,0(0,2) | r2=80000000 c1=4000 -> r1=80000038 cc=3"),
    insn("LRAY", 0xE313, RXY, Facility::long_displacement, privileged, lra,
        "1,-1(0,2) | r2=2001 c1=4000 m4000=0000000000005000 m5010=0000000000007000 cc=3 -> r1=7000 cc=0"),
    insn("LRAG", 0xE303, RXY, base, privileged, lrag,
        "1,0(0,2) | r1=ffffffff00000000 r2=2000 amode=31 c1=4000 m4000=0000000000005000 m5010=0000000000007000 -> r1=7000"),
    insn("STRAG", 0xE502, SSE, base, privileged, strag,
        "0(3),5(2) | r2=2000 r3=100 c1=4000 m4000=0000000000005000 m5010=0000000000007000 -> m100=0000000000007005", "4(0),0(0) | -> pgm=6",
        "0(3),5(2) | r2=3000 r3=100 c1=4000 m4000=0000000000005000 m5018=0000000000000400 -> pgm=11"),
    insn("LURA", 0xB24B, RRE, base, privileged, lura, "1,2 | r2=100 m100=11223344 -> r1=11223344", "1,2 | r2=102 -> pgm=6"),
    insn("LURAG", 0xB905, RRE, base, privileged, lurag, "1,2 | r2=100 m100=1122334455667788 -> r1=1122334455667788",
        "1,2 | r2=104 -> pgm=6"),
    insn("STURA", 0xB246, RRE, base, privileged, stura, "1,2 | r1=11223344 r2=100 -> m100=11223344", "1,2 | r2=102 -> pgm=6",
        "1,2 | r2=100 c0=10000000 -> pgm=4"),
    insn("STURG", 0xB925, RRE, base, privileged, sturg, "1,2 | r1=1122334455667788 r2=100 -> m100=1122334455667788",
        "1,2 | r2=104 -> pgm=6"),
};

} // namespace

extern constexpr Group control_translation { rows };

} // namespace zvisor::isa
