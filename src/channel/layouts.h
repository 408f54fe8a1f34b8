#pragma once

#include "base/big_endian.h"
#include "base/bits.h"
#include "base/types.h"

#include <array>

/// Structures of the channel subsystem as they lie in guest storage (PoP chapters 13-16). Pure layouts with named views.
namespace zvisor {

/// Bits `From`..`To` of a word numbered from the left as the Principles of Operation does.
template<unsigned From, unsigned To = From>
[[nodiscard]] constexpr u32 word_bits(u32 word)
{
    return static_cast<u32>(bits<From + 32, To + 32>(word));
}

/// A word with bits `From`..`To` set.
template<unsigned From, unsigned To = From>
inline constexpr u32 word_mask = static_cast<u32>(bit_mask<From + 32, To + 32>);

/// `word` with bits `From`..`To` replaced by the low bits of `field`.
template<unsigned From, unsigned To = From>
[[nodiscard]] constexpr u32 with_word_bits(u32 word, u32 field)
{
    return static_cast<u32>(with_bits<From + 32, To + 32>(word, field));
}

/// Subsystem-identification word: designates a subchannel in general register 1 (PoP ch. 14).
struct SubsystemId {
    u32 word { 0 };

    [[nodiscard]] static constexpr SubsystemId of(u8 subchannel_set, u16 number)
    {
        return { word_mask<15> | u32 { subchannel_set } << 17 | number };
    }
    [[nodiscard]] constexpr u8 channel_subsystem() const { return static_cast<u8>(word_bits<0, 7>(word)); }
    [[nodiscard]] constexpr bool has_channel_subsystem() const { return word & word_mask<12>; }
    [[nodiscard]] constexpr u8 subchannel_set() const { return static_cast<u8>(word_bits<13, 14>(word)); }
    [[nodiscard]] constexpr u16 number() const { return static_cast<u16>(word); }
    /// Bits 0-12 zero (no multiple-CSS facility) and bit 15 one.
    [[nodiscard]] constexpr bool is_valid() const { return (word & (word_mask<0, 12> | word_mask<15>)) == word_mask<15>; }
    friend constexpr bool operator==(SubsystemId, SubsystemId) = default;
};

/// Device status (PoP ch. 16).
struct DeviceStatus {
    static constexpr u8 attention = 0x80;
    static constexpr u8 status_modifier = 0x40;
    static constexpr u8 control_unit_end = 0x20;
    static constexpr u8 busy = 0x10;
    static constexpr u8 channel_end = 0x08;
    static constexpr u8 device_end = 0x04;
    static constexpr u8 unit_check = 0x02;
    static constexpr u8 unit_exception = 0x01;

    u8 value { 0 };

    [[nodiscard]] constexpr bool has(u8 bit) const { return value & bit; }
};

/// A command that went as it should.
inline constexpr DeviceStatus normal_ending { DeviceStatus::channel_end | DeviceStatus::device_end };

/// Subchannel status (PoP ch. 16).
struct SubchannelStatus {
    static constexpr u8 program_controlled_interruption = 0x80;
    static constexpr u8 incorrect_length = 0x40;
    static constexpr u8 program_check = 0x20;
    static constexpr u8 protection_check = 0x10;
    static constexpr u8 channel_data_check = 0x08;
    static constexpr u8 channel_control_check = 0x04;
    static constexpr u8 interface_control_check = 0x02;
    static constexpr u8 chaining_check = 0x01;
};

/// First sense byte (PoP ch. 15, "Sense").
struct SenseByte {
    static constexpr u8 command_reject = 0x80;
    static constexpr u8 intervention_required = 0x40;
    static constexpr u8 bus_out_check = 0x20;
    static constexpr u8 equipment_check = 0x10;
    static constexpr u8 data_check = 0x08;
    static constexpr u8 overrun = 0x04;
};

/// Command-mode operation-request block (PoP ch. 15).
struct Orb {
    Be<u32> interruption_parameter;
    Be<u32> flags;
    Be<u32> channel_program_address;

    [[nodiscard]] u8 key() const { return static_cast<u8>(word_bits<0, 3>(flags)); }
    [[nodiscard]] bool suspend_control() const { return flags & word_mask<4>; }
    [[nodiscard]] bool format_1() const { return flags & word_mask<8>; }
    [[nodiscard]] bool prefetch() const { return flags & word_mask<9>; }
    [[nodiscard]] bool initial_status_interruption() const { return flags & word_mask<10>; }
    [[nodiscard]] bool address_limit_checking() const { return flags & word_mask<11>; }
    [[nodiscard]] bool suppress_suspended_interruption() const { return flags & word_mask<12>; }
    [[nodiscard]] bool transport_mode() const { return flags & word_mask<13>; }
    [[nodiscard]] bool format_2_idaws() const { return flags & word_mask<14>; }
    [[nodiscard]] bool idaw_2k_blocks() const { return flags & word_mask<15>; }
    [[nodiscard]] u8 logical_path_mask() const { return static_cast<u8>(word_bits<16, 23>(flags)); }
    [[nodiscard]] bool incorrect_length_suppression_mode() const { return flags & word_mask<24>; }
    [[nodiscard]] bool modified_indirect_addressing() const { return flags & word_mask<25>; }

