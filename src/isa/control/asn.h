#pragma once

#include "base/verify.h"
#include "isa/control/control.h"

#include <array>
#include <expected>

/// Address-space numbers and what the tables behind them say (PoP ch. 3, "ASN Translation"; ch. 5, "Subspace-Group Facility").
namespace zvisor::isa {

// Exceptions of the ASN-and-LX-reuse facility and of tracing.
inline constexpr ProgramCode trace_table_exception = ProgramCode::trace_table;
inline constexpr ProgramCode lfx_translation = ProgramCode::lfx_translation;
inline constexpr ProgramCode lsx_translation = ProgramCode::lsx_translation;
inline constexpr ProgramCode lste_sequence = ProgramCode::lste_sequence;
inline constexpr ProgramCode aste_instance = ProgramCode::aste_instance;

/// The address-space part of control registers 1, 3, 4, 5 and 7.
namespace asce_bit {
inline constexpr u64 subspace_group = bit_mask<54>;
inline constexpr u64 storage_alteration_event = bit_mask<56>;
inline constexpr u64 space_switch_event = bit_mask<57>;
} // namespace asce_bit

[[nodiscard]] inline bool reuse_enabled(const Cpu& c)
{
    return (c.cr[0] & cr0::asn_and_lx_reuse) && c.has(Facility::asn_and_lx_reuse);
}

[[nodiscard]] inline u16 primary_asn(const Cpu& c)
{
    return static_cast<u16>(c.cr[4]);
}

/// ASN-translation control: CR14 bit 44.
inline void require_asn_translation(Cpu& c)
{
    if (!(c.cr[14] & bit_mask<44>))
        c.program(ProgramCode::special_operation);
}

/// ASN-second-table entry, read once.
struct Aste {
    u32 origin { 0 };
    std::array<Be<u32>, 16> word {};

    [[nodiscard]] bool invalid() const { return word[0] & 0x80000000; }
    [[nodiscard]] bool base_space() const { return word[0] & 1; }
    [[nodiscard]] u16 authorization_index() const { return static_cast<u16>(word[1] >> 16); }
    [[nodiscard]] bool controlled() const { return word[1] & 2; }
    [[nodiscard]] bool reusable() const { return word[1] & 1; }
    [[nodiscard]] u64 asce() const { return u64 { word[2] } << 32 | word[3]; }
    [[nodiscard]] u32 sequence() const { return word[5]; }
    [[nodiscard]] u32 linkage() const { return word[6]; }
    [[nodiscard]] u32 instance() const { return word[11]; }
};

constexpr u32 aste_origin_field = 0x7fffffc0;

/// A word or block of a table at a real address.
template<class T>
[[nodiscard]] T read_real(Cpu& c, u64 real)
{
    auto value = c.storage().read_as<T>(available_real(c, real & 0x7fffffff, sizeof(T)));
    VERIFY(value);
    return *value;
}

[[nodiscard]] inline Aste read_aste(Cpu& c, u32 origin)
{
    Aste aste { .origin = origin & aste_origin_field };
    aste.word = read_real<decltype(aste.word)>(c, aste.origin);
    return aste;
}

/// Finds the ASTE of an ASN; a fault is AFX or ASX translation.
[[nodiscard]] inline std::expected<Aste, ProgramCode> translate_asn(Cpu& c, u16 asn)
{
    u64 first_table = bits<45, 63>(c.cr[14]) << 12;
    u32 first = read_real<Be<u32>>(c, first_table + (asn >> 6) * 4u);
    if (first & 0x80000000)
        return std::unexpected(ProgramCode::afx_translation);
    Aste aste = read_aste(c, (first & aste_origin_field) + (asn & 0x3f) * 64u);
    if (aste.invalid())
        return std::unexpected(ProgramCode::asx_translation);
    return aste;
}

/// A program interruption whose identification is an ASN or a PC number.
[[noreturn]] inline void program_with_number(ProgramCode code, u32 number)
{
    throw ProgramInterruption { .code = code, .translation_exception = number };
}

[[nodiscard]] inline Aste require_asn(Cpu& c, u16 asn)
{
    auto aste = translate_asn(c, asn);
    if (!aste)
        program_with_number(aste.error(), asn);
    return *aste;
}

/// The instance number of an ASTE must be the one expected; `during` is the exception access identification.
inline void require_instance(const Aste& aste, u32 instance, bool secondary)
{
    if (aste.instance() != instance)
        throw ProgramInterruption { .code = aste_instance, .access_id = static_cast<u8>(secondary ? 0x10 : 0x20) };
}

// ---- Dispatchable-unit control table -----------------------------------------------------------------------

struct Duct {
    static constexpr u64 size = 64;
    static constexpr u32 subspace_active = 0x80000000;

