#pragma once

#include "devices/virtio_net/config.h"
#include "devices/virtio_net/network_port.h"

#include <memory>
#include <poll.h>
#include <span>
#include <vector>

struct Slirp;

namespace zvisor {

/// The network a guest finds at the other end of its cable: 10.0.2.0/24 with gateway 10.0.2.2, name server 10.0.2.3 and DHCP
/// from 10.0.2.15 on, connections being made by this process. The host's loopback addresses are nowhere in it; with `host_loopback` the
/// gateway stands for 127.0.0.1.
class UserNetwork final : public NetworkPort {
public:
    [[nodiscard]] static Result<std::unique_ptr<UserNetwork>> create(const VirtioNetConfig& config);
    ~UserNetwork() override;
    UserNetwork(const UserNetwork&) = delete;
    UserNetwork& operator=(const UserNetwork&) = delete;

    void send(std::span<const std::byte> frame) override;
    void wait(int bell_fd) override;

private:
    struct Timer;
    struct Callbacks;

    UserNetwork() = default;
    [[nodiscard]] Result<void> forward(const HostForward& forward);
    [[nodiscard]] int time_to_timer() const;
    void run_timers();

    Slirp* m_slirp { nullptr };
    std::vector<std::unique_ptr<Timer>> m_timers;
    std::vector<pollfd> m_polled;
};

} // namespace zvisor
