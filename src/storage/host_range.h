#pragma once

#include "base/result.h"
#include "base/types.h"

#include <utility>

namespace zvisor {

/// What the host's processor translates at once when memory is contiguous enough.
inline constexpr u64 host_huge_page = u64 { 1 } << 21;

/// A range of host addresses with memory that is zero and taken from the host when first used; given back at the end of its life.
class HostRange {
public:
    /// `bytes` from a multiple of `host_huge_page` on; `what` names it in the error.
    [[nodiscard]] static Result<HostRange> reserve(u64 bytes, const char* what);
    HostRange(HostRange&& other) noexcept
        : m_start(std::exchange(other.m_start, nullptr))
        , m_bytes(other.m_bytes)
    {
    }
    HostRange& operator=(HostRange&&) = delete;
    ~HostRange();

    [[nodiscard]] u8* start() const { return m_start; }
    [[nodiscard]] u64 size() const { return m_bytes; }

private:
    HostRange(u8* start, u64 bytes)
        : m_start(start)
        , m_bytes(bytes)
    {
    }

    u8* m_start;
    u64 m_bytes;
};

} // namespace zvisor
