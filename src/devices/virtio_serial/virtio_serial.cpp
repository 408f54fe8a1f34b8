#include "devices/virtio_serial/virtio_serial.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

namespace zvisor {

namespace {

constexpr u64 multiple_ports_feature = 2;
constexpr u8 device_type = 3;
constexpr u16 queue_size = 64;
/// Port 0 is a console where a device has one; this one's only port comes after it.
constexpr u32 only_port = 1;
constexpr u32 ports = 2;

/// Queues: two of port 0, two of control messages, two of port 1.
constexpr u16 control_receive = 2;
constexpr u16 control_transmit = 3;
constexpr u16 receive_queue = 4;
constexpr u16 transmit_queue = 5;

/// Events of control messages.
struct Event {
    static constexpr u16 device_ready = 0;
    static constexpr u16 add_port = 1;
    static constexpr u16 port_ready = 3;
    static constexpr u16 open = 6;
    static constexpr u16 name = 7;
};

/// A driver that takes no messages does not get more than this.
constexpr std::size_t most_messages = 64;
/// Bytes read from the socket at once.
constexpr std::size_t most_input = 16 * 1024;

/// Number of bytes that went, 0 when there is no room; nothing when the other end has closed.
[[nodiscard]] std::optional<std::size_t> transfer(ssize_t (*call)(int, msghdr*), int socket, std::span<std::byte> bytes)
{
    iovec data { bytes.data(), bytes.size() };
    msghdr header {};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    ssize_t count = call(socket, &header);
    if (count > 0)
        return static_cast<std::size_t>(count);
    bool later = count < 0 && (errno == EAGAIN || errno == EINTR);
    return later ? std::optional<std::size_t>(0) : std::nullopt;
}

} // namespace

VirtioSerial::VirtioSerial(VirtioSerialConfig config, UniqueFd socket, EventFd bell)
    : ServedVirtioDevice(
          device_type, multiple_ports_feature, { queue_size, queue_size, queue_size, queue_size, queue_size, queue_size }, std::move(bell))
    , m_config(std::move(config))
    , m_socket(std::make_shared<const UniqueFd>(std::move(socket)))
{
}

Result<std::unique_ptr<VirtioSerial>> VirtioSerial::create(VirtioSerialConfig config, UniqueFd socket)
{
    std::unique_ptr<VirtioSerial> device(new VirtioSerial(std::move(config), std::move(socket), TRY(EventFd::create())));
    device->start_serving();
    return device;
}

void VirtioSerial::connect(UniqueFd socket)
{
    auto held = lock();
    m_socket = std::make_shared<const UniqueFd>(std::move(socket));
    // What was meant for the one before.
    m_input.clear();
    m_output.clear();
    wake();
}

bool VirtioSerial::is_open() const
{
    auto held = lock();
    return m_open;
}

std::vector<std::byte> VirtioSerial::configuration() const
{
    // No size of a terminal, and no register for emergencies.
    return VirtioWriter { endian() }.put(u16 { 0 }).put(u16 { 0 }).put(ports).put(u32 { 0 }).take();
}

void VirtioSerial::forgotten()
{
    m_open = false;
    m_messages.clear();
    m_input.clear();
    m_output.clear();
}

// ---- The socket ----------------------------------------------------------------------------------------------------

void VirtioSerial::wait(const EventFd& bell)
{
    std::shared_ptr<const UniqueFd> socket;
    std::array<pollfd, 2> watched { pollfd { bell.fd(), POLLIN, 0 }, pollfd { -1, 0, 0 } };
    {
        auto held = lock();
        socket = m_socket;
        // While there is input to deliver, or output that finds no room, nothing else is to be done with it.
        auto events = static_cast<short>((m_input.empty() ? POLLIN : 0) | (m_output.empty() ? 0 : POLLOUT));
        if (socket && events != 0)
            watched[1] = { socket->get(), events, 0 };
    }
    poll(watched.data(), watched.size(), -1);
    bell.silence();
}

void VirtioSerial::before_serving()
{
    send();
    receive();
}

void VirtioSerial::receive()
{
    if (!m_socket || !m_input.empty())
        return;
    m_input.resize(most_input);
    auto count = transfer([](int fd, msghdr* header) { return recvmsg(fd, header, MSG_DONTWAIT); }, m_socket->get(), m_input);
    m_input.resize(m_open ? count.value_or(0) : 0);
    if (!count)
        m_socket.reset();
}

void VirtioSerial::send()
{
    std::size_t sent = 0;
    while (m_socket && sent < m_output.size()) {
        auto count = transfer([](int fd, msghdr* header) { return sendmsg(fd, header, MSG_DONTWAIT | MSG_NOSIGNAL); }, m_socket->get(),
            std::span { m_output }.subspan(sent));
        if (!count)
            m_socket.reset();
        if (count.value_or(0) == 0)
            break;
        sent += *count;
    }
    // Without another end output is lost.
    m_output.erase(m_output.begin(), m_socket ? m_output.begin() + static_cast<std::ptrdiff_t>(sent) : m_output.end());
}

// ---- The queues ----------------------------------------------------------------------------------------------------

bool VirtioSerial::is_served(u16 queue) const
{
    switch (queue) {
    case control_receive:
        return !m_messages.empty();
    case control_transmit:
        return true;
    case receive_queue:
        return !m_input.empty();
    case transmit_queue:
        return m_output.empty();
    default:
        return false;
    }
}

std::optional<u32> VirtioSerial::serve(u16 queue, const VirtioChain& chain)
{
    if (queue == control_receive)
        return give_control(chain);
    if (queue == receive_queue)
        return give_input(chain);
    if (queue == control_transmit)
        take_control(chain);
    else if (!take_output(chain))
        return {};
    return 0;
}

u32 VirtioSerial::give_control(const VirtioChain& chain)
{
    auto message = std::move(m_messages.front());
    m_messages.pop_front();
    return static_cast<u32>(scatter(storage(), chain.writable, 0, message));
}

void VirtioSerial::tell(u16 event, u16 value, std::string_view text)
{
    if (m_messages.size() == most_messages)
        return;
    auto bytes = VirtioWriter { endian() }.put(only_port).put(event).put(value).take();
    auto more = std::as_bytes(std::span { text });
    bytes.insert(bytes.end(), more.begin(), more.end());
    m_messages.push_back(std::move(bytes));
    wake();
}

void VirtioSerial::take_control(const VirtioChain& chain)
{
    Control message {};
    if (gather(storage(), chain.readable, 0, std::as_writable_bytes(std::span { &message, 1 })) != sizeof message)
        return;
    u16 event = endian().convert(message.event);
    bool on = message.value != 0;
    if (event == Event::device_ready && on)
        return tell(Event::add_port, 1);
    if (endian().convert(message.port) != only_port)
        return;
    if (event == Event::port_ready && on) {
        tell(Event::name, 1, m_config.port);
        // The host's end is always open: who sends nothing is not there.
        tell(Event::open, 1);
    }
    if (event == Event::open) {
        m_open = on;
        m_input.clear();
    }
}

u32 VirtioSerial::give_input(const VirtioChain& chain)
{
    std::size_t length = std::min<u64>(m_input.size(), chain.writable_length());
    auto stored = scatter(storage(), chain.writable, 0, std::span { m_input }.first(length));
    m_input.erase(m_input.begin(), m_input.begin() + static_cast<std::ptrdiff_t>(length));
    return static_cast<u32>(stored);
}

bool VirtioSerial::take_output(const VirtioChain& chain)
{
    u64 length = chain.readable_length();
    if (length > longest_write)
        return false;
    m_output.resize(length);
    m_output.resize(gather(storage(), chain.readable, 0, m_output));
    send();
    return true;
}

} // namespace zvisor