    /// False where START SUBCHANNEL recognizes an operand exception.
    [[nodiscard]] bool is_valid() const
    {
        constexpr u32 reserved = word_mask<5> | word_mask<13> | word_mask<26, 30>;
        return !(flags & reserved) && !(channel_program_address & word_mask<0>);
    }
};
static_assert(sizeof(Orb) == 12);

/// Format-0 channel-command word (PoP ch. 15).
struct Ccw0 {
    u8 command;
    u8 address_high;
    Be<u16> address_low;
    u8 flags;
    u8 reserved;
    Be<u16> count;
};
static_assert(sizeof(Ccw0) == 8);

/// Format-1 channel-command word (PoP ch. 15).
struct Ccw1 {
    u8 command;
    u8 flags;
    Be<u16> count;
    Be<u32> address;
};
static_assert(sizeof(Ccw1) == 8);

/// A channel-command word of either format after decoding.
struct Ccw {
    static constexpr u8 chain_data = 0x80;
    static constexpr u8 chain_command = 0x40;
    static constexpr u8 suppress_length_indication = 0x20;
    static constexpr u8 skip = 0x10;
    static constexpr u8 program_controlled_interruption = 0x08;
    static constexpr u8 indirect_data_address = 0x04;
    static constexpr u8 suspend = 0x02;
    static constexpr u8 modified_indirect_data_address = 0x01;

    u8 command { 0 };
    u8 flags { 0 };
    u16 count { 0 };
    u32 address { 0 };

    [[nodiscard]] static Ccw from(const Ccw0& ccw)
    {
        return { ccw.command, ccw.flags, ccw.count, u32 { ccw.address_high } << 16 | ccw.address_low };
    }
    [[nodiscard]] static Ccw from(const Ccw1& ccw) { return { ccw.command, ccw.flags, ccw.count, ccw.address }; }
    [[nodiscard]] bool has(u8 flag) const { return flags & flag; }
    [[nodiscard]] bool is_transfer_in_channel() const { return (command & 0x0f) == 0x08; }
    /// Write and control commands fetch from storage; the others store into it.
    [[nodiscard]] bool is_output() const { return command & 1; }
    [[nodiscard]] bool is_read_backward() const { return (command & 0x0f) == 0x0c; }
};

/// Modified-CCW-indirect-data-address word (PoP ch. 15).
struct Midaw {
    static constexpr u8 last = 0x80;
    static constexpr u8 skip = 0x40;
    static constexpr u8 data_transfer_interruption = 0x20;

    std::array<u8, 5> reserved;
    u8 flags;
    Be<u16> count;
    Be<u64> address;
};
static_assert(sizeof(Midaw) == 16);

/// Bits of the first word of a subchannel-status word (PoP ch. 16).
struct ScswBit {
    static constexpr u32 suspend_control = word_mask<4>;
    static constexpr u32 extended_status_format_0 = word_mask<5>;
    static constexpr u32 format_1 = word_mask<8>;
    static constexpr u32 prefetch = word_mask<9>;
    static constexpr u32 initial_status_interruption = word_mask<10>;
    static constexpr u32 address_limit_checking = word_mask<11>;
    static constexpr u32 suppress_suspended_interruption = word_mask<12>;
    static constexpr u32 zero_condition_code = word_mask<13>;
    static constexpr u32 extended_control = word_mask<14>;
    static constexpr u32 path_not_operational = word_mask<15>;

    static constexpr u32 start_function = word_mask<17>;
    static constexpr u32 halt_function = word_mask<18>;
    static constexpr u32 clear_function = word_mask<19>;
    static constexpr u32 functions = word_mask<17, 19>;

    static constexpr u32 resume_pending = word_mask<20>;
    static constexpr u32 start_pending = word_mask<21>;
    static constexpr u32 halt_pending = word_mask<22>;
    static constexpr u32 clear_pending = word_mask<23>;
    static constexpr u32 subchannel_active = word_mask<24>;
    static constexpr u32 device_active = word_mask<25>;
    static constexpr u32 suspended = word_mask<26>;
    static constexpr u32 activities = word_mask<20, 26>;

    static constexpr u32 alert_status = word_mask<27>;
    static constexpr u32 intermediate_status = word_mask<28>;
    static constexpr u32 primary_status = word_mask<29>;
    static constexpr u32 secondary_status = word_mask<30>;
    static constexpr u32 status_pending = word_mask<31>;
    static constexpr u32 statuses = word_mask<27, 31>;
};

/// Subchannel-status word (PoP ch. 16).
struct Scsw {
    Be<u32> control;
    Be<u32> ccw_address;
    u8 device_status;
    u8 subchannel_status;
    Be<u16> count;

