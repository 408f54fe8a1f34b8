#pragma once

#include "base/unique_fd.h"
#include "devices/virtio/served_device.h"
#include "devices/virtio_serial/config.h"

#include <deque>
#include <memory>
#include <string>

namespace zvisor {

/// virtio console with several ports (virtio 1.2, 5.3, VIRTIO_CONSOLE_F_MULTIPORT), of which it has one, number 1, with a name: its bytes
/// go to a stream socket and come from there. What the host sends while no program has the port open is lost.
class VirtioSerial final : public ServedVirtioDevice {
public:
    /// Longest write of a program, in bytes; a longer one breaks the device.
    static constexpr std::size_t longest_write = 1 << 20;

    [[nodiscard]] static Result<std::unique_ptr<VirtioSerial>> create(VirtioSerialConfig config, UniqueFd socket);
    ~VirtioSerial() override { stop_serving(); }

    /// Takes another socket in the place of the one before; from any thread.
    void connect(UniqueFd socket);
    /// A program of the guest has the port open; from any thread.
    [[nodiscard]] bool is_open() const;

private:
    /// virtio_console_control, its fields in the driver's byte order.
    struct Control {
        u32 port;
        u16 event;
        u16 value;
    };

    VirtioSerial(VirtioSerialConfig config, UniqueFd socket, EventFd bell);

    [[nodiscard]] std::vector<std::byte> configuration() const override;
    [[nodiscard]] std::optional<u32> serve(u16 queue, const VirtioChain& chain) override;
    [[nodiscard]] bool is_served(u16 queue) const override;
    void wait(const EventFd& bell) override;
    void before_serving() override;
    void forgotten() override;

    [[nodiscard]] u32 give_control(const VirtioChain& chain);
    void take_control(const VirtioChain& chain);
    void tell(u16 event, u16 value, std::string_view text = {});
    [[nodiscard]] u32 give_input(const VirtioChain& chain);
    [[nodiscard]] bool take_output(const VirtioChain& chain);
    void receive();
    void send();

    VirtioSerialConfig m_config;
    /// Null when the other end has closed. The rest is locked too.
    std::shared_ptr<const UniqueFd> m_socket;
    /// A program has the port open.
    bool m_open { false };
    std::deque<std::vector<std::byte>> m_messages;
    std::vector<std::byte> m_input;
    std::vector<std::byte> m_output;
};

} // namespace zvisor
