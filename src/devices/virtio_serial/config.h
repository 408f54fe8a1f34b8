#pragma once

#include <string>

namespace zvisor {

/// A channel between a program of the guest and the host: a port by name (/dev/virtio-ports/NAME in Linux).
struct VirtioSerialConfig {
    /// The port of qemu-guest-agent, which looks for this name.
    static constexpr const char* guest_agent = "org.qemu.guest_agent.0";

    std::string port { guest_agent };
};

} // namespace zvisor
