#pragma once

#include <cstddef>
#include <span>

namespace zvisor {

/// An Ethernet frame with an IP packet to an address that means the host itself to the host: 0.0.0.0/8, 127.0.0.0/8, ::, ::1 and IPv4
/// addresses in IPv6 (RFC 1122 3.2.1.3, RFC 4291 2.5). The user-mode network would connect to those as it is told.
[[nodiscard]] bool is_for_host(std::span<const std::byte> frame);

} // namespace zvisor
