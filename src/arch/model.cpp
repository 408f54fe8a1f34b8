#include "arch/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace zvisor {

namespace {

using F = Facility;

struct Row {
    Facility facility;
    std::string_view name;
    /// First generation whose machines have it.
    unsigned since;
};

// Sources: PoP ch. 4 "Facility Indications"; Linux arch/s390/tools/gen_facilities.c; QEMU's feature lists by generation.
constexpr Row rows[] = {
    { F::n3, "N3 instructions", 7 },
    { F::zarch_installed, "z/Architecture", 7 },
    { F::zarch_active, "z/Architecture active", 7 },
    { F::dat_enhancement_1, "DAT enhancement 1", 8 },
    { F::idte_segment_clearing, "IDTE segment clearing", 9 },
    { F::asn_and_lx_reuse, "ASN-and-LX reuse", 9 },
    { F::store_facility_list_extended, "STFLE", 9 },
    { F::edat_1, "enhanced DAT 1", 10 },
    { F::sense_running_status, "sense running status", 9 },
    { F::conditional_sske, "conditional SSKE", 10 },
    { F::configuration_topology, "configuration topology", 10 },
    { F::ap_query_configuration, "AP query configuration", 12 },
    { F::ipte_range, "IPTE range", 11 },
    { F::nonquiescing_key_setting, "nonquiescing key setting", 11 },
    { F::ap_facilities_test, "AP facilities test", 12 },
    { F::extended_translation_2, "extended translation 2", 7 },
    { F::message_security_assist, "message-security assist", 8 },
    { F::long_displacement, "long displacement", 8 },
    { F::long_displacement_high_performance, "fast long displacement", 8 },
    { F::hfp_multiply_add_subtract, "HFP multiply-and-add/subtract", 8 },
    { F::extended_immediate, "extended immediate", 9 },
    { F::extended_translation_3, "extended translation 3", 9 },
    { F::hfp_unnormalized_extensions, "HFP unnormalized extensions", 9 },
    { F::etf2_enhancement, "ETF2 enhancement", 9 },
    { F::store_clock_fast, "store clock fast", 9 },
    { F::parsing_enhancement, "parsing enhancement", 10 },
    { F::move_with_optional_specifications, "move with optional specifications", 9 },
    { F::tod_clock_steering, "TOD-clock steering", 9 },
    { F::etf3_enhancement, "ETF3 enhancement", 9 },
    { F::extract_cpu_time, "extract CPU time", 9 },
    { F::compare_and_swap_and_store, "compare and swap and store", 9 },
    { F::compare_and_swap_and_store_2, "compare and swap and store 2", 10 },
    { F::general_instructions_extension, "general-instructions extension", 10 },
    { F::execute_extensions, "execute extensions", 10 },
    { F::enhanced_monitor, "enhanced monitor", 11 },
    { F::floating_point_extension, "floating-point extension", 11 },
    { F::order_preserving_compression, "order-preserving compression", 14 },
    { F::set_program_parameters, "set program parameters", 10 },
    { F::floating_point_support_enhancements, "floating-point-support enhancements", 9 },
    { F::decimal_floating_point, "decimal floating point", 9 },
    { F::decimal_floating_point_high_performance, "fast decimal floating point", 10 },
    { F::perform_floating_point_operation, "PFPO", 9 },
    { F::distinct_operands, "distinct operands", 11 },
    { F::cmpsc_enhancement, "CMPSC enhancement", 11 },
    { F::decimal_floating_point_zoned_conversion, "DFP zoned conversion", 12 },
    { F::execution_hint, "execution hint", 12 },
    { F::constrained_transactional_execution, "constrained transactional execution", 12 },
    { F::local_tlb_clearing, "local TLB clearing", 12 },
    { F::interlocked_access_2, "interlocked access 2", 11 },
    { F::load_store_on_condition_2, "load/store on condition 2", 13 },
    { F::entropy_encoding_compression, "entropy-encoding compression", 14 },
    { F::message_security_assist_5, "MSA extension 5", 12 },
    { F::miscellaneous_instruction_extensions_2, "miscellaneous instructions 2", 14 },
    { F::semaphore_assist, "semaphore assist", 14 },
    { F::time_slice_instrumentation, "time-slice instrumentation", 14 },
    { F::miscellaneous_instruction_extensions_3, "miscellaneous instructions 3", 15 },
    { F::runtime_instrumentation, "runtime instrumentation", 12 },
    { F::ap_queue_interruption_control, "AP queue interruption control", 12 },
    { F::reset_reference_bits_multiple, "reset reference bits multiple", 11 },
    { F::cpu_measurement_counter, "CPU-measurement counters", 10 },
    { F::cpu_measurement_sampling, "CPU-measurement sampling", 10 },
    { F::pci, "PCI", 12 },
    { F::adapter_event_notification, "adapter-event notification", 12 },
    { F::adapter_interruption_suppression, "adapter-interruption suppression", 12 },
    { F::transactional_execution, "transactional execution", 12 },
    { F::store_hypervisor_information, "store hypervisor information", 9 },
    { F::access_exception_fetch_store_indication, "access-exception fetch/store indication", 11 },
    { F::message_security_assist_3, "MSA extension 3", 10 },
    { F::message_security_assist_4, "MSA extension 4", 11 },
    { F::edat_2, "enhanced DAT 2", 12 },
    { F::decimal_floating_point_packed_conversion, "DFP packed conversion", 13 },
    { F::ppa_in_order, "PPA in order", 12 },
    { F::branch_prediction_blocking, "branch-prediction blocking", 11 },
    { F::miscellaneous_instruction_extensions_4, "miscellaneous instructions 4", 17 },
    { F::vector, "vector", 13 },
    { F::instruction_execution_protection, "instruction-execution protection", 14 },
    { F::side_effect_access, "side-effect access", 12 },
    { F::guarded_storage, "guarded storage", 14 },
    { F::vector_packed_decimal, "vector packed decimal", 14 },
    { F::vector_enhancements_1, "vector enhancements 1", 14 },
    { F::configuration_zarch_mode, "configuration z/Architecture mode", 14 },
    { F::multiple_epoch, "multiple epoch", 14 },
    { F::test_pending_external_interruption, "test pending external interruption", 14 },
    { F::insert_reference_bits_multiple, "insert reference bits multiple", 14 },
    { F::message_security_assist_8, "MSA extension 8", 14 },
    { F::collaborative_memory_no_translate, "ESSA no-translate", 14 },
    { F::vector_enhancements_2, "vector enhancements 2", 15 },
    { F::move_page_and_set_key, "move page and set key", 15 },
    { F::enhanced_sort, "enhanced sort", 15 },
    { F::deflate_conversion, "DEFLATE conversion", 15 },
    { F::vector_packed_decimal_enhancement_1, "vector packed decimal enhancement 1", 15 },
    { F::message_security_assist_9, "MSA extension 9", 15 },
    { F::etoken, "etoken", 14 },
    { F::neural_network_processing_assist, "neural-network-processing assist", 16 },
    { F::vector_packed_decimal_enhancement_2, "vector packed decimal enhancement 2", 16 },
    { F::bear_enhancement, "BEAR enhancement", 16 },
    { F::reset_dat_protection, "reset DAT protection", 16 },
    { F::processor_activity_instrumentation, "processor-activity instrumentation", 16 },
    { F::processor_activity_instrumentation_1, "processor-activity instrumentation 1", 16 },
    { F::vector_enhancements_3, "vector enhancements 3", 17 },
    { F::vector_packed_decimal_enhancement_3, "vector packed decimal enhancement 3", 17 },
};

/// Not a fact of a generation: an option of the configuration, or not seen on any machine.
constexpr Row optional_rows[] = {
    { F::idte_region_clearing, "IDTE region clearing", 9 },
    { F::storage_key_removal, "storage-key removal", 16 },
};

struct Rule {
    Facility facility;
    Facility requires_facility;
};

// A facility and what it builds on, from its definition in the book.
constexpr Rule rules[] = {
    { F::zarch_active, F::zarch_installed },
    { F::idte_segment_clearing, F::dat_enhancement_1 },
    { F::idte_region_clearing, F::idte_segment_clearing },
    { F::ipte_range, F::dat_enhancement_1 },
    { F::local_tlb_clearing, F::dat_enhancement_1 },
    { F::reset_dat_protection, F::local_tlb_clearing },
    { F::edat_2, F::edat_1 },
    { F::conditional_sske, F::zarch_installed },
    { F::long_displacement_high_performance, F::long_displacement },
    { F::etf2_enhancement, F::extended_translation_2 },
    { F::etf3_enhancement, F::extended_translation_3 },
    { F::compare_and_swap_and_store_2, F::compare_and_swap_and_store },
    { F::floating_point_extension, F::floating_point_support_enhancements },
    { F::decimal_floating_point, F::floating_point_support_enhancements },
    { F::decimal_floating_point_high_performance, F::decimal_floating_point },
    { F::perform_floating_point_operation, F::floating_point_support_enhancements },
    { F::decimal_floating_point_zoned_conversion, F::decimal_floating_point },
    { F::decimal_floating_point_packed_conversion, F::decimal_floating_point },
    { F::load_store_on_condition_2, F::distinct_operands },
    { F::miscellaneous_instruction_extensions_2, F::execution_hint },
    { F::miscellaneous_instruction_extensions_3, F::miscellaneous_instruction_extensions_2 },
    { F::miscellaneous_instruction_extensions_3, F::distinct_operands },
    { F::miscellaneous_instruction_extensions_4, F::miscellaneous_instruction_extensions_3 },
    { F::semaphore_assist, F::execution_hint },
    { F::transactional_execution, F::execution_hint },
    { F::constrained_transactional_execution, F::transactional_execution },
    { F::ppa_in_order, F::execution_hint },
    { F::ap_facilities_test, F::ap_query_configuration },
    { F::ap_queue_interruption_control, F::ap_query_configuration },
    { F::adapter_interruption_suppression, F::adapter_event_notification },
    { F::message_security_assist_3, F::message_security_assist },
    { F::message_security_assist_4, F::message_security_assist_3 },
    { F::message_security_assist_5, F::message_security_assist },
    { F::message_security_assist_8, F::message_security_assist_3 },
    { F::message_security_assist_9, F::message_security_assist_4 },
    { F::multiple_epoch, F::tod_clock_steering },
    { F::multiple_epoch, F::store_clock_fast },
    { F::instruction_execution_protection, F::side_effect_access },
    { F::guarded_storage, F::side_effect_access },
    { F::vector, F::floating_point_extension },
    { F::vector_enhancements_1, F::vector },
    { F::vector_enhancements_2, F::vector_enhancements_1 },
    { F::vector_enhancements_3, F::vector_enhancements_2 },
    { F::vector_packed_decimal, F::vector },
    { F::vector_packed_decimal_enhancement_1, F::vector_packed_decimal },
    { F::vector_packed_decimal_enhancement_2, F::vector_packed_decimal_enhancement_1 },
    { F::vector_packed_decimal_enhancement_3, F::vector_packed_decimal_enhancement_2 },
    { F::neural_network_processing_assist, F::vector },
    { F::processor_activity_instrumentation_1, F::processor_activity_instrumentation },
    // Programs take these marks of a generation for its vector facilities as well.
    { F::miscellaneous_instruction_extensions_3, F::vector_enhancements_2 },
    { F::miscellaneous_instruction_extensions_4, F::vector_enhancements_3 },
};

constexpr Model table[] = {
    { "z10", 0x2097, 10, 43, 5000 },
    { "z196", 0x2817, 11, 44, 4100 },
    { "zEC12", 0x2827, 12, 44, 3600 },
    { "z13", 0x2964, 13, 47, 3300 },
    { "z14", 0x3906, 14, 47, 3085 },
    { "z15", 0x8561, 15, 47, 3000 },
    { "z16", 0x3931, 16, 47, 2800 },
    { "z17", 0x9175, 17, 47, 2600 },
    { "max", 0x9175, 17, 47, 2600 },
};

} // namespace

