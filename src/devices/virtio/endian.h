#pragma once

#include "base/big_endian.h"

#include <span>
#include <vector>

namespace zvisor {

/// Byte order of what a virtio driver and device exchange: little-endian once VIRTIO_F_VERSION_1 is accepted, the guest's
/// own big-endian before (virtio 1.2, 2.4 "Legacy interfaces").
struct VirtioEndian {
    bool big { false };

    /// Between the host's integer and the wire; its own inverse.
    template<std::integral T>
    [[nodiscard]] T convert(T value) const
    {
        return big ? swap_if_little(value) : value;
    }
};

/// Builds a structure of naturally aligned fields in the driver's byte order.
class VirtioWriter {
public:
    explicit VirtioWriter(VirtioEndian endian)
        : m_endian(endian)
    {
    }

    template<std::integral T>
    VirtioWriter& put(T value)
    {
        T wire = m_endian.convert(value);
        auto bytes = std::as_bytes(std::span { &wire, 1 });
        m_bytes.insert(m_bytes.end(), bytes.begin(), bytes.end());
        return *this;
    }
    VirtioWriter& put_zeros(std::size_t count)
    {
        m_bytes.resize(m_bytes.size() + count);
        return *this;
    }

    [[nodiscard]] std::vector<std::byte> take() { return std::move(m_bytes); }

private:
    VirtioEndian m_endian;
    std::vector<std::byte> m_bytes;
};

} // namespace zvisor
