#include "devices/virtio_net/host_addresses.h"

#include <algorithm>

namespace zvisor {

namespace {

constexpr std::size_t ethernet_header = 14;
constexpr std::size_t type_at = 12;
constexpr std::size_t ipv4_destination_at = ethernet_header + 16;
constexpr std::size_t ipv6_destination_at = ethernet_header + 24;
constexpr std::size_t ipv6_address_bytes = 16;

[[nodiscard]] bool has_type(std::span<const std::byte> frame, unsigned type)
{
    return frame[type_at] == std::byte(type >> 8) && frame[type_at + 1] == std::byte(type & 0xff);
}

[[nodiscard]] bool is_host_ipv4(std::byte first)
{
    constexpr std::byte this_network { 0 };
    constexpr std::byte loopback { 127 };
    return first == this_network || first == loopback;
}

/// The first 80 bits of ::, ::1, ::a.b.c.d and ::ffff:a.b.c.d are zero, and of no address of a network.
[[nodiscard]] bool is_host_ipv6(std::span<const std::byte> address)
{
    constexpr std::size_t zeros = 10;
    return std::ranges::all_of(address.first(zeros), [](std::byte byte) { return byte == std::byte {}; });
}

} // namespace

bool is_for_host(std::span<const std::byte> frame)
{
    constexpr unsigned ipv4 = 0x0800;
    constexpr unsigned ipv6 = 0x86dd;
    if (frame.size() > ipv4_destination_at && has_type(frame, ipv4))
        return is_host_ipv4(frame[ipv4_destination_at]);
    if (frame.size() >= ipv6_destination_at + ipv6_address_bytes && has_type(frame, ipv6))
        return is_host_ipv6(frame.subspan(ipv6_destination_at, ipv6_address_bytes));
    return false;
}

} // namespace zvisor
