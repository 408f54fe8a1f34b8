#pragma once

#include "base/types.h"

namespace zvisor::lowcore {

// Assigned storage locations, real addresses (PoP ch. 3, "Assigned Storage Locations").
inline constexpr u64 external_parameter = 0x80;
inline constexpr u64 external_cpu_address = 0x84;
inline constexpr u64 external_code = 0x86;
inline constexpr u64 svc_length = 0x88;
inline constexpr u64 svc_code = 0x8a;
inline constexpr u64 program_length = 0x8c;
inline constexpr u64 program_code = 0x8e;
inline constexpr u64 data_exception_code = 0x90;
inline constexpr u64 monitor_class = 0x94;
inline constexpr u64 per_code = 0x96;
inline constexpr u64 per_address = 0x98;
inline constexpr u64 exception_access_id = 0xa0;
inline constexpr u64 per_access_id = 0xa1;
inline constexpr u64 translation_exception = 0xa8;
inline constexpr u64 monitor_code = 0xb0;
inline constexpr u64 subsystem_id = 0xb8;
inline constexpr u64 io_parameter = 0xbc;
inline constexpr u64 io_identification = 0xc0;
inline constexpr u64 stfl_list = 0xc8;
inline constexpr u64 machine_check_code = 0xe8;
inline constexpr u64 external_damage_code = 0xf4;
inline constexpr u64 failing_storage_address = 0xf8;
inline constexpr u64 breaking_event_address = 0x110;
inline constexpr u64 restart_old_psw = 0x120;
inline constexpr u64 external_old_psw = 0x130;
inline constexpr u64 svc_old_psw = 0x140;
inline constexpr u64 program_old_psw = 0x150;
inline constexpr u64 machine_check_old_psw = 0x160;
inline constexpr u64 io_old_psw = 0x170;
inline constexpr u64 restart_new_psw = 0x1a0;
inline constexpr u64 external_new_psw = 0x1b0;
inline constexpr u64 svc_new_psw = 0x1c0;
inline constexpr u64 program_new_psw = 0x1d0;
inline constexpr u64 machine_check_new_psw = 0x1e0;
inline constexpr u64 io_new_psw = 0x1f0;
inline constexpr u64 external_parameter_64 = 0x11b8;
inline constexpr u64 machine_check_extended_save_area = 0x11b0;
/// Where store status and a machine check place the registers, relative to the prefix area.
inline constexpr u64 save_area = 0x1200;

/// Offsets within the 512-byte register save area.
namespace save {
inline constexpr u64 floating_point = 0x000;
inline constexpr u64 general = 0x080;
inline constexpr u64 psw = 0x100;
inline constexpr u64 prefix = 0x118;
inline constexpr u64 fpc = 0x11c;
inline constexpr u64 tod_programmable = 0x124;
inline constexpr u64 cpu_timer = 0x128;
inline constexpr u64 clock_comparator = 0x131;
inline constexpr u64 access = 0x140;
inline constexpr u64 control = 0x180;
} // namespace save

} // namespace zvisor::lowcore
