#pragma once

#include "base/types.h"

namespace zvisor {

/// Program-interruption codes (PoP ch. 6, "Program Interruption").
enum class ProgramCode : u16 {
    operation = 0x01,
    privileged_operation = 0x02,
    execute = 0x03,
    protection = 0x04,
    addressing = 0x05,
    specification = 0x06,
    data = 0x07,
    fixed_point_overflow = 0x08,
    fixed_point_divide = 0x09,
    decimal_overflow = 0x0a,
    decimal_divide = 0x0b,
    hfp_exponent_overflow = 0x0c,
    hfp_exponent_underflow = 0x0d,
    hfp_significance = 0x0e,
    hfp_divide = 0x0f,
    segment_translation = 0x10,
    page_translation = 0x11,
    translation_specification = 0x12,
    special_operation = 0x13,
    operand = 0x15,
    trace_table = 0x16,
    vector_processing = 0x1b,
    space_switch_event = 0x1c,
    hfp_square_root = 0x1d,
    pc_translation_specification = 0x1f,
    afx_translation = 0x20,
    asx_translation = 0x21,
    lx_translation = 0x22,
    ex_translation = 0x23,
    primary_authority = 0x24,
    secondary_authority = 0x25,
    lfx_translation = 0x26,
    lsx_translation = 0x27,
    alet_specification = 0x28,
    alen_translation = 0x29,
    ale_sequence = 0x2a,
    aste_validity = 0x2b,
    aste_sequence = 0x2c,
    extended_authority = 0x2d,
    lste_sequence = 0x2e,
    aste_instance = 0x2f,
    stack_full = 0x30,
    stack_empty = 0x31,
    stack_specification = 0x32,
    stack_type = 0x33,
    stack_operation = 0x34,
    asce_type = 0x38,
    region_first_translation = 0x39,
    region_second_translation = 0x3a,
    region_third_translation = 0x3b,
    monitor_event = 0x40,
    per_event = 0x80,
};

/// True when the instruction that caused it is nullified, so the old PSW designates that instruction;
/// otherwise (suppression, termination, completion) it designates the next one.
[[nodiscard]] constexpr bool nullifies(ProgramCode code)
{
    switch (code) {
    case ProgramCode::segment_translation:
    case ProgramCode::page_translation:
    case ProgramCode::trace_table:
    case ProgramCode::asce_type:
    case ProgramCode::region_first_translation:
    case ProgramCode::region_second_translation:
    case ProgramCode::region_third_translation:
    case ProgramCode::afx_translation:
    case ProgramCode::asx_translation:
    case ProgramCode::lx_translation:
    case ProgramCode::ex_translation:
    case ProgramCode::primary_authority:
    case ProgramCode::secondary_authority:
    case ProgramCode::lfx_translation:
    case ProgramCode::lsx_translation:
    case ProgramCode::alen_translation:
    case ProgramCode::ale_sequence:
    case ProgramCode::aste_validity:
    case ProgramCode::aste_sequence:
    case ProgramCode::extended_authority:
    case ProgramCode::lste_sequence:
    case ProgramCode::aste_instance:
    case ProgramCode::stack_full:
    case ProgramCode::stack_empty:
    case ProgramCode::stack_specification:
    case ProgramCode::stack_type:
    case ProgramCode::stack_operation:
        return true;
    default:
        return false;
    }
}

/// A program interruption being recognized; thrown by instruction semantics, delivered by the CPU.
struct ProgramInterruption {
    ProgramCode code {};
    /// Translation-exception identification (real location 168), for access exceptions.
    u64 translation_exception { 0 };
    /// Exception access identification (real location 160): access register or base register number.
    u8 access_id { 0 };
    /// Data-exception code (DXC) or vector-exception code (VXC), real location 147.
    u8 data_code { 0 };
    /// Monitor-class number and monitor code, for monitor events.
    u8 monitor_class { 0 };
    u64 monitor_code { 0 };
};

/// Data-exception codes (PoP ch. 6, "Data-Exception Code").
enum class DataCode : u8 {
    decimal_operand = 0x00,
    afp_register = 0x01,
    bfp_instruction = 0x02,
    dfp_instruction = 0x03,
    quantum = 0x04,
    simulated_quantum = 0x07,
    inexact_and_truncated = 0x08,
    vector_instruction = 0xfe,
    compare_and_trap = 0xff,
};

/// External-interruption codes (PoP ch. 6, "External Interruption").
enum class ExternalCode : u16 {
    interrupt_key = 0x0040,
    malfunction_alert = 0x1200,
    emergency_signal = 0x1201,
    external_call = 0x1202,
    clock_comparator = 0x1004,
    cpu_timer = 0x1005,
    warning_track = 0x1007,
    timing_alert = 0x1406,
    measurement_alert = 0x1407,
    service_signal = 0x2401,
    virtio = 0x2603,
};

/// An I/O interruption as it is stored in the lowcore (PoP ch. 6, "I/O Interruption").
struct IoInterruption {
    /// Subsystem-identification word; for an adapter interruption 0.
    u32 subsystem_id { 0 };
    u32 parameter { 0 };
    /// Interruption-identification word: bit 0 adapter interruption, bits 2-4 ISC.
    u32 identification { 0 };
};

} // namespace zvisor
