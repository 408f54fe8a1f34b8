#pragma once

#include "arch/interruption.h"
#include "arch/psw.h"
#include "base/bits.h"
#include "storage/absolute_storage.h"

#include <expected>

namespace zvisor {

enum class Access : u8 { fetch, store, instruction };

/// Address-space-control element (PoP ch. 3, "Dynamic Address Translation").
struct Asce {
    u64 value { 0 };

    [[nodiscard]] u64 origin() const { return value & bit_mask<0, 51>; }
    [[nodiscard]] bool private_space() const { return bits<55>(value); }
    [[nodiscard]] bool storage_alteration_event() const { return bits<56>(value); }
    [[nodiscard]] bool space_switch_event() const { return bits<57>(value); }
    [[nodiscard]] bool real_space() const { return bits<58>(value); }
    [[nodiscard]] unsigned designation_type() const { return static_cast<unsigned>(bits<60, 61>(value)); }
    [[nodiscard]] unsigned table_length() const { return static_cast<unsigned>(bits<62, 63>(value)); }
};

/// What of the machine's set-up changes how a table is read.
struct DatFeatures {
    bool edat_1 { false };
    bool edat_2 { false };
    bool instruction_execution_protection { false };
};

/// A successful walk. `address` is real for a 4 KiB page and absolute for a larger frame.
struct Translation {
    u64 address { 0 };
    /// DAT protection found in any level of the walk.
    bool protect { false };
    bool execution_protect { false };
    /// The frame is 1 MiB or 2 GiB, so that prefixing does not apply.
    bool large { false };
    /// The frame's own access-control bits and fetch protection replace the storage key (ACC validity).
    bool has_access_control { false };
    u8 access_control { 0 };
    bool fetch_protect { false };
    /// The segment is common to address spaces.
    bool common_segment { false };
    /// Where the last-level entry was found (for LRA).
    u64 entry_address { 0 };
};

/// Why a walk failed; LRA and MVCOS look at it, an access raises it.
struct TranslationFault {
    ProgramCode code {};
    /// Absolute address of the entry that was invalid (for LRA's condition codes 1 and 2).
    u64 entry_address { 0 };
    /// The table was shorter than the index (LRA's condition code 3).
    bool length { false };
};

/// Walks the tables an ASCE designates (PoP ch. 3, "Translation Process"). `asce` must not be a real-space designation.
[[nodiscard]] std::expected<Translation, TranslationFault> translate(
    const AbsoluteStorage& storage, Asce asce, DatFeatures features, u64 virtual_address);

} // namespace zvisor
