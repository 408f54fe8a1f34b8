#pragma once

#include "base/types.h"

#include <bitset>
#include <utility>

namespace zvisor {

/// Facilities by their bit in the list STFLE stores (PoP ch. 4, "Facility Indications").
enum class Facility : u16 {
    n3 = 0,
    zarch_installed = 1,
    zarch_active = 2,
    dat_enhancement_1 = 3,
    idte_segment_clearing = 4,
    idte_region_clearing = 5,
    asn_and_lx_reuse = 6,
    store_facility_list_extended = 7,
    edat_1 = 8,
    sense_running_status = 9,
    conditional_sske = 10,
    configuration_topology = 11,
    ap_query_configuration = 12,
    ipte_range = 13,
    nonquiescing_key_setting = 14,
    ap_facilities_test = 15,
    extended_translation_2 = 16,
    message_security_assist = 17,
    long_displacement = 18,
    long_displacement_high_performance = 19,
    hfp_multiply_add_subtract = 20,
    extended_immediate = 21,
    extended_translation_3 = 22,
    hfp_unnormalized_extensions = 23,
    etf2_enhancement = 24,
    store_clock_fast = 25,
    parsing_enhancement = 26,
    move_with_optional_specifications = 27,
    tod_clock_steering = 28,
    etf3_enhancement = 30,
    extract_cpu_time = 31,
    compare_and_swap_and_store = 32,
    compare_and_swap_and_store_2 = 33,
    general_instructions_extension = 34,
    execute_extensions = 35,
    enhanced_monitor = 36,
    floating_point_extension = 37,
    order_preserving_compression = 38,
    set_program_parameters = 40,
    floating_point_support_enhancements = 41,
    decimal_floating_point = 42,
    decimal_floating_point_high_performance = 43,
    perform_floating_point_operation = 44,
    /// Distinct operands, fast BCR serialization, high word, interlocked access 1, load/store on condition 1, population count.
    distinct_operands = 45,
    cmpsc_enhancement = 47,
    decimal_floating_point_zoned_conversion = 48,
    /// Execution hint, load and trap, miscellaneous instruction extensions 1, processor assist.
    execution_hint = 49,
    constrained_transactional_execution = 50,
    local_tlb_clearing = 51,
    interlocked_access_2 = 52,
    load_store_on_condition_2 = 53,
    entropy_encoding_compression = 54,
    message_security_assist_5 = 57,
    miscellaneous_instruction_extensions_2 = 58,
    semaphore_assist = 59,
    time_slice_instrumentation = 60,
    miscellaneous_instruction_extensions_3 = 61,
    runtime_instrumentation = 64,
    ap_queue_interruption_control = 65,
    reset_reference_bits_multiple = 66,
    cpu_measurement_counter = 67,
    cpu_measurement_sampling = 68,
    pci = 69,
    adapter_event_notification = 71,
    adapter_interruption_suppression = 72,
    transactional_execution = 73,
    store_hypervisor_information = 74,
    access_exception_fetch_store_indication = 75,
    message_security_assist_3 = 76,
    message_security_assist_4 = 77,
    edat_2 = 78,
    decimal_floating_point_packed_conversion = 80,
    ppa_in_order = 81,
    branch_prediction_blocking = 82,
    miscellaneous_instruction_extensions_4 = 84,
    vector = 129,
    instruction_execution_protection = 130,
    side_effect_access = 131,
    guarded_storage = 133,
    vector_packed_decimal = 134,
    vector_enhancements_1 = 135,
    configuration_zarch_mode = 138,
    multiple_epoch = 139,
    test_pending_external_interruption = 144,
    insert_reference_bits_multiple = 145,
    message_security_assist_8 = 146,
    collaborative_memory_no_translate = 147,
    vector_enhancements_2 = 148,
    move_page_and_set_key = 149,
    enhanced_sort = 150,
    deflate_conversion = 151,
    vector_packed_decimal_enhancement_1 = 152,
    message_security_assist_9 = 155,
    etoken = 156,
    neural_network_processing_assist = 165,
    storage_key_removal = 169,
    vector_packed_decimal_enhancement_2 = 192,
    bear_enhancement = 193,
    reset_dat_protection = 194,
    processor_activity_instrumentation = 196,
    processor_activity_instrumentation_1 = 197,
    vector_enhancements_3 = 198,
    vector_packed_decimal_enhancement_3 = 199,
};

/// The facilities one configuration offers.
class FacilitySet {
public:
    static constexpr unsigned size = 256;

    [[nodiscard]] bool has(Facility facility) const { return m_bits[std::to_underlying(facility)]; }
    void set(Facility facility, bool on = true) { m_bits[std::to_underlying(facility)] = on; }
    [[nodiscard]] bool has_bit(unsigned bit) const { return m_bits[bit]; }

    /// Doubleword `index` of the list as STFLE stores it: facility 64*index is the leftmost bit.
    [[nodiscard]] u64 doubleword(unsigned index) const
    {
        u64 word = 0;
        for (unsigned bit = 0; bit < 64; ++bit)
            word = word << 1 | u64 { m_bits[index * 64 + bit] };
        return word;
    }

    friend FacilitySet operator&(FacilitySet a, const FacilitySet& b)
    {
        a.m_bits &= b.m_bits;
        return a;
    }
    friend bool operator==(const FacilitySet&, const FacilitySet&) = default;

private:
    std::bitset<size> m_bits;
};

} // namespace zvisor
