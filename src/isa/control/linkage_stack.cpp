// BRANCH AND STACK, PROGRAM RETURN and the extraction of stacked state (PoP ch. 10; ch. 5, "Linkage Stack").

#include "isa/control/linkage_stack.h"

namespace zvisor::isa {

namespace {

/// A PSW mask with the addressing mode that the bits of a return address name: bit 63 one for 64, else bit 32 for 31.
[[nodiscard]] Psw return_psw(const Psw& psw, u64 address)
{
    bool extended = address & 1;
    bool basic = extended || (address & bit_mask<32>);
    Psw result { with_bits<31, 32>(psw.mask, u64 { extended } << 1 | basic), address };
    result.address &= extended ? ~u64 { 1 } : basic ? 0x7fffffff : 0xffffff;
    return result;
}

/// An address with the bits that tell the current addressing mode.
[[nodiscard]] u64 with_mode_bits(const Cpu& c, u64 address)
{
    unsigned mode = c.psw_fields().addressing_mode();
    return address | (mode == 64 ? 1 : mode == 31 ? bit_mask<32> : 0);
}

constexpr auto bakr = [](Cpu& c, Gr r1, Gr r2) {
    auto space = c.psw_fields().space();
    require_dat(c);
    if (space == AddressSpaceControl::secondary || space == AddressSpaceControl::home)
        c.program(ProgramCode::special_operation);
    u64 back = r1 != 0 ? c.g(r1) : with_mode_bits(c, c.next_address());
    u64 target = (r2 != 0 ? c.g(r2) : c.next_address()) & c.address_mask();
    StateEntry entry = save_state(c, return_psw(c.psw(), back));
    entry.called = with_mode_bits(c, target);
    LinkageStack(c).push(entry, EntryDescriptor::branch_state);
    if (r2 != 0) {
        c.breaking_event = c.op->address;
        c.branch(target);
    }
};

// ---- PROGRAM RETURN ----------------------------------------------------------------------------------------

/// The control registers PROGRAM RETURN restores from a program-call state entry.
struct ReturnedSpaces {
    u64 cr1;
    u64 cr3;
    u64 cr4;
    u64 cr5;
    u64 cr7;
    u64 cr8;
};

void return_primary(Cpu& c, ReturnedSpaces& spaces, u16 asn)
{
    require_asn_translation(c);
    Aste aste = require_asn(c, asn);
    if (reuse_enabled(c))
        require_instance(aste, c.hi(spaces.cr4), false);
    spaces.cr1 = require_asce(c, aste);
    spaces.cr4 = with_bits<32, 47>(spaces.cr4, aste.authorization_index());
    spaces.cr5 = with_bits<32, 63>(spaces.cr5, aste.origin);
}

void return_secondary(Cpu& c, ReturnedSpaces& spaces, u16 asn)
{
    require_asn_translation(c);
    Aste aste = require_asn(c, asn);
    if (reuse_enabled(c))
        require_instance(aste, c.hi(spaces.cr3), true);
    if (!c.is_authorized(aste.origin, static_cast<u16>(spaces.cr4 >> 16), Cpu::secondary_authority))
        program_with_number(ProgramCode::secondary_authority, asn);
    spaces.cr7 = require_asce(c, aste);
}

[[nodiscard]] ReturnedSpaces returned_spaces(Cpu& c, const StateEntry& entry)
{
    ReturnedSpaces spaces { c.cr[1], c.cr[3], c.cr[4], c.cr[5], c.cr[7], c.cr[8] };
    spaces.cr3 = with_bits<32, 63>(spaces.cr3, u64 { entry.key_mask } << 16 | entry.secondary);
    spaces.cr4 = with_bits<48, 63>(spaces.cr4, entry.primary);
    spaces.cr8 = with_bits<32, 47>(spaces.cr8, entry.extended_authorization_index);
    if (reuse_enabled(c)) {
        spaces.cr3 = with_bits<0, 31>(spaces.cr3, entry.secondary_instance);
        spaces.cr4 = with_bits<0, 31>(spaces.cr4, entry.primary_instance);
    }
    if (entry.primary != primary_asn(c))
        return_primary(c, spaces, entry.primary);
    if (entry.secondary == entry.primary)
        spaces.cr7 = spaces.cr1;
    else
        return_secondary(c, spaces, entry.secondary);
    return spaces;
}

void restore_registers(Cpu& c, const StateEntry& entry)
{
    for (u8 r = 2; r <= 14; ++r) {
        c.g(r, entry.general[r]);
        c.a(r, entry.access[r]);
    }
}

constexpr auto pr = [](Cpu& c) {
    auto space = c.psw_fields().space();
    require_dat(c);
    if (space == AddressSpaceControl::secondary || space == AddressSpaceControl::home)
        c.program(ProgramCode::special_operation);
    serialize();
    LinkageStack stack(c);
    u64 at = stack.locate(true);
    auto entry = stack.read<StateEntry>(stack.entry_of(at));
    u64 previous = at - sizeof(StateEntry);
    auto descriptor = stack.read<EntryDescriptor>(previous);
    stack.probe(previous, EntryDescriptor::size);

    bool from_call = entry.descriptor.type() == EntryDescriptor::program_call_state;
    u64 old_asce = c.cr[1];
    u16 old_asn = primary_asn(c);
    if (from_call) {
        ReturnedSpaces spaces = returned_spaces(c, entry);
        c.cr[1] = spaces.cr1;
        c.cr[3] = spaces.cr3;
        c.cr[4] = spaces.cr4;
        c.cr[5] = spaces.cr5;
        c.cr[7] = spaces.cr7;
        c.cr[8] = spaces.cr8;
    }
    descriptor.next_entry_size = 0;
    stack.write(previous, descriptor);
    c.cr[15] = previous;
    restore_registers(c, entry);
    c.control_registers_changed();
    c.breaking_event = c.op->address;
    bool per = c.psw_fields().per();
    c.load_psw({ with_bits<1>(entry.psw_mask, per), entry.psw_address });
    if (from_call && primary_asn(c) != old_asn)
        space_switch_event(c, old_asce, old_asn);
};

// ---- Extraction --------------------------------------------------------------------------------------------

/// Descriptor of the state entry that an extraction looks at.
[[nodiscard]] u64 locate_for_extraction(Cpu& c)
{
    require_dat(c);
    if (c.psw_fields().space() == AddressSpaceControl::secondary)
        c.program(ProgramCode::special_operation);
    return LinkageStack(c).locate(false);
}

[[nodiscard]] StateEntry current_state(Cpu& c)
{
    u64 at = locate_for_extraction(c);
    return LinkageStack(c).read<StateEntry>(LinkageStack::entry_of(at));
}

void extract_registers(Cpu& c, u8 r1, u8 r2, bool wide)
{
    StateEntry entry = current_state(c);
    for (u8 r = r1;; r = (r + 1) & 15) {
        if (wide)
            c.g(r, entry.general[r]);
        else
            c.w(r, c.lo(entry.general[r]));
        c.a(r, entry.access[r]);
        if (r == r2)
            return;
    }
}

constexpr auto ereg = [](Cpu& c, Gr r1, Gr r2) { extract_registers(c, r1, r2, false); };
constexpr auto eregg = [](Cpu& c, Gr r1, Gr r2) { extract_registers(c, r1, r2, true); };

/// The stacked PSW in the short format; the rightmost bit says that the address does not fit.
[[nodiscard]] u64 short_psw(const StateEntry& entry)
{
    u64 address = entry.psw_address;
    u64 psw = with_bits<33, 63>(entry.psw_mask | Psw::short_form_bit, address);
    return address >> 31 ? psw | 1 : psw;
}

void put_words(Cpu& c, u8 r1, u64 doubleword)
{
    c.w(r1, c.hi(doubleword));
    c.w(r1 + 1, c.lo(doubleword));
}

void extract_state(Cpu& c, u8 r1, u8 code, const StateEntry& entry)
{
    switch (code) {
    case 0:
        put_words(c, r1,
            u64 { entry.key_mask } << 48 | u64 { entry.secondary } << 32 | u64 { entry.extended_authorization_index } << 16
                | entry.primary);
        return;
    case 1:
        put_words(c, r1, short_psw(entry));
        return;
    case 2:
        put_words(c, r1, entry.called);
        return;
    case 3:
        put_words(c, r1, entry.modifiable);
        return;
    case 4:
        c.g(r1, entry.psw_mask);
        c.g(r1 + 1, entry.psw_address);
        return;
    default:
        c.h(r1, entry.secondary_instance);
        c.h(r1 + 1, entry.primary_instance);
    }
}

constexpr auto esta = [](Cpu& c, GrPair r1, Gr r2) {
    auto code = static_cast<u8>(c.w(r2));
    if (code > (c.has(Facility::asn_and_lx_reuse) ? 5 : 4))
        c.specification();
    StateEntry entry = current_state(c);
    extract_state(c, r1, code, entry);
    c.cc(entry.descriptor.type() == EntryDescriptor::program_call_state ? 1 : 0);
};

constexpr auto msta = [](Cpu& c, GrPair r1) {
    constexpr u64 modifiable_at = 152;
    u64 at = LinkageStack::entry_of(locate_for_extraction(c)) + modifiable_at;
    LinkageStack(c).write(at, Be<u64> { u64 { c.w(r1) } << 32 | c.w(r1 + 1) });
};

constexpr Row rows[] = {
    insn("BAKR", 0xB240, RRE, base, context, bakr, "1,2 | -> pgm=13"),
    insn("PR", 0x0101, E, base, context, pr, "| -> pgm=13"),
    insn("EREG", 0xB249, RRE, base, problem, ereg, "1,2 | -> pgm=13"),
    insn("EREGG", 0xB90E, RRE, base, problem, eregg, "1,2 | -> pgm=13"),
    insn("ESTA", 0xB24A, RRE_PR, base, problem, esta, "2,3 | r3=6 -> pgm=6", "2,3 | r3=0 -> pgm=13"),
    insn("MSTA", 0xB247, RRE_P, base, problem, msta, "2 | -> pgm=13"),
};

} // namespace

extern constexpr Group control_linkage_stack { rows };

} // namespace zvisor::isa
