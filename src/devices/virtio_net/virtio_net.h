#pragma once

#include "base/event_fd.h"
#include "devices/virtio/virtio_device.h"
#include "devices/virtio_net/config.h"
#include "devices/virtio_net/network_port.h"

#include <thread>

namespace zvisor {

/// virtio network device (virtio 1.2, 5.1) on the port of a network.
class VirtioNet final : public VirtioDevice {
public:
    [[nodiscard]] static Result<std::unique_ptr<VirtioNet>> create(const VirtioNetConfig& config, std::unique_ptr<NetworkPort> port);
    ~VirtioNet() override;

    [[nodiscard]] const VirtioNetConfig& config() const { return m_config; }

private:
    VirtioNet(VirtioNetConfig config, std::unique_ptr<NetworkPort> network, EventFd bell);

    // VirtioDevice
    [[nodiscard]] std::vector<std::byte> configuration() const override;
    void queue_notified(u16) override { m_bell.ring(); }

    void run();
    void transmit();
    void receive();
    [[nodiscard]] bool deliver(const Packet& packet);
    [[nodiscard]] std::size_t header_size() const { return accepted(VirtioFeature::version_1) ? 12 : 10; }

    VirtioNetConfig m_config;
    std::unique_ptr<NetworkPort> m_network;
    EventFd m_bell;
    std::atomic<bool> m_stopping { false };
    std::thread m_thread;
};

} // namespace zvisor
