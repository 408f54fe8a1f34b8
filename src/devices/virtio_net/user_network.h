#pragma once

#include "devices/virtio_net/config.h"

#include <deque>
#include <memory>
#include <poll.h>
#include <span>
#include <vector>

struct Slirp;

namespace zvisor {

using Packet = std::vector<std::byte>;

/// The network a guest finds at the other end of its cable: 10.0.2.0/24 with gateway 10.0.2.2, name server 10.0.2.3 and DHCP
/// from 10.0.2.15 on, connections being made by this process. Used by one thread at a time.
class UserNetwork {
public:
    [[nodiscard]] static Result<std::unique_ptr<UserNetwork>> create(const std::vector<HostForward>& forwards);
    ~UserNetwork();
    UserNetwork(const UserNetwork&) = delete;
    UserNetwork& operator=(const UserNetwork&) = delete;

    /// A frame from the guest.
    void send(std::span<const std::byte> frame);
    /// Frames for the guest, oldest first; the consumer removes them. At most a thousand wait, later ones are lost as on any wire.
    [[nodiscard]] std::deque<Packet>& arrived() { return m_arrived; }
    /// Waits for the network or for `bell_fd` to become readable and handles what the network has.
    void wait(int bell_fd);

private:
    struct Timer;
    struct Callbacks;

    UserNetwork() = default;
    [[nodiscard]] Result<void> forward(const HostForward& forward);
    [[nodiscard]] int time_to_timer() const;
    void run_timers();

    Slirp* m_slirp { nullptr };
    std::deque<Packet> m_arrived;
    std::vector<std::unique_ptr<Timer>> m_timers;
    std::vector<pollfd> m_polled;
};

} // namespace zvisor