    [[nodiscard]] bool has(u32 bit) const { return control & bit; }
    void set(u32 bit) { control = control | bit; }
    void reset(u32 bit) { control = control & ~bit; }
    [[nodiscard]] u32 status() const { return control & ScswBit::statuses; }
    [[nodiscard]] u8 deferred_condition_code() const { return static_cast<u8>(word_bits<6, 7>(control)); }
    void set_deferred_condition_code(u8 code) { control = with_word_bits<6, 7>(control, code); }
};
static_assert(sizeof(Scsw) == 12);

/// Extended-status word in formats 0 and 1 (PoP ch. 16).
struct Esw {
    u8 extended_status_flags;
    u8 last_path_used_mask;
    Be<u16> validity;
    Be<u32> extended_report;
    std::array<Be<u32>, 3> addresses;

    static constexpr u32 concurrent_sense = word_mask<7>;
};
static_assert(sizeof(Esw) == 20);

/// Bytes of sense data an interruption-response block can carry.
inline constexpr std::size_t concurrent_sense_size = 32;

/// Interruption-response block without the extended-measurement word (PoP ch. 16).
struct Irb {
    Scsw scsw;
    Esw esw;
    std::array<u8, concurrent_sense_size> extended_control;
};
static_assert(sizeof(Irb) == 64);

/// Path-management-control word (PoP ch. 15).
struct Pmcw {
    Be<u32> interruption_parameter;
    Be<u16> flags;
    Be<u16> device_number;
    u8 logical_path_mask;
    u8 path_not_operational_mask;
    u8 last_path_used_mask;
    u8 path_installed_mask;
    Be<u16> measurement_block_index;
    u8 path_operational_mask;
    u8 path_available_mask;
    std::array<u8, 8> channel_paths;
    Be<u32> characteristics;

    static constexpr u16 isc_mask = 0x3800;
    static constexpr u16 enabled_bit = 0x0080;
    static constexpr u16 limit_mode_mask = 0x0060;
    static constexpr u16 measurement_mode_mask = 0x0018;
    static constexpr u16 multipath_bit = 0x0004;
    static constexpr u16 device_number_valid_bit = 0x0001;
    /// What MODIFY SUBCHANNEL may change in `flags`.
    static constexpr u16 modifiable_flags = isc_mask | enabled_bit | limit_mode_mask | measurement_mode_mask | multipath_bit;
    static constexpr u32 measurement_block_format_bit = word_mask<29>;
    static constexpr u32 extended_measurement_bit = word_mask<30>;
    static constexpr u32 concurrent_sense_bit = word_mask<31>;
    static constexpr u32 modifiable_characteristics = measurement_block_format_bit | concurrent_sense_bit;

    [[nodiscard]] u8 isc() const { return static_cast<u8>((flags & isc_mask) >> 11); }
    [[nodiscard]] bool enabled() const { return flags & enabled_bit; }
    [[nodiscard]] u8 limit_mode() const { return static_cast<u8>((flags & limit_mode_mask) >> 5); }
    [[nodiscard]] bool device_number_valid() const { return flags & device_number_valid_bit; }
    [[nodiscard]] bool concurrent_sense() const { return characteristics & concurrent_sense_bit; }
};
static_assert(sizeof(Pmcw) == 28);

/// Subchannel-information block (PoP ch. 15).
struct Schib {
    Pmcw pmcw;
    Scsw scsw;
    Be<u64> measurement_block_address;
    std::array<u8, 4> model_dependent;

    /// False where MODIFY SUBCHANNEL recognizes an operand exception.
    [[nodiscard]] bool is_valid() const
    {
        constexpr u16 reserved_flags = 0x0700;
        constexpr u32 reserved_characteristics = word_mask<0, 7> | word_mask<11, 28>;
        if ((pmcw.flags & reserved_flags) || (pmcw.characteristics & (reserved_characteristics | Pmcw::extended_measurement_bit)))
            return false;
        bool block_aligned = (measurement_block_address & 0x3f) == 0;
        return pmcw.limit_mode() != 3 && (block_aligned || !(pmcw.characteristics & Pmcw::measurement_block_format_bit));
    }
};
static_assert(sizeof(Schib) == 52);

/// Channel-report word (PoP ch. 17).
struct Crw {
    Be<u32> word;

    static constexpr u32 solicited = word_mask<1>;
    static constexpr u32 overflow = word_mask<2>;
    static constexpr u32 chained = word_mask<3>;
    enum class Source : u8 { monitoring = 2, subchannel = 3, channel_path = 4, configuration_alert = 9, channel_subsystem = 11 };
    enum class Recovery : u8 { event_information_pending = 0, available = 1, initialized = 2, installed_parameters_initialized = 4 };

    [[nodiscard]] static Crw of(Source source, Recovery recovery, u16 id, u32 flags = 0)
    {
        return { flags | u32 { static_cast<u8>(source) } << 24 | u32 { static_cast<u8>(recovery) } << 16 | id };
    }
};
static_assert(sizeof(Crw) == 4);

/// Identification a device gives for SENSE ID, without command-information words (PoP ch. 15; "Common I/O-Device Commands").
struct SenseId {
    u8 always_ff { 0xff };
    Be<u16> control_unit_type;
    u8 control_unit_model { 0 };
    Be<u16> device_type;
    u8 device_model { 0 };
};
static_assert(sizeof(SenseId) == 7);

} // namespace zvisor
