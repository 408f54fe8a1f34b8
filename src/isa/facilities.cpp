#include "isa/facilities.h"

namespace zvisor::isa {

namespace {

constexpr Facility implemented[] = {
    Facility::n3,
    Facility::zarch_installed,
    Facility::zarch_active,
    Facility::dat_enhancement_1,
    Facility::idte_segment_clearing,
    Facility::idte_region_clearing,
    Facility::store_facility_list_extended,
    Facility::edat_1,
    Facility::sense_running_status,
    Facility::conditional_sske,
    Facility::configuration_topology,
    Facility::ipte_range,
    Facility::nonquiescing_key_setting,
    Facility::long_displacement,
    Facility::long_displacement_high_performance,
    Facility::extended_immediate,
    Facility::store_clock_fast,
    Facility::extract_cpu_time,
    Facility::compare_and_swap_and_store,
    Facility::compare_and_swap_and_store_2,
    Facility::general_instructions_extension,
    Facility::execute_extensions,
    Facility::floating_point_extension,
    Facility::set_program_parameters,
    Facility::floating_point_support_enhancements,
    Facility::distinct_operands,
    Facility::execution_hint,
    Facility::local_tlb_clearing,
    Facility::interlocked_access_2,
    Facility::load_store_on_condition_2,
    Facility::miscellaneous_instruction_extensions_2,
    Facility::miscellaneous_instruction_extensions_3,
    Facility::store_hypervisor_information,
    Facility::access_exception_fetch_store_indication,
    Facility::edat_2,
    Facility::instruction_execution_protection,
    Facility::side_effect_access,
    Facility::configuration_zarch_mode,
    Facility::move_with_optional_specifications,
    Facility::extended_translation_2,
    Facility::extended_translation_3,
    Facility::etf2_enhancement,
    Facility::parsing_enhancement,
    Facility::etf3_enhancement,
    Facility::tod_clock_steering,
    Facility::reset_reference_bits_multiple,
    Facility::insert_reference_bits_multiple,
    Facility::message_security_assist,
    Facility::message_security_assist_5,
    Facility::hfp_multiply_add_subtract,
    Facility::hfp_unnormalized_extensions,
    Facility::decimal_floating_point,
    Facility::decimal_floating_point_high_performance,
    Facility::perform_floating_point_operation,
    Facility::decimal_floating_point_zoned_conversion,
    Facility::decimal_floating_point_packed_conversion,
    Facility::vector,
    Facility::vector_enhancements_1,
    Facility::vector_enhancements_2,
    Facility::vector_packed_decimal,
    Facility::vector_packed_decimal_enhancement_1,
};

} // namespace

FacilitySet implemented_facilities()
{
    FacilitySet set;
    for (Facility facility : implemented)
        set.set(facility);
    return set;
}

} // namespace zvisor::isa
