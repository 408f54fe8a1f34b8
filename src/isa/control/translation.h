#pragma once

#include "isa/control/control.h"

#include <expected>

/// Translation without an access: what LRA and its kin look at (PoP ch. 3 and 10).
namespace zvisor::isa {

using Translated = std::expected<Translation, TranslationFault>;

[[nodiscard]] inline Translated translate_in(Cpu& c, Asce asce, u64 address)
{
    if (asce.real_space())
        return Translation { .address = address };
    return translate(c.storage(), asce, c.dat_features(), address);
}

/// True for what access-register translation raises besides addressing.
[[nodiscard]] constexpr bool is_access_register_exception(ProgramCode code)
{
    return code >= ProgramCode::alet_specification && code <= ProgramCode::extended_authority;
}

/// True for what the translation of an address raises when an entry is invalid or out of its table.
[[nodiscard]] constexpr bool is_translation_exception(ProgramCode code)
{
    return code == ProgramCode::segment_translation || code == ProgramCode::page_translation
        || (code >= ProgramCode::asce_type && code <= ProgramCode::region_third_translation);
}

/// Translates an operand under the PSW's address-space control; DAT need not be on. Exceptions of access-register
/// translation come as faults too.
[[nodiscard]] inline Translated translate_operand(Cpu& c, Address a)
{
    Asce asce;
    try {
        asce = c.operand_asce(c.psw_fields().space(), a.base);
    } catch (const ProgramInterruption& interruption) {
        if (!is_access_register_exception(interruption.code))
            throw;
        return std::unexpected(TranslationFault { .code = interruption.code });
    }
    return translate_in(c, asce, a.at);
}

[[noreturn]] inline void raise_fault(Cpu& c, const TranslationFault& fault, Address a)
{
    u64 identification = (a.at & page_mask) | static_cast<u64>(c.psw_fields().space());
    throw ProgramInterruption { .code = fault.code, .translation_exception = identification, .access_id = static_cast<u8>(a.base & 0xf) };
}

/// Absolute address of a translation; raises addressing when it is not in the configuration.
[[nodiscard]] inline u64 absolute_of(Cpu& c, const Translation& translation)
{
    if (!translation.large)
        return available_real(c, translation.address);
    if (!c.storage().contains(translation.address))
        c.program(ProgramCode::addressing);
    return translation.address;
}

} // namespace zvisor::isa
