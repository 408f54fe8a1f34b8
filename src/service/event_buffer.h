#pragma once

#include "base/big_endian.h"
#include "base/types.h"

#include <array>
#include <cstddef>

namespace zvisor {

/// Event types; event type n is bit n-1 of an event mask, counted from the left.
enum class EventType : u8 {
    operator_command = 0x01,
    message = 0x02,
    configuration_management = 0x04,
    state_change = 0x08,
    priority_message_or_command = 0x09,
    control_program_identification = 0x0b,
    ascii_console = 0x1a,
    signal_quiesce = 0x1d,
};

/// A set of event types, left-aligned in a doubleword whatever length the program uses.
using EventMask = u64;

[[nodiscard]] constexpr EventMask event_bit(EventType type)
{
    return EventMask { 1 } << (64 - static_cast<unsigned>(type));
}

struct EventBufferHeader {
    Be<u16> length;
    u8 type { 0 };
    u8 flags { 0 };
    u8 reserved[2] {};

    static constexpr u8 accepted = 0x80;
};
static_assert(sizeof(EventBufferHeader) == 6);

/// Message data block: follows the event header of messages; objects follow it.
struct MessageDataBlock {
    Be<u16> length;
    Be<u16> type;
    Be<u32> tag;
    Be<u32> revision;
};
static_assert(sizeof(MessageDataBlock) == 12);

struct MessageObjectHeader {
    Be<u16> length;
    Be<u16> type;

    static constexpr u16 text = 4;
};
static_assert(sizeof(MessageObjectHeader) == 4);

/// Message text object: one line of EBCDIC follows.
struct MessageTextObject {
    MessageObjectHeader header;
    Be<u16> line_type;
    u8 alarm { 0 };
    u8 reserved[3] {};
};
static_assert(sizeof(MessageTextObject) == 10);

/// General data stream vector, and subvector: the nest an operator command comes in (SNA management services).
struct GdsVector {
    Be<u16> length;
    Be<u16> id;

    static constexpr u16 multiple_domain_message_unit = 0x1310;
    static constexpr u16 control_point_message_unit = 0x1212;
    static constexpr u16 text_command = 0x1320;
};
struct GdsSubvector {
    u8 length { 0 };
    u8 key { 0 };

    static constexpr u8 self_defining_text_message = 0x31;
    static constexpr u8 text_message = 0x30;
};

struct OperatorCommandEvent {
    EventBufferHeader header;
    GdsVector message_unit;
    GdsVector control_point;
    GdsVector command;
    GdsSubvector self_defining;
    GdsSubvector text;

    /// Characters one event can carry: the subvector's length is one byte and counts both subvector headers.
    static constexpr std::size_t maximum_text = 255 - 2 * sizeof(GdsSubvector);
};
static_assert(sizeof(OperatorCommandEvent) == 22);

struct SignalQuiesceEvent {
    EventBufferHeader header;
    /// Time the program has; zero: no limit.
    Be<u16> timeout;
    u8 unit { 0 };
};
static_assert(sizeof(SignalQuiesceEvent) == 9);

struct ConfigurationManagementEvent {
    EventBufferHeader header;
    u8 reserved { 0 };
    u8 qualifier { 0 };

    static constexpr u8 cpus_changed = 1;
    static constexpr u8 capability_changed = 3;
};
static_assert(sizeof(ConfigurationManagementEvent) == 8);

/// State change; SCLP's receive and send masks of `mask_length` bytes each follow the active-facility mask.
struct StateChangeEvent {
    EventBufferHeader header;
    Be<u16> validity;
    Be<u16> mask_length;
    Be<u64> active_facilities;

    static constexpr u16 receive_mask_valid = 0x4000;
    static constexpr u16 send_mask_valid = 0x2000;
};
static_assert(sizeof(StateChangeEvent) == 18);

/// Control-program identification; names are EBCDIC.
struct ControlProgramIdentificationEvent {
    EventBufferHeader header;
    u8 format { 0 };
    u8 reserved_7 { 0 };
    std::array<std::byte, 8> system_type {};
    u8 reserved_16[8] {};
    std::array<std::byte, 8> system_name {};
    u8 reserved_32[8] {};
    Be<u64> system_level;
    u8 reserved_48[8] {};
    std::array<std::byte, 8> sysplex_name {};
    u8 reserved_64[16] {};
};
static_assert(sizeof(ControlProgramIdentificationEvent) == 80);

} // namespace zvisor
