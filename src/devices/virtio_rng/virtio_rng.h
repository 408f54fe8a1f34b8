#pragma once

#include "devices/virtio/served_device.h"
#include "devices/virtio_rng/config.h"

namespace zvisor {

/// virtio entropy device (virtio 1.2, 5.4): fills buffers from the host's random number generator.
class VirtioRng final : public ServedVirtioDevice {
public:
    [[nodiscard]] static Result<std::unique_ptr<VirtioRng>> create(const VirtioRngConfig& config);
    ~VirtioRng() override { stop_serving(); }

private:
    explicit VirtioRng(EventFd bell);

    [[nodiscard]] std::vector<std::byte> configuration() const override { return {}; }
    [[nodiscard]] std::optional<u32> serve(u16 queue, const VirtioChain& chain) override;
    [[nodiscard]] bool is_served(u16) const override { return true; }
};

} // namespace zvisor
