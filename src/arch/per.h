#pragma once

#include "base/bits.h"

namespace zvisor::per {

// Event masks and controls in CR9 (PoP ch. 4, "Program-Event Recording").
inline constexpr u64 branching = bit_mask<32>;
inline constexpr u64 instruction_fetching = bit_mask<33>;
inline constexpr u64 storage_alteration = bit_mask<34>;
inline constexpr u64 store_using_real_address = bit_mask<36>;
inline constexpr u64 nullification = bit_mask<39>;
inline constexpr u64 branch_address_control = bit_mask<40>;
inline constexpr u64 storage_alteration_space = bit_mask<42>;

/// PER code at real location 150: the event masks' places in one byte.
[[nodiscard]] constexpr u8 code_of(u64 events)
{
    return static_cast<u8>(bits<32, 39>(events));
}

} // namespace zvisor::per
