#include "storage/dat.h"

#include "base/big_endian.h"

#include <array>
#include <optional>

namespace zvisor {

namespace {

/// One level of the walk: which address bits index it and what its exception is.
struct Level {
    unsigned index_shift;
    ProgramCode exception;
};

/// Indexed by designation type or table type: 3 region-first … 1 region-third, 0 segment.
constexpr std::array<Level, 4> levels { {
    { 20, ProgramCode::segment_translation },
    { 31, ProgramCode::region_third_translation },
    { 42, ProgramCode::region_second_translation },
    { 53, ProgramCode::region_first_translation },
} };

constexpr u64 entry_invalid = bit_mask<58>;
constexpr u64 format_control = bit_mask<53>;
constexpr u64 entry_protect = bit_mask<54>;
constexpr u64 entry_execution_protect = bit_mask<55>;
constexpr u64 access_control_valid = bit_mask<47>;
constexpr u64 common_segment_bit = bit_mask<59>;
constexpr u64 page_invalid = bit_mask<53>;
constexpr u64 page_must_be_zero = bit_mask<52>;

class Walk {
public:
    Walk(const AbsoluteStorage& storage, Asce asce, DatFeatures features, u64 address)
        : m_storage(storage)
        , m_asce(asce)
        , m_features(features)
        , m_address(address)
    {
    }

    std::expected<Translation, TranslationFault> run()
    {
        unsigned type = m_asce.designation_type();
        if (type != 3 && (m_address >> (levels[type].index_shift + 11)) != 0)
            return std::unexpected(TranslationFault { ProgramCode::asce_type, 0, true });
        u64 table = m_asce.origin();
        unsigned first = 0;
        unsigned last = m_asce.table_length();
        for (;; --type) {
            auto entry = fetch_entry(type, table, first, last);
            if (!entry)
                return std::unexpected(entry.error());
            if (is_large_frame(type, *entry))
                return large_frame(type, *entry);
            if (m_features.edat_1 && (*entry & entry_protect))
                m_result.protect = true;
            if (type == 0)
                return page(*entry);
            table = *entry & bit_mask<0, 51>;
            first = static_cast<unsigned>(bits<56, 57>(*entry));
            last = static_cast<unsigned>(bits<62, 63>(*entry));
        }
    }

private:
    using Entry = std::expected<u64, TranslationFault>;

    Entry load(u64 address)
    {
        m_result.entry_address = address;
        if (!m_storage.contains(address, 8))
            return std::unexpected(TranslationFault { ProgramCode::addressing, address });
        return load_be<u64>(m_storage.host() + address);
    }

    Entry fetch_entry(unsigned type, u64 table, unsigned first, unsigned last)
    {
        u64 index = (m_address >> levels[type].index_shift) & 0x7ff;
        u64 address = table + index * 8;
        if (index >> 9 < first || index >> 9 > last)
            return std::unexpected(TranslationFault { levels[type].exception, address, true });
        auto entry = load(address);
        if (!entry)
            return entry;
        if (*entry & entry_invalid)
            return std::unexpected(TranslationFault { levels[type].exception, address });
        bool common = type == 0 && (*entry & common_segment_bit);
        if (bits<60, 61>(*entry) != type || (common && m_asce.private_space()))
            return std::unexpected(TranslationFault { ProgramCode::translation_specification, address });
        m_result.common_segment = common;
        return entry;
    }

    [[nodiscard]] bool is_large_frame(unsigned type, u64 entry) const
    {
        bool allowed = (type == 0 && m_features.edat_1) || (type == 1 && m_features.edat_2);
        return allowed && (entry & format_control);
    }

    Translation large_frame(unsigned type, u64 entry)
    {
        u64 offset_mask = (u64 { 1 } << levels[type].index_shift) - 1;
        m_result.address = (entry & ~offset_mask) | (m_address & offset_mask);
        m_result.large = true;
        m_result.protect |= (entry & entry_protect) != 0;
        m_result.execution_protect = m_features.instruction_execution_protection && (entry & entry_execution_protect);
        m_result.has_access_control = entry & access_control_valid;
        m_result.access_control = static_cast<u8>(bits<48, 51>(entry));
        m_result.fetch_protect = bits<52>(entry);
        return m_result;
    }

    std::expected<Translation, TranslationFault> page(u64 segment)
    {
        if (segment & entry_protect)
            m_result.protect = true;
        u64 address = (segment & bit_mask<0, 52>)+bits<44, 51>(m_address) * 8;
        auto entry = load(address);
        if (!entry)
            return std::unexpected(entry.error());
        if (*entry & page_invalid)
            return std::unexpected(TranslationFault { ProgramCode::page_translation, address });
        if (*entry & page_must_be_zero)
            return std::unexpected(TranslationFault { ProgramCode::translation_specification, address });
        m_result.address = (*entry & page_mask) | (m_address & ~page_mask);
        m_result.protect |= (*entry & entry_protect) != 0;
        m_result.execution_protect = m_features.instruction_execution_protection && (*entry & entry_execution_protect);
        return m_result;
    }

    const AbsoluteStorage& m_storage;
    Asce m_asce;
    DatFeatures m_features;
    u64 m_address;
    Translation m_result;
};

} // namespace

std::expected<Translation, TranslationFault> translate(const AbsoluteStorage& storage, Asce asce, DatFeatures features, u64 virtual_address)
{
    return Walk(storage, asce, features, virtual_address).run();
}

} // namespace zvisor
