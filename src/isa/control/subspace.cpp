// BRANCH AND SET AUTHORITY, BRANCH IN SUBSPACE GROUP, RESUME PROGRAM (PoP ch. 10).

#include "isa/control/asn.h"

namespace zvisor::isa {

namespace {

/// The dispatchable-unit control table that is about to be stored into.
[[nodiscard]] Duct duct_for_store(Cpu& c)
{
    u64 origin = c.cr[2] & aste_origin_field;
    if (is_low_address_protected(c, origin))
        throw ProgramInterruption { .code = ProgramCode::protection, .translation_exception = origin & page_mask };
    return read_duct(c);
}

void store_duct(Cpu& c, const Duct& duct)
{
    // Another CPU may have unassigned the storage since it was read.
    if (!c.storage().write_as(c.real_to_absolute(duct.origin), duct.word))
        c.program(ProgramCode::addressing);
}

/// The address to return to and, outside 64-bit mode, the bit that tells 31 from 24.
[[nodiscard]] u64 return_address(const Cpu& c)
{
    return c.next_address() | (c.psw_fields().addressing_mode() == 31 ? bit_mask<32> : 0);
}

/// Takes an address with a mode bit the way BSA and BSG do: in 64-bit mode the mode stays.
struct Target {
    u64 address;
    unsigned mode;
};
[[nodiscard]] Target target_of(const Cpu& c, u64 value)
{
    if (c.psw_fields().addressing_mode() == 64)
        return { value, 64 };
    return value & bit_mask<32> ? Target { value & 0x7fffffff, 31 } : Target { value & 0xffffff, 24 };
}

void put_return_address(Cpu& c, u8 r1)
{
    if (r1 != 0)
        c.put_link(r1, c.next_address());
}

// ---- BRANCH AND SET AUTHORITY ------------------------------------------------------------------------------

/// DUCT word 5: PSW-key mask, key, reduced authority, problem state.
constexpr u32 reduced_authority = 0x08;

void set_key_and_mask(Cpu& c, u8 key, u64 key_mask)
{
    c.cr[3] = with_bits<32, 47>(c.cr[3], key_mask);
    c.set_psw_mask(with_bits<8, 11>(c.psw_fields().mask, key));
}

void reduce_authority(Cpu& c, Duct& duct, u64 operand, u64 target)
{
    u8 key = key_field(operand);
    require_key_authority(c, key);
    u64 key_mask = bits<32, 47>(c.cr[3]);
    duct.word[5] = static_cast<u32>(key_mask << 16 | u64 { c.psw_fields().key() } << 4 | reduced_authority | u64 { c.problem_state() });
    u64 back = return_address(c);
    duct.word[8] = c.hi(back);
    duct.word[9] = c.lo(back);
    store_duct(c, duct);
    Target to = target_of(c, target);
    set_key_and_mask(c, key, key_mask & bits<32, 47>(operand));
    enter_program(c, to.address, to.mode, true);
}

void restore_authority(Cpu& c, Duct& duct, u8 r1)
{
    put_return_address(c, r1);
    u32 saved = duct.word[5];
    duct.word[5] = saved & ~reduced_authority;
    store_duct(c, duct);
    Target to = target_of(c, u64 { duct.word[8] } << 32 | duct.word[9]);
    set_key_and_mask(c, key_field(saved), saved >> 16);
    enter_program(c, to.address, to.mode, saved & 1);
}

constexpr auto bsa = [](Cpu& c, Gr r1, Gr r2) {
    Duct duct = duct_for_store(c);
    bool reduced = duct.word[5] & reduced_authority;
    if (reduced != (r2 == 0))
        c.program(ProgramCode::special_operation);
    if (reduced)
        restore_authority(c, duct, r1);
    else
        reduce_authority(c, duct, c.g(r1), c.g(r2));
};

// ---- BRANCH IN SUBSPACE GROUP ------------------------------------------------------------------------------

[[noreturn]] void subspace_exception(ProgramCode code, u8 r2)
{
    throw ProgramInterruption { .code = code, .access_id = r2 };
}

[[nodiscard]] Aste last_subspace(Cpu& c, const Duct& duct, u8 r2)
{
    if (duct.subspace_aste() == 0)
        c.program(ProgramCode::special_operation);
    Aste aste = read_aste(c, duct.subspace_aste());
    if (aste.invalid())
        subspace_exception(ProgramCode::aste_validity, r2);
    if (aste.sequence() != duct.subspace_sequence())
        subspace_exception(ProgramCode::aste_sequence, r2);
    return aste;
}

[[nodiscard]] Aste listed_space(Cpu& c, const Duct& duct, u32 alet)
{
    Aste aste = read_aste(c, static_cast<u32>(c.translate_alet(alet, {})));
    bool is_base = aste.origin == duct.base_aste();
    if (!is_base && (!(aste.asce() & asce_bit::subspace_group) || aste.base_space()))
        c.program(ProgramCode::special_operation);
    return aste;
}

void note_subspace(Duct& duct, const Aste& aste, u32 alet)
{
    if (alet == 1) {
        duct.word[1] = duct.word[1] | Duct::subspace_active;
    } else if (aste.origin == duct.base_aste()) {
        duct.word[1] = duct.word[1] & ~Duct::subspace_active;
    } else {
        duct.word[1] = Duct::subspace_active | aste.origin;
        duct.word[3] = aste.sequence();
    }
}

constexpr auto bsg = [](Cpu& c, Gr r1, Gr r2) {
    require_dat(c);
    Duct duct = duct_for_store(c);
    if ((c.cr[5] & aste_origin_field) != duct.base_aste())
        c.program(ProgramCode::special_operation);
    u32 alet = r2 == 0 ? 0 : c.a(r2);
    Aste aste = alet == 0 ? read_aste(c, duct.base_aste()) : alet == 1 ? last_subspace(c, duct, r2) : listed_space(c, duct, alet);
    bool to_base = alet != 1 && aste.origin == duct.base_aste();
    u64 target = c.g(r2);
    put_return_address(c, r1);
    note_subspace(duct, aste, alet);
    store_duct(c, duct);
    c.cr[1] = to_base ? aste.asce() : keep_events(aste.asce(), c.cr[1]);
    c.cr[7] = c.cr[1];
    c.cr[3] = with_bits<48, 63>(c.cr[3], primary_asn(c));
    if (reuse_enabled(c))
        c.cr[3] = with_bits<0, 31>(c.cr[3], c.hi(c.cr[4]));
    c.control_registers_changed();
    Target to = target_of(c, target);
    enter_program(c, to.address, to.mode, c.problem_state());
};

// ---- RESUME PROGRAM ----------------------------------------------------------------------------------------

/// Behind the instruction: flags, and the offsets from the operand of the PSW, access-register and general-register fields.
struct ResumeParameters {
    Be<u16> flags;
    Be<u16> psw;
    Be<u16> access;
    Be<u16> general;
    Be<u16> general_high;

