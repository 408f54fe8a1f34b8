#pragma once

#include "devices/virtio/served_device.h"
#include "devices/virtio_balloon/config.h"

namespace zvisor {

/// virtio memory balloon (virtio 1.2, 5.5): blocks the guest puts into it are discarded on the host and read as zero.
class VirtioBalloon final : public ServedVirtioDevice {
public:
    [[nodiscard]] static Result<std::unique_ptr<VirtioBalloon>> create(const VirtioBalloonConfig& config);
    ~VirtioBalloon() override { stop_serving(); }

    /// Asks the guest for a balloon of this many bytes, rounded down to blocks of 4096.
    void set_target(u64 bytes);
    /// Bytes the guest says the balloon holds.
    [[nodiscard]] u64 actual() const;

private:
    VirtioBalloon(const VirtioBalloonConfig& config, EventFd bell);

    [[nodiscard]] std::vector<std::byte> configuration() const override;
    void configuration_written(std::span<const std::byte> bytes) override;
    void forgotten() override { m_actual_pages = 0; }
    [[nodiscard]] std::optional<u32> serve(u16 queue, const VirtioChain& chain) override;
    [[nodiscard]] bool is_served(u16) const override { return true; }
    void discard(u64 first_page, u64 pages);

    u32 m_target_pages;
    u32 m_actual_pages { 0 };
};

} // namespace zvisor
