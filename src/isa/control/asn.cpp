// Instructions that see and set address-space numbers (PoP ch. 10, EXTRACT PRIMARY ASN to SET SECONDARY ASN).

#include "isa/control/asn.h"

namespace zvisor::isa {

namespace {

void require_extraction(Cpu& c)
{
    require_dat(c);
    require_extraction_authority(c);
}

constexpr auto epar = [](Cpu& c, Gr r1) {
    require_extraction(c);
    c.w(r1, static_cast<u32>(bits<48, 63>(c.cr[4])));
};
constexpr auto esar = [](Cpu& c, Gr r1) {
    require_extraction(c);
    c.w(r1, static_cast<u32>(bits<48, 63>(c.cr[3])));
};
constexpr auto epair = [](Cpu& c, Gr r1) {
    require_extraction(c);
    c.g(r1, with_bits<32, 47>(c.cr[4], 0));
};
constexpr auto esair = [](Cpu& c, Gr r1) {
    require_extraction(c);
    c.g(r1, with_bits<32, 47>(c.cr[3], 0));
};

// ---- SET SECONDARY ASN -------------------------------------------------------------------------------------

/// The secondary ASTE, once everything SSAR (or SSAIR, `with_instance`) asks of it holds.
[[nodiscard]] Aste secondary_aste(Cpu& c, u16 asn, u64 operand, bool with_instance)
{
    Aste aste = require_asn(c, asn);
    bool refused = with_instance ? aste.controlled() && c.problem_state() : aste.reusable() && reuse_enabled(c);
    if (refused)
        c.program(ProgramCode::special_operation);
    if (with_instance)
        require_instance(aste, c.hi(operand), true);
    if (!c.is_authorized(aste.origin, static_cast<u16>(c.cr[4] >> 16), Cpu::secondary_authority))
        program_with_number(ProgramCode::secondary_authority, asn);
    return aste;
}

void set_secondary_asn(Cpu& c, u64 operand, bool with_instance)
{
    auto asn = static_cast<u16>(operand);
    require_asn_translation(c);
    require_dat(c);
    serialize();
    u64 asce = c.cr[1];
    u32 instance = c.hi(c.cr[4]);
    if (asn != primary_asn(c)) {
        Aste aste = secondary_aste(c, asn, operand, with_instance);
        asce = require_asce(c, aste);
        instance = aste.instance();
    }
    c.cr[3] = with_bits<48, 63>(c.cr[3], asn);
    if (with_instance || reuse_enabled(c))
        c.cr[3] = with_bits<0, 31>(c.cr[3], instance);
    c.cr[7] = asce;
    c.control_registers_changed();
}

constexpr auto ssar = [](Cpu& c, Gr r1) { set_secondary_asn(c, c.g(r1), false); };
constexpr auto ssair = [](Cpu& c, Gr r1) { set_secondary_asn(c, c.g(r1), true); };

// ---- PROGRAM TRANSFER --------------------------------------------------------------------------------------

/// What PT and PTI take from the new primary space.
struct PrimarySpace {
    u64 asce;
    u64 cr4;
    u64 cr5;
};

[[nodiscard]] PrimarySpace switch_primary(Cpu& c, u64 operand, bool with_instance)
{
    auto asn = static_cast<u16>(operand);
    require_asn_translation(c);
    Aste aste = require_asn(c, asn);
    bool refused = with_instance ? aste.controlled() && c.problem_state() : aste.reusable() && reuse_enabled(c);
    if (refused)
        c.program(ProgramCode::special_operation);
    if (with_instance)
        require_instance(aste, c.hi(operand), false);
    if (!c.is_authorized(aste.origin, static_cast<u16>(c.cr[4] >> 16), Cpu::primary_authority))
        program_with_number(ProgramCode::primary_authority, asn);
    u64 cr4 = with_bits<32, 63>(c.cr[4], u64 { aste.authorization_index() } << 16 | asn);
    if (with_instance || reuse_enabled(c))
        cr4 = with_bits<0, 31>(cr4, aste.instance());
    return { require_asce(c, aste), cr4, with_bits<32, 63>(c.cr[5], aste.origin) };
}

/// The subsystem-linkage control of the primary space's linkage-table designation must be one.
void require_linkage(Cpu& c)
{
    if (!(read_aste(c, static_cast<u32>(c.cr[5])).linkage() & 0x80000000))
        c.program(ProgramCode::special_operation);
}

void program_transfer(Cpu& c, u64 operand, u64 target, bool with_instance)
{
    constexpr u64 problem_bit = 1;
    if (!c.psw_fields().dat() || c.psw_fields().space() != AddressSpaceControl::primary)
        c.program(ProgramCode::special_operation);
    require_linkage(c);
    unsigned mode = c.psw_fields().addressing_mode();
    if (mode != 64)
        mode = target & bit_mask<32> ? 31 : 24;
    u64 address = target & ~problem_bit & (mode == 64 ? ~u64 { 0 } : 0x7fffffff);
    bool to_problem = target & problem_bit;
    if (!to_problem)
        c.require_supervisor();
    if (address & ~address_mask(mode))
        c.specification();
    serialize();
    auto asn = static_cast<u16>(operand);
    bool switches = asn != primary_asn(c);
    PrimarySpace space = switches ? switch_primary(c, operand, with_instance) : PrimarySpace { c.cr[1], c.cr[4], c.cr[5] };
    u64 old_asce = std::exchange(c.cr[1], space.asce);
    u16 old_asn = primary_asn(c);
    c.cr[4] = space.cr4;
    c.cr[5] = space.cr5;
    c.cr[3] = with_bits<32, 63>(c.cr[3], (bits<32, 47>(c.cr[3]) & bits<32, 47>(operand)) << 16 | asn);
    if (with_instance || reuse_enabled(c))
        c.cr[3] = with_bits<0, 31>(c.cr[3], c.hi(c.cr[4]));
    c.cr[7] = c.cr[1];
    c.control_registers_changed();
    enter_program(c, address, mode, to_problem);
    if (switches)
        space_switch_event(c, old_asce, old_asn);
}

constexpr auto pt = [](Cpu& c, Gr r1, Gr r2) { program_transfer(c, c.g(r1), c.g(r2), false); };
constexpr auto pti = [](Cpu& c, Gr r1, Gr r2) { program_transfer(c, c.g(r1), c.g(r2), true); };

// ---- LOAD ADDRESS SPACE PARAMETERS -------------------------------------------------------------------------

/// First operand: doubleword without, quadword with the ASN-and-LX-reuse facility.
struct SpaceParameters {
    u32 secondary_instance { 0 };
    u16 key_mask { 0 };
    u16 secondary { 0 };
    u32 primary_instance { 0 };
    u16 authorization_index { 0 };
    u16 primary { 0 };
};

[[nodiscard]] SpaceParameters load_parameters(Cpu& c, Address a)
{
    c.require_aligned(a.at, 8);
    if (!reuse_enabled(c)) {
        u64 all = c.load64(a);
        return { 0, static_cast<u16>(all >> 48), static_cast<u16>(all >> 32), 0, static_cast<u16>(all >> 16), static_cast<u16>(all) };
    }
    u64 second = c.load64(c.offset(a, 8));
    u64 first = c.load64(a);
    return { c.hi(first), static_cast<u16>(first >> 16), static_cast<u16>(first), c.hi(second), static_cast<u16>(second >> 16),
        static_cast<u16>(second) };
}

/// An ASCE and what goes with it, or nothing when the ASN cannot be used (condition code 1 or 2).
struct DesignatedSpace {
    u64 asce { 0 };
    u32 instance { 0 };
    u32 aste { 0 };
    u16 authorization_index { 0 };
};

[[nodiscard]] std::optional<DesignatedSpace> designate(Cpu& c, u16 asn, u32 instance)
{
    auto aste = translate_asn(c, asn);
    if (!aste || (reuse_enabled(c) && aste->instance() != instance))
        return {};
    auto asce = replace_subspace(c, *aste);
    if (!asce)
        return {};
    return DesignatedSpace { *asce, instance, aste->origin, aste->authorization_index() };
}

constexpr auto lasp = [](Cpu& c, Storage first, Storage second) {
    require_asn_translation(c);
    SpaceParameters given = load_parameters(c, c.ea(first));
    u64 options = c.ea(second).at;
    bool force_translation = options & 4;
    bool use_given_index = options & 2;
    bool skip_authorization = options & 1;

    DesignatedSpace primary { c.cr[1], c.hi(c.cr[4]), c.lo(c.cr[5]), static_cast<u16>(c.cr[4] >> 16) };
    if (force_translation || given.primary != primary_asn(c)) {
        auto found = designate(c, given.primary, given.primary_instance);
        if (!found || ((c.cr[1] | found->asce) & asce_bit::space_switch_event)) {
            c.cc(found ? 3 : 1);
            return;
        }
        primary = *found;
    }
    u16 index = use_given_index ? given.authorization_index : primary.authorization_index;
    DesignatedSpace secondary = primary;
    if (given.secondary != given.primary) {
        bool keep = !force_translation && skip_authorization && given.secondary == static_cast<u16>(c.cr[3]);
        secondary = { c.cr[7], c.hi(c.cr[3]) };
        if (!keep) {
            auto found = designate(c, given.secondary, given.secondary_instance);
            if (!found || (!skip_authorization && !c.is_authorized(found->aste, index, Cpu::secondary_authority))) {
                c.cc(2);
                return;
            }
            secondary = *found;
        }
    }
    c.cr[1] = primary.asce;
    c.cr[3] = with_bits<32, 63>(c.cr[3], u64 { given.key_mask } << 16 | given.secondary);
    c.cr[4] = with_bits<32, 63>(c.cr[4], u64 { index } << 16 | given.primary);
    c.cr[5] = with_bits<32, 63>(c.cr[5], primary.aste);
    c.cr[7] = secondary.asce;
    if (reuse_enabled(c)) {
        c.cr[3] = with_bits<0, 31>(c.cr[3], secondary.instance);
        c.cr[4] = with_bits<0, 31>(c.cr[4], primary.instance);
    }
    c.control_registers_changed();
    c.cc(0);
};

// ---- Access registers --------------------------------------------------------------------------------------

/// Condition code 0: ALET 0; 1: in the dispatchable-unit access list; 2: in the primary-space one; 3: ALET 1 or no use of it.
constexpr auto tar = [](Cpu& c, Ar a1, Gr r2) {
    constexpr u32 primary_list_bit = 0x01000000;
    u32 alet = c.a(a1);
    if (alet <= 1) {
        c.cc(alet == 0 ? 0 : 3);
        return;
    }
    try {
        (void)c.translate_alet(alet, static_cast<u16>(c.w(r2) >> 16));
    } catch (const ProgramInterruption& interruption) {
        if (interruption.code == ProgramCode::addressing)
            throw;
        c.cc(3);
        return;
    }
    c.cc(alet & primary_list_bit ? 2 : 1);
};

/// Access-register translation looks at its tables each time, so nothing is held back to purge.
constexpr auto palb = [](Cpu&) { serialize(); };

constexpr Row rows[] = {
    insn("EPAR", 0xB226, RRE_1, base, problem, epar, "1 | -> pgm=13"),
    insn("ESAR", 0xB227, RRE_1, base, problem, esar, "1 | -> pgm=13"),
    insn("EPAIR", 0xB99A, RRE_1, Facility::asn_and_lx_reuse, problem, epair, "1 | -> pgm=13"),
    insn("ESAIR", 0xB99B, RRE_1, Facility::asn_and_lx_reuse, problem, esair, "1 | -> pgm=13"),
    insn("SSAR", 0xB225, RRE_1, base, context, ssar, "1 | -> pgm=13"),
    insn("SSAIR", 0xB99F, RRE_1, Facility::asn_and_lx_reuse, context, ssair, "1 | -> pgm=13"),
    insn("PT", 0xB228, RRE, base, context, pt, "1,2 | -> pgm=13"),
    insn("PTI", 0xB99E, RRE, Facility::asn_and_lx_reuse, context, pti, "1,2 | -> pgm=13"),
    insn("LASP", 0xE500, SSE, base, privileged | context, lasp, "0(1),0(0) | -> pgm=13", "4(1),0(0) | r1=100 c14=80000 -> pgm=6",
        "0(1),0(0) | r1=100 c14=80000 m100=1234000100020001 c4=1 c1=4000 -> c3=12340001 c4=1 c7=4000 cc=0",
        // ASN 1: first-table entry 0 at 3000 is invalid.
        "0(1),0(0) | r1=100 c14=80003 m100=1234000100020001 m3000=80000000 cc=0 -> cc=1"),
    insn("TAR", 0xB24C, RRE_AR, base, problem, tar, "1,2 | a1=0 cc=3 -> cc=0", "1,2 | a1=1 -> cc=3", "1,2 | a1=2000000 -> cc=3"),
    insn("PALB", 0xB248, S_0, base, privileged, palb, "| ->"),
};

} // namespace

extern constexpr Group control_asn { rows };

} // namespace zvisor::isa
