#pragma once

#include "base/big_endian.h"
#include "base/types.h"
#include "base/verify.h"
#include "service/partition_activity.h"

#include <array>
#include <cstring>
#include <span>
#include <type_traits>

namespace zvisor {

/// Response codes an SCCB carries back in bytes 6-7.
enum class SclpResponse : u16 {
    none = 0x0000,
    normal_read_completion = 0x0010,
    normal_completion = 0x0020,
    sccb_boundary_violation = 0x0100,
    no_action_required = 0x0120,
    invalid_command = 0x01f0,
    /// Read event data: stored what fits, selected events remain.
    events_suppressed = 0x0220,
    insufficient_sccb_length = 0x0300,
    /// Read storage element information: no such element.
    element_not_present = 0x0310,
    /// Read storage element information: the element is in the standby state.
    standby_read_completion = 0x0410,
    improper_state = 0x05f0,
    resource_not_recognized = 0x09f0,
    invalid_function = 0x40f0,
    no_event_buffers_stored = 0x60f0,
    invalid_selection_mask = 0x70f0,
    inconsistent_lengths = 0x72f0,
    event_buffer_syntax_error = 0x73f0,
    invalid_mask_length = 0x74f0,
};

/// Service-call control block: the header every command starts with.
struct SccbHeader {
    Be<u16> length;
    u8 function_code { 0 };
    u8 control_mask[3] {};
    Be<u16> response_code;

    /// In control_mask[2]: SCLP may store a shorter block and sets the length to what it stored.
    static constexpr u8 variable_length_response = 0x80;
};
static_assert(sizeof(SccbHeader) == 8);

/// The private copy of one SCCB that a command works on; at most one page.
class Sccb {
public:
    static constexpr u16 maximum_length = 4096;

    [[nodiscard]] SccbHeader header() const { return read<SccbHeader>(0); }
    void set_header(const SccbHeader& header) { write(0, header); }
    /// Length in bytes, as the header gives it; 8 to 4096 once the block is validated.
    [[nodiscard]] u16 length() const { return header().length; }

    [[nodiscard]] std::span<std::byte> bytes() { return m_bytes; }
    /// The part after the header, up to the length.
    [[nodiscard]] std::span<std::byte> data() { return bytes().first(length()).subspan(sizeof(SccbHeader)); }
    [[nodiscard]] bool has_room(std::size_t offset, std::size_t size) const { return offset + size <= length(); }

    template<class T>
        requires std::is_trivially_copyable_v<T>
    [[nodiscard]] T read(std::size_t offset) const
    {
        VERIFY(offset + sizeof(T) <= m_bytes.size());
        T value;
        std::memcpy(&value, m_bytes.data() + offset, sizeof value);
        return value;
    }

    template<class T>
        requires std::is_trivially_copyable_v<T>
    void write(std::size_t offset, const T& value)
    {
        VERIFY(offset + sizeof(T) <= m_bytes.size());
        std::memcpy(m_bytes.data() + offset, &value, sizeof value);
    }

    /// Stores the part of `value` after the header, leaving the header alone.
    template<class T>
    void write_body(const T& value)
    {
        SccbHeader kept = header();
        write(0, value);
        set_header(kept);
    }

private:
    std::array<std::byte, maximum_length> m_bytes {};
};

/// Read SCP information (offsets as in Linux drivers/s390/char/sclp.h).
struct ReadScpInfo {
    SccbHeader header;
    /// Number of storage increments, 0 when `rnmax2` holds it.
    Be<u16> rnmax;
    /// Size of an increment in MiB, 0 when `rnsize2` holds it.
    u8 rnsize { 0 };
    u8 reserved_11[4] {};
    /// Highest selector 2 of STSI 15.1.x, 0 meaning 2.
    u8 stsi_parameter { 0 };
    Be<u16> cpu_count;
    Be<u16> cpu_offset;
    u8 reserved_20[4] {};
    std::array<std::byte, 8> load_parameter {};
    u8 reserved_32[16] {};
    Be<u64> facilities;
    u8 reserved_56[28] {};
    u8 byte_84 { 0 };
    u8 byte_85 { 0 };
    u8 reserved_86[13] {};
    /// Host absolute addresses are below 2 to this power.
    u8 maximum_address_power { 0 };
    Be<u32> rnsize2;
    Be<u64> rnmax2;
    Be<u32> hsa_size;
    u8 reserved_116[4] {};
    Be<u16> highest_cpu_address;
    u8 reserved_122[6] {};

    /// Facilities word.
    static constexpr u64 channel_path_information = 0x8000000000000000;
    static constexpr u64 channel_path_reconfiguration = 0x2000000000000000;
    static constexpr u64 cpu_information = 0x0800000000000000;
    static constexpr u64 cpu_reconfiguration = 0x0400000000000000;
    /// Read storage-element information, attach element, assign increment: guests want all three.
    static constexpr u64 storage_reconfiguration = 0x0000e00000000000;
    /// byte_85: enhanced suppression on protection.
    static constexpr u8 enhanced_suppression_on_protection = 0x02;
};
static_assert(sizeof(ReadScpInfo) == 128);

/// Read CPU information.
struct ReadCpuInfo {
    SccbHeader header;
    Be<u16> configured_count;
    Be<u16> configured_offset;
    Be<u16> standby_count;
    Be<u16> standby_offset;
    u8 reserved[8] {};
};
static_assert(sizeof(ReadCpuInfo) == 24);

/// One CPU in either list; the feature bits describe SIE assists, of which there are none. All are of one type.
struct CpuEntry {
    u8 address { 0 };
    u8 reserved_1 { 0 };
    u8 features[6] {};
    u8 reserved_8[6] {};
    CpuType type { CpuType::linux_facility };
    u8 reserved_15 { 0 };
};
static_assert(sizeof(CpuEntry) == 16);

/// Read channel-path information: one bit a CHPID, 0 leftmost.
struct ReadChannelPathInfo {
    SccbHeader header;
    std::array<u8, 32> recognized {};
    std::array<u8, 32> standby {};
    std::array<u8, 32> configured {};
    u8 ccm { 0 };
    u8 reserved[6] {};
    u8 cssid { 0 };
};
static_assert(sizeof(ReadChannelPathInfo) == 112);

/// Read storage-element information; one word an increment follows: its number in the left half.
struct ReadStorageElement {
    SccbHeader header;
    Be<u16> maximum_id;
    Be<u16> assigned;
    Be<u16> standby;
    u8 reserved[2] {};
};
static_assert(sizeof(ReadStorageElement) == 16);

/// Attach storage element; the same words follow.
struct AttachStorageElement {
    SccbHeader header;
    u8 reserved_8[2] {};
    Be<u16> assigned;
    u8 reserved_12[4] {};
};
static_assert(sizeof(AttachStorageElement) == 16);

/// Assign and unassign storage: increment number, from 1.
struct AssignStorage {
    SccbHeader header;
    Be<u16> increment;
};
static_assert(sizeof(AssignStorage) == 10);

/// Write event mask; four masks of `mask_length` bytes follow: what the program receives and sends, then what SCLP does.
struct WriteEventMask {
    SccbHeader header;
    u8 reserved[2] {};
    Be<u16> mask_length;
};
static_assert(sizeof(WriteEventMask) == 12);

} // namespace zvisor
