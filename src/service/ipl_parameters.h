#pragma once

#include "arch/interruption.h"
#include "base/big_endian.h"
#include "storage/absolute_storage.h"

#include <array>
#include <expected>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace zvisor {

/// Header of the list that holds IPL parameter blocks (Linux arch/s390/include/uapi/asm/ipl.h).
struct IplParameterListHeader {
    /// Of the whole list, this header included.
    Be<u32> length;
    u8 flags { 0 };
    u8 reserved[2] {};
    u8 version { 0 };
};
static_assert(sizeof(IplParameterListHeader) == 8);

/// IPL parameter block for a channel-attached device.
struct CcwIplBlock {
    Be<u32> length;
    u8 type { 0 };
    u8 flags { 0 };
    u8 reserved_6[2] {};
    /// EBCDIC, when flags has load_parameter_valid.
    std::array<std::byte, 8> load_parameter {};
    u8 reserved_16[84] {};
    u8 reserved_100 { 0 };
    u8 subchannel_set { 0 };
    Be<u16> device_number;
    u8 vm_flags { 0 };
    u8 reserved_105[3] {};
    Be<u32> vm_parameter_length;
    std::array<std::byte, 8> saved_segment_name {};
    std::array<std::byte, 64> vm_parameter {};
    u8 reserved_184[8] {};

    static constexpr u8 ccw_type = 2;
    static constexpr u8 load_parameter_valid = 0x80;
};
static_assert(sizeof(CcwIplBlock) == 192);

/// The device an IPL parameter list for a channel-attached device names.
struct CcwIplDevice {
    u8 subchannel_set { 0 };
    u16 device_number { 0 };
    std::string load_parameter {};
};

/// The IPL parameters of one configuration: what DIAGNOSE X'308' subcodes 5 (set) and 6 (store) exchange, and what
/// the next IPL uses. May be used from any thread.
class IplParameters {
public:
    /// Goes to the right half of general register R1+1.
    enum class Response : u16 { done = 0x0001, none_configured = 0x0102, invalid = 0x0402 };

    /// The parameters the operator's IPL gives.
    void establish(const CcwIplDevice& device);
    /// No parameters: IPL from files of the host.
    void clear();
    [[nodiscard]] std::optional<CcwIplDevice> device() const;

    /// Copies a list in from absolute `address`. Specification unless that is on a 4 KiB boundary, addressing when the
    /// page is not in storage.
    [[nodiscard]] std::expected<Response, ProgramCode> set(const AbsoluteStorage& storage, u64 address);
    /// Copies the list out; the same exceptions.
    [[nodiscard]] std::expected<Response, ProgramCode> store(AbsoluteStorage& storage, u64 address) const;

private:
    struct List {
        IplParameterListHeader header;
        CcwIplBlock block;
    };

    mutable std::mutex m_mutex;
    std::optional<List> m_list;
};

} // namespace zvisor