    u64 origin { 0 };
    std::array<Be<u32>, 16> word {};

    [[nodiscard]] u32 base_aste() const { return word[0] & aste_origin_field; }
    [[nodiscard]] bool is_subspace_active() const { return word[1] & subspace_active; }
    [[nodiscard]] u32 subspace_aste() const { return word[1] & aste_origin_field; }
    [[nodiscard]] u32 subspace_sequence() const { return word[3]; }
};

[[nodiscard]] inline Duct read_duct(Cpu& c)
{
    Duct duct { .origin = c.cr[2] & aste_origin_field };
    duct.word = read_real<decltype(duct.word)>(c, duct.origin);
    return duct;
}

/// Replaces the event bits of a subspace's ASCE by those the register has.
[[nodiscard]] inline u64 keep_events(u64 asce, u64 events_of)
{
    constexpr u64 events = asce_bit::storage_alteration_event | asce_bit::space_switch_event;
    return (asce & ~events) | (events_of & events);
}

/// Subspace replacement: the ASCE to use for an ASTE, that of the dispatchable unit's subspace when one is active.
/// Faults: ASTE validity and ASTE sequence.
[[nodiscard]] inline std::expected<u64, ProgramCode> replace_subspace(Cpu& c, const Aste& aste)
{
    u64 asce = aste.asce();
    if (!(asce & asce_bit::subspace_group))
        return asce;
    Duct duct = read_duct(c);
    if (!duct.is_subspace_active() || duct.base_aste() != aste.origin)
        return asce;
    Aste subspace = read_aste(c, duct.subspace_aste());
    if (subspace.invalid())
        return std::unexpected(ProgramCode::aste_validity);
    if (subspace.sequence() != duct.subspace_sequence())
        return std::unexpected(ProgramCode::aste_sequence);
    return keep_events(subspace.asce(), asce);
}

[[nodiscard]] inline u64 require_asce(Cpu& c, const Aste& aste)
{
    auto asce = replace_subspace(c, aste);
    if (!asce)
        c.program(asce.error());
    return *asce;
}

// ---- Completion of a space switch --------------------------------------------------------------------------

/// After an instruction that switched the primary space is complete: the space-switch event, with `next` already set.
/// `old_asce` and `old_asn` are what the primary space was.
inline void space_switch_event(Cpu& c, u64 old_asce, u16 old_asn)
{
    if (!((old_asce | c.cr[1]) & asce_bit::space_switch_event))
        return;
    u64 identification = old_asn | (old_asce & asce_bit::space_switch_event ? bit_mask<32> : 0);
    u8 length = c.op->length;
    c.take_program_interruption(
        { .code = ProgramCode::space_switch_event, .translation_exception = identification }, c.next - length, length);
}

/// Branches as an instruction that names a new addressing mode and problem state does.
inline void enter_program(Cpu& c, u64 address, unsigned addressing_mode, bool problem_state)
{
    c.breaking_event = c.op->address;
    Psw psw = c.psw();
    psw.mask = with_bits<15>(psw.mask, problem_state);
    psw.mask = with_bits<31>(psw.mask, addressing_mode == 64);
    psw.mask = with_bits<32>(psw.mask, addressing_mode >= 31);
    psw.address = address;
    c.load_psw(psw);
}

} // namespace zvisor::isa
