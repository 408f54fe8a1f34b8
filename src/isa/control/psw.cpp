// Loading and changing the PSW (PoP ch. 10).

#include "isa/control/control.h"
#include "isa/control/formats.h"

namespace zvisor::isa {

namespace {

constexpr auto lpsw = [](Cpu& c, Storage source) {
    auto a = c.ea(source);
    c.require_aligned(a.at, 8);
    u64 doubleword = c.load64(a);
    if (!(doubleword & Psw::short_form_bit))
        c.specification();
    serialize();
    c.breaking_event = c.op->address;
    c.load_psw(Psw::from_short(doubleword));
};

[[nodiscard]] Psw fetch_psw(Cpu& c, Address a)
{
    c.require_aligned(a.at, 8);
    u8 bytes[16];
    c.load_bytes(a, bytes, sizeof bytes);
    serialize();
    return { load_be<u64>(bytes), load_be<u64>(bytes + 8) };
}

constexpr auto lpswe = [](Cpu& c, Storage source) {
    Psw psw = fetch_psw(c, c.ea(source));
    c.breaking_event = c.op->address;
    c.load_psw(psw);
};

/// Differs from LPSWE in leaving the breaking-event address, which LBEAR may have set before.
constexpr auto lpswey = [](Cpu& c, Storage source) { c.load_psw(fetch_psw(c, c.ea(source))); };

constexpr auto lbear = [](Cpu& c, Storage source) {
    auto a = c.ea(source);
    c.require_aligned(a.at, 8);
    c.breaking_event = c.load64(a);
};

constexpr auto stbear = [](Cpu& c, Storage target) {
    auto a = c.ea(target);
    c.require_aligned(a.at, 8);
    c.store64(a, c.breaking_event);
};

[[nodiscard]] u8 system_mask(const Cpu& c)
{
    return static_cast<u8>(bits<0, 7>(c.psw_fields().mask));
}

void set_system_mask(Cpu& c, u8 mask)
{
    constexpr u8 must_be_zero = 0xb8;
    serialize();
    c.set_psw_mask(with_bits<0, 7>(c.psw_fields().mask, mask));
    if (mask & must_be_zero)
        c.specification();
}

constexpr auto ssm = [](Cpu& c, Storage source) {
    if (c.cr[0] & cr0::ssm_suppression)
        c.program(ProgramCode::special_operation);
    set_system_mask(c, static_cast<u8>(c.load8(c.ea(source))));
};

void store_and_change_mask(Cpu& c, const Address& to, ir::MaskChange change)
{
    u8 mask = system_mask(c);
    c.store8(to, mask);
    set_system_mask(c, static_cast<u8>((mask & change.keeps) | change.sets));
}

/// Which translations hold and how instructions are executed stays as it is.
void store_and_change_mask(ir::Builder& c, const ir::Address& to, ir::MaskChange change)
{
    if (!change.is_of_interruptions())
        return c.leave_to_handler();
    c.store_and_change_mask(to, change);
}

constexpr auto stnsm
    = [](auto& c, Storage target, Unsigned immediate) { store_and_change_mask(c, c.ea(target), { .keeps = static_cast<u8>(immediate) }); };

constexpr auto stosm
    = [](auto& c, Storage target, Unsigned immediate) { store_and_change_mask(c, c.ea(target), { .sets = static_cast<u8>(immediate) }); };

constexpr auto spka = [](Cpu& c, Storage key) {
    u8 new_key = key_field(c.ea(key).at);
    require_key_authority(c, new_key);
    c.set_psw_mask(with_bits<8, 11>(c.psw_fields().mask, new_key));
};

constexpr auto ipk = [](Cpu& c) {
    require_extraction_authority(c);
    c.g(2, with_bits<56, 63>(c.g(2), u64 { c.psw_fields().key() } << 4));
};

/// PSW bits 16-17 the other way round: 0 primary, 1 secondary, 2 access register, 3 home.
[[nodiscard]] u8 swap_space_bits(u8 space)
{
    return static_cast<u8>((space & 1) << 1 | space >> 1);
}

constexpr auto iac = [](Cpu& c, Gr r1) {
    require_dat(c);
    require_extraction_authority(c);
    u8 code = swap_space_bits(static_cast<u8>(c.psw_fields().space()));
    c.g(r1, with_bits<48, 55>(c.g(r1), code));
    c.cc(code);
};

/// A space-switch event on entering or leaving the home-space mode, recognized when the instruction is complete.
void home_space_event(Cpu& c, bool into_home)
{
    constexpr u64 space_switch_control = bit_mask<57>;
    constexpr u64 control_was_one = bit_mask<32>;
    bool primary = c.cr[1] & space_switch_control;
    bool home = c.cr[13] & space_switch_control;
    if (!primary && !home)
        return;
    u64 identification = into_home ? bits<48, 63>(c.cr[4]) : 0;
    if (into_home ? primary : home)
        identification |= control_was_one;
    throw ProgramInterruption { .code = ProgramCode::space_switch_event, .translation_exception = identification };
}

constexpr auto set_address_space_control = [](Cpu& c, Storage control) {
    auto code = static_cast<u8>(bits<52, 55>(c.ea(control).at));
    require_dat(c);
    require_secondary_space_control(c);
    if (code == 3)
        c.require_supervisor();
    if (code > 3)
        c.specification();
    serialize();
    bool from_home = c.psw_fields().space() == AddressSpaceControl::home;
    c.set_psw_mask(with_bits<16, 17>(c.psw_fields().mask, swap_space_bits(code)));
    bool into_home = code == 3;
    if (from_home != into_home)
        home_space_event(c, into_home);
};

constexpr Row rows[] = {
    insn("LPSW", 0x82, SI_0, base, privileged | context, lpsw, "4(0) | -> pgm=6", "8(0) | -> pgm=6",
        "0(1) | r1=100 m100=0008200080002000 -> cc=2 ia=2000"),
    insn("LPSWE", 0xB2B2, S, base, privileged | context, lpswe, "0(1) | r1=100 m100=00001f01800000000000000000004000 -> cc=1 pm=f ia=4000",
        "4(0) | -> pgm=6"),
    insn("LPSWEY", 0xEB71, SIY_0, Facility::bear_enhancement, privileged | context, lpswey,
        "-4(1) | r1=104 m100=00001f01800000000000000000004000 -> cc=1 pm=f ia=4000", "4(0) | -> pgm=6"),
    insn("LBEAR", 0xB200, S, Facility::bear_enhancement, privileged, lbear, "0(1) | r1=100 m100=0000000000001234 ->", "4(0) | -> pgm=6"),
    insn("STBEAR", 0xB201, S, Facility::bear_enhancement, privileged | volatile_result, stbear, "0(1) | r1=100 -> m100=0000000000000001",
        "4(0) | -> pgm=6"),
    insn("SSM", 0x80, SI_0, base, privileged | context, ssm, "0(1) | r1=100 m100=00 ->", "0(1) | r1=100 c0=40000000 -> pgm=13"),
    insn("STNSM", 0xAC, SI, base, privileged | context, stnsm, "0(1),252 | r1=100 m100=ff -> m100=00"),
    insn("STOSM", 0xAD, SI, base, privileged | context, stosm, "0(1),0 | r1=100 m100=ff -> m100=00"),
    insn("SPKA", 0xB20A, S, base, context, spka, "0(1) | r1=70 ->", "64(0) | problem=1 c3=08000000 ->", "64(0) | problem=1 -> pgm=2"),
    insn("IPK", 0xB20B, S_0, base, problem, ipk, "| r2=1234567812345678 key=9 -> r2=1234567812345690", "| problem=1 -> pgm=2",
        "| problem=1 c0=08000000 key=1 r2=ff -> r2=10"),
    insn("IAC", 0xB224, RRE_1, base, problem, iac, "1 | -> pgm=13"),
    insn("SAC", 0xB219, S, base, context, set_address_space_control, "256(0) | -> pgm=13"),
    insn("SACF", 0xB279, S, base, context, set_address_space_control, "256(0) | -> pgm=13"),
};

} // namespace

extern constexpr Group control_psw { rows };

} // namespace zvisor::isa
