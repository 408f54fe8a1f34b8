#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace zvisor {

using Packet = std::vector<std::byte>;

/// The other end of a network device's cable. Used by one thread at a time.
class NetworkPort {
public:
    virtual ~NetworkPort() = default;

    /// A frame from the guest.
    virtual void send(std::span<const std::byte> frame) = 0;
    /// Frames for the guest, oldest first; the consumer removes them. At most a thousand wait, later ones are lost as on any wire.
    [[nodiscard]] std::deque<Packet>& arrived() { return m_arrived; }
    /// Waits for the network or for `bell_fd` to become readable and handles what the network has.
    virtual void wait(int bell_fd) = 0;

protected:
    static constexpr std::size_t most_waiting = 1000;

    std::deque<Packet> m_arrived;
};

/// A port whose network is in another process: a socket that keeps the bounds of frames (SOCK_SEQPACKET).
class SocketPort final : public NetworkPort {
public:
    /// The longest frame that goes through.
    static constexpr std::size_t longest_frame = 65536;

    explicit SocketPort(UniqueFd socket)
        : m_socket(std::move(socket))
    {
    }

    void send(std::span<const std::byte> frame) override;
    void wait(int bell_fd) override;
    /// The other process is gone.
    [[nodiscard]] bool closed() const { return m_closed; }
    /// Takes what has arrived without waiting.
    void receive();
    [[nodiscard]] int fd() const { return m_socket.get(); }

private:
    UniqueFd m_socket;
    bool m_closed { false };
    /// What arrives; no more of it is the host's than the longest frame that did.
    std::unique_ptr<std::byte[]> m_frame { std::make_unique_for_overwrite<std::byte[]>(longest_frame) };
};

} // namespace zvisor