FacilitySet Model::facilities() const
{
    FacilitySet set;
    for (const Row& row : rows)
        set.set(row.facility, row.since <= generation);
    bool everything = name == "max";
    for (const Row& row : optional_rows)
        set.set(row.facility, everything);
    return set;
}

std::span<const Model> models()
{
    return table;
}

Result<Model> find_model(std::string_view name)
{
    for (const Model& model : table) {
        if (model.name == name)
            return model;
    }
    std::string names;
    for (const Model& model : table)
        names.append(names.empty() ? "" : ", ").append(model.name);
    return fail("there is no CPU model '" + std::string(name) + "'; the models are " + names);
}

std::string facility_name(Facility facility)
{
    auto is_it = [&](const Row& row) { return row.facility == facility; };
    if (auto row = std::find_if(std::begin(rows), std::end(rows), is_it); row != std::end(rows))
        return std::string(row->name);
    if (auto row = std::find_if(std::begin(optional_rows), std::end(optional_rows), is_it); row != std::end(optional_rows))
        return std::string(row->name);
    return "facility " + std::to_string(std::to_underlying(facility));
}

FacilitySet consistent(FacilitySet set)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (const Rule& rule : rules) {
            if (!set.has(rule.facility) || set.has(rule.requires_facility))
                continue;
            set.set(rule.facility, false);
            changed = true;
        }
    }
    return set;
}

OfferedModel offer(const Model& model, const FacilitySet& implemented)
{
    FacilitySet wanted = model.facilities();
    OfferedModel offered { model, consistent(wanted & implemented), {} };
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit) {
        auto facility = static_cast<Facility>(bit);
        if (wanted.has(facility) && !offered.facilities.has(facility))
            offered.masked.push_back(facility_name(facility));
    }
    return offered;
}

std::string OfferedModel::message() const
{
    if (masked.empty())
        return {};
    return fmt::format("CPU model {0} without {1} of its facilities, see 'zvisor models {0}'", model.name, masked.size());
}

} // namespace zvisor
