#pragma once

#include "base/types.h"

#include <bit>
#include <concepts>
#include <cstring>

namespace zvisor {

template<std::integral T>
[[nodiscard]] constexpr T swap_if_little(T value)
{
    if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1)
        return std::byteswap(value);
    else
        return value;
}

[[nodiscard]] constexpr u128 swap_if_little(u128 value)
{
    if constexpr (std::endian::native == std::endian::little)
        return u128 { std::byteswap(static_cast<u64>(value)) } << 64 | std::byteswap(static_cast<u64>(value >> 64));
    else
        return value;
}

/// Loads a big-endian integer from any address.
template<std::integral T>
[[nodiscard]] inline T load_be(const void* from)
{
    T value;
    std::memcpy(&value, from, sizeof value);
    return swap_if_little(value);
}

/// Stores an integer big-endian at any address.
template<std::integral T>
inline void store_be(void* to, T value)
{
    value = swap_if_little(value);
    std::memcpy(to, &value, sizeof value);
}

/// An integer kept in guest byte order, for structures that are copied to and from guest storage.
/// Has alignment 1, so a structure of Be fields has exactly the book's layout.
template<std::integral T>
class Be {
public:
    constexpr Be() = default;
    constexpr Be(T value) { *this = value; } // NOLINT(google-explicit-constructor): a Be field reads and writes like its T

    constexpr Be& operator=(T value)
    {
        m_bytes = std::bit_cast<Bytes>(swap_if_little(value));
        return *this;
    }
    constexpr operator T() const { return swap_if_little(std::bit_cast<T>(m_bytes)); } // NOLINT(google-explicit-constructor)

private:
    struct Bytes {
        u8 at[sizeof(T)];
    };
    Bytes m_bytes {};
};

} // namespace zvisor