    [[nodiscard]] bool valid() const { return !(flags & 0xfff8); }
    [[nodiscard]] bool wide_psw() const { return flags & 4; }
    [[nodiscard]] bool wide_general() const { return flags & 2; }
    [[nodiscard]] bool disjoint() const { return (flags & 3) == 3; }
};

[[nodiscard]] ResumeParameters fetch_parameters(Cpu& c)
{
    ResumeParameters parameters {};
    for (u64 at = 0; at < sizeof parameters; at += 2) {
        if (at == 8 && !parameters.disjoint())
            break;
        const u8* host = c.fetch_view((c.next_address() + at) & c.address_mask());
        std::memcpy(reinterpret_cast<u8*>(&parameters) + at, host, 2);
    }
    return parameters;
}

/// The operand's PSW with everything but addressing mode, space, condition code, program mask and address as it is now.
[[nodiscard]] Psw resumed_psw(Cpu& c, Address a, bool wide)
{
    constexpr u64 taken = bit_mask<16, 23> | bit_mask<31, 32>;
    u64 mask = c.load64(a);
    u64 address = wide ? c.load64(c.offset(a, 8)) : mask & 0x7fffffff;
    return { (c.psw().mask & ~taken) | (mask & taken), address };
}

constexpr auto rp = [](Cpu& c, Storage operand) {
    ResumeParameters parameters = fetch_parameters(c);
    if (!parameters.valid())
        c.specification();
    auto a = c.ea(operand);
    Psw psw = resumed_psw(c, c.offset(a, parameters.psw), parameters.wide_psw());
    u32 access = c.load32(c.offset(a, parameters.access));
    u64 general = c.g(operand.base);
    auto field = c.offset(a, parameters.general);
    if (parameters.disjoint())
        general = u64 { c.load32(c.offset(a, parameters.general_high)) } << 32 | c.load32(field);
    else if (parameters.wide_general())
        general = c.load64(field);
    else
        general = with_bits<32, 63>(general, c.load32(field));
    if (psw.dat() && psw.space() == AddressSpaceControl::home)
        c.require_supervisor();
    if (!psw.is_valid() || psw.address & 1)
        c.specification();
    u8 base_register = operand.base & 0xf;
    c.a(base_register, access);
    c.g(base_register, general);
    c.breaking_event = c.op->address;
    c.load_psw(psw);
};

constexpr Row rows[] = {
    insn("BSA", 0xB25A, RRE, base, context, bsa, "1,0 | c2=5000 -> pgm=13",
        "1,2 | r1=ff000030 r2=2000 c2=5000 c3=f0000000 m5014=00000000 -> ia=2000 c3=f0000000 m5014=f0000008 m5020=0000000000001004",
        "3,0 | c2=5000 m5014=80000008 m5020=0000000000003000 -> ia=3000 r3=1004 c3=80000000 m5014=80000000"),
    insn("BSG", 0xB258, RRE, base, context, bsg, "1,2 | -> pgm=13"),
    insn("RP", 0xB277, S, base, context, rp,
        "0(5) | r5=5000 m1004=00060000001000180000 m5000=00003f01800000000000000000002000 m5010=11223344 m5018=99aabbccddeeff00 -> "
        "ia=2000 cc=3 pm=f a5=11223344 r5=99aabbccddeeff00",
        "0(5) | r5=5000 m1004=0008 -> pgm=6"),
};

} // namespace

extern constexpr Group control_subspace { rows };

} // namespace zvisor::isa
