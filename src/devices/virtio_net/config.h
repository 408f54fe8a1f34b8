#pragma once

#include "base/result.h"
#include "base/types.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor {

/// A port of the host whose connections go to a port of the guest.
struct HostForward {
    enum class Protocol : u8 { tcp, udp };

    Protocol protocol { Protocol::tcp };
    /// IPv4 addresses; empty means this host only, and the guest's first DHCP address.
    std::string host_address {};
    u16 host_port { 0 };
    std::string guest_address {};
    u16 guest_port { 0 };

    /// From `tcp:[ADDRESS]:PORT-[ADDRESS]:PORT`, protocol `tcp`, `udp` or empty.
    [[nodiscard]] static Result<HostForward> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
};

/// A network interface on a network of its own inside the process: DHCP, DNS and outbound connections without privileges.
struct VirtioNetConfig {
    std::array<u8, 6> mac { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    std::vector<HostForward> forwards {};
    /// The gateway's address reaches what listens on the host's own (127.0.0.1).
    bool host_loopback { false };

    /// From `user[,mac=XX:XX:XX:XX:XX:XX][,host-loopback][,hostfwd=…]…`.
    [[nodiscard]] static Result<VirtioNetConfig> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
};

} // namespace zvisor
