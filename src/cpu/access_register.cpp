// Access-register translation: from an access-list-entry token to an address space (PoP ch. 5, "Access-Register Translation").

#include "cpu/cpu.h"

#include "base/big_endian.h"

namespace zvisor {

namespace {

constexpr u32 reserved_alet_bits = 0xfe000000;
constexpr u32 primary_list_bit = 0x01000000;

} // namespace

/// A table in real storage; raises addressing when it is not in the configuration.
const u8* Cpu::table_entry(u64 real, u64 length)
{
    u64 where = real_to_absolute(real);
    if (!m_group_storage->contains(where, length))
        program(ProgramCode::addressing);
    return m_host + where;
}

bool Cpu::is_authorized(u64 aste, u16 authorization_index, u8 authority)
{
    const u8* entry = table_entry(aste, 8);
    u32 origin = load_be<u32>(entry) & 0x7ffffffc;
    u32 length = load_be<u32>(entry + 4) & 0xfff0;
    if ((authorization_index & 0xfff0u) > length)
        return false;
    u8 four = *table_entry((origin + authorization_index / 4u) & 0x7fffffff, 1);
    return (four << (authorization_index % 4 * 2)) & authority;
}

u64 Cpu::translate_alet(u32 alet, std::optional<u16> authorization_index)
{
    if (alet & reserved_alet_bits)
        program(ProgramCode::alet_specification);
    // The list is named by the dispatchable-unit control table (CR2) or the primary ASTE (CR5), real addresses.
    u64 control = (alet & primary_list_bit ? cr[5] : cr[2]) & 0x7fffffc0;
    u32 designation = load_be<u32>(table_entry(control + 16, 4));
    u32 entry_number = alet & 0xffff;
    if (entry_number >> 3 > (designation & 0x7f))
        program(ProgramCode::alen_translation);
    const u8* entry = table_entry((designation & 0x7fffff80) + entry_number * 16, 16);
    u32 word_0 = load_be<u32>(entry);
    if (word_0 & 0x80000000)
        program(ProgramCode::alen_translation);
    if ((alet >> 16 & 0xff) != (word_0 >> 16 & 0xff))
        program(ProgramCode::ale_sequence);
    u64 aste = load_be<u32>(entry + 8) & 0x7fffffc0;
    if (load_be<u32>(table_entry(aste, 24)) & 0x80000000)
        program(ProgramCode::aste_validity);
    if (load_be<u32>(table_entry(aste + 20, 4)) != load_be<u32>(entry + 12))
        program(ProgramCode::aste_sequence);
    bool is_private = word_0 & 0x01000000;
    if (is_private && authorization_index && *authorization_index != (word_0 & 0xffff)
        && !is_authorized(aste, *authorization_index, secondary_authority))
        program(ProgramCode::extended_authority);
    return aste;
}

Asce Cpu::access_list_space(u32 alet)
{
    return { load_be<u64>(table_entry(translate_alet(alet, static_cast<u16>(cr[8] >> 16)) + 8, 8)) };
}

} // namespace zvisor
