#include "devices/virtio_net/network_port.h"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace zvisor {

void SocketPort::send(std::span<const std::byte> frame)
{
    iovec data { const_cast<std::byte*>(frame.data()), frame.size() };
    msghdr header {};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    // A frame there is no room for is lost, as on any wire.
    [[maybe_unused]] auto sent = sendmsg(m_socket.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void SocketPort::wait(int bell_fd)
{
    std::array<pollfd, 2> watched { pollfd { bell_fd, POLLIN, 0 }, pollfd { m_closed ? -1 : m_socket.get(), POLLIN, 0 } };
    poll(watched.data(), watched.size(), -1);
    if (watched[1].revents)
        receive();
}

void SocketPort::receive()
{
    // Some at a time, so that a flood does not keep the device from its other work.
    constexpr int turn = 64;
    for (int i = 0; i < turn && m_arrived.size() < most_waiting; ++i) {
        iovec data { m_frame.get(), longest_frame };
        msghdr header {};
        header.msg_iov = &data;
        header.msg_iovlen = 1;
        ssize_t length = recvmsg(m_socket.get(), &header, MSG_DONTWAIT);
        m_closed = length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR);
        if (length <= 0)
            return;
        m_arrived.emplace_back(m_frame.get(), m_frame.get() + length);
    }
}

} // namespace zvisor
