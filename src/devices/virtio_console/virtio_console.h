#pragma once

#include "devices/virtio/served_device.h"
#include "devices/virtio_console/config.h"

#include <deque>
#include <functional>

namespace zvisor {

/// virtio console (virtio 1.2, 5.3) with one port.
class VirtioConsole final : public ServedVirtioDevice {
public:
    [[nodiscard]] static Result<std::unique_ptr<VirtioConsole>> create(const VirtioConsoleConfig& config);
    ~VirtioConsole() override { stop_serving(); }

    /// Receives what the guest writes, on the device's thread. It must not call back. Set before the guest runs.
    void on_output(std::function<void(std::span<const std::byte>)> listener) { m_listener = std::move(listener); }
    /// Types at the guest. What it does not take waits, up to 64 KiB; returns how many bytes were accepted.
    std::size_t type(std::span<const std::byte> bytes);
    void resize(u16 columns, u16 rows);

private:
    VirtioConsole(const VirtioConsoleConfig& config, EventFd bell);

    [[nodiscard]] std::vector<std::byte> configuration() const override;
    [[nodiscard]] std::optional<u32> serve(u16 queue, const VirtioChain& chain) override;
    [[nodiscard]] bool is_served(u16 queue) const override;
    [[nodiscard]] u32 give_input(const VirtioChain& chain);

    VirtioConsoleConfig m_size;
    std::function<void(std::span<const std::byte>)> m_listener;
    std::deque<std::byte> m_input;
};

} // namespace zvisor
