#pragma once

#include "base/bits.h"

namespace zvisor::cr0 {

// Control register 0 (PoP ch. 4, "Control Registers").
inline constexpr u64 transactional_execution = bit_mask<8>;
inline constexpr u64 clock_comparator_sign = bit_mask<10>;
inline constexpr u64 warning_track = bit_mask<30>;
inline constexpr u64 ssm_suppression = bit_mask<33>;
inline constexpr u64 tod_sync = bit_mask<34>;
inline constexpr u64 low_address_protection = bit_mask<35>;
inline constexpr u64 extraction_authority = bit_mask<36>;
inline constexpr u64 secondary_space = bit_mask<37>;
inline constexpr u64 fetch_protection_override = bit_mask<38>;
inline constexpr u64 storage_protection_override = bit_mask<39>;
inline constexpr u64 edat = bit_mask<40>;
inline constexpr u64 instruction_execution_protection = bit_mask<43>;
inline constexpr u64 asn_and_lx_reuse = bit_mask<44>;
inline constexpr u64 afp_register = bit_mask<45>;
inline constexpr u64 vector = bit_mask<46>;
inline constexpr u64 malfunction_alert = bit_mask<48>;
inline constexpr u64 emergency_signal = bit_mask<49>;
inline constexpr u64 external_call = bit_mask<50>;
inline constexpr u64 clock_comparator = bit_mask<52>;
inline constexpr u64 cpu_timer = bit_mask<53>;
inline constexpr u64 service_signal = bit_mask<54>;
inline constexpr u64 interrupt_key = bit_mask<57>;

} // namespace zvisor::cr0

namespace zvisor::cr14 {
inline constexpr u64 channel_report = bit_mask<35>;
inline constexpr u64 warning = bit_mask<39>;
} // namespace zvisor::cr14
