// Frames a program sends into a user-mode network, and servers of the host that must not hear of them.

#include "machine/isolation.h"

#include "base/types.h"
#include "base/unique_fd.h"
#include "devices/virtio_net/user_network.h"

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <vector>

namespace zvisor::isolation {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<u8>;

enum class Protocol : u8 { tcp = 6, udp = 17 };

void append(Bytes& bytes, const Bytes& more)
{
    bytes.insert(bytes.end(), more.begin(), more.end());
}

[[nodiscard]] Bytes big_endian(u32 value, unsigned count)
{
    Bytes bytes;
    for (unsigned i = count; i-- > 0;)
        bytes.push_back(static_cast<u8>(value >> (8 * i)));
    return bytes;
}

[[nodiscard]] Bytes address(const std::string& text)
{
    Bytes bytes(text.contains(':') ? 16 : 4);
    EXPECT_EQ(inet_pton(bytes.size() == 4 ? AF_INET : AF_INET6, text.c_str(), bytes.data()), 1);
    return bytes;
}

/// The Internet checksum (RFC 1071).
[[nodiscard]] u16 checksum(Bytes bytes)
{
    if (bytes.size() % 2 != 0)
        bytes.push_back(0);
    u32 sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2)
        sum += u32 { bytes[i] } << 8 | bytes[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<u16>(~sum);
}

/// A datagram, or the first segment of a connection, with its checksum.
[[nodiscard]] Bytes transport(Protocol protocol, const Bytes& from, const Bytes& to, u16 port)
{
    Bytes segment = big_endian(40'000, 2);
    append(segment, big_endian(port, 2));
    constexpr std::size_t checksum_in_tcp = 16;
    constexpr std::size_t checksum_in_udp = 6;
    std::size_t at = protocol == Protocol::tcp ? checksum_in_tcp : checksum_in_udp;
    append(segment,
        protocol == Protocol::tcp ? Bytes { 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0 }
                                  : Bytes { 0, 12, 0, 0, 'a', 'b', 'c', 'd' });
    Bytes pseudo = from;
    append(pseudo, to);
    append(pseudo, big_endian(static_cast<u32>(segment.size()), 4));
    append(pseudo, big_endian(static_cast<u32>(protocol), 4));
    append(pseudo, segment);
    Bytes sum = big_endian(checksum(pseudo), 2);
    std::copy(sum.begin(), sum.end(), segment.begin() + static_cast<std::ptrdiff_t>(at));
    return segment;
}

[[nodiscard]] Bytes packet(Protocol protocol, const std::string& destination, u16 port)
{
    Bytes to = address(destination);
    bool version_4 = to.size() == 4;
    Bytes from = address(version_4 ? "10.0.2.15" : "fec0::15");
    Bytes segment = transport(protocol, from, to, port);
    Bytes header { 0x45, 0 };
    if (version_4) {
        append(header, big_endian(static_cast<u32>(20 + segment.size()), 2));
        append(header, { 0, 1, 0, 0, 64, static_cast<u8>(protocol), 0, 0 });
    } else {
        header = { 0x60, 0, 0, 0 };
        append(header, big_endian(static_cast<u32>(segment.size()), 2));
        append(header, { static_cast<u8>(protocol), 64 });
    }
    append(header, from);
    append(header, to);
    if (version_4) {
        Bytes sum = big_endian(checksum(header), 2);
        std::copy(sum.begin(), sum.end(), header.begin() + 10);
    }
    append(header, segment);
    return header;
}

[[nodiscard]] Bytes frame(Protocol protocol, const std::string& destination, u16 port)
{
    // To the gateway, whatever is in it.
    Bytes bytes { 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    append(bytes, destination.contains(':') ? Bytes { 0x86, 0xdd } : Bytes { 0x08, 0x00 });
    append(bytes, packet(protocol, destination, port));
    return bytes;
}

/// A server on a loopback address of the host.
struct Server {
    Server(int family, Protocol of)
        : protocol(of)
        , socket(::socket(family, (of == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
    {
        sockaddr_in version_4 { .sin_family = AF_INET, .sin_port = 0, .sin_addr = { htonl(INADDR_LOOPBACK) }, .sin_zero = {} };
        sockaddr_in6 version_6 {};
        version_6.sin6_family = AF_INET6;
        version_6.sin6_addr = in6addr_loopback;
        auto* at = family == AF_INET ? reinterpret_cast<sockaddr*>(&version_4) : reinterpret_cast<sockaddr*>(&version_6);
        socklen_t length = family == AF_INET ? sizeof version_4 : sizeof version_6;
        there = bind(socket.get(), at, length) == 0 && (of == Protocol::udp || listen(socket.get(), 5) == 0);
        getsockname(socket.get(), at, &length);
        port = ntohs(family == AF_INET ? version_4.sin_port : version_6.sin6_port);
    }
    [[nodiscard]] bool hears() const
    {
        if (protocol == Protocol::tcp)
            return UniqueFd(accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC)).valid();
        std::array<char, 16> bytes {};
        return recv(socket.get(), bytes.data(), bytes.size(), 0) > 0;
    }

    Protocol protocol;
    UniqueFd socket;
    bool there { false };
    u16 port { 0 };
};

/// Whether a server hears of a frame that goes through a network.
[[nodiscard]] bool is_reached(const Server& server, const std::string& destination, bool host_loopback)
{
    auto network = UserNetwork::create({ .host_loopback = host_loopback });
    EXPECT_TRUE(network) << network.error().message;
    // Something to wait for that is always there.
    UniqueFd ready(memfd_create("ready", MFD_CLOEXEC));
    auto send = [&](const Bytes& bytes) { (*network)->send(std::as_bytes(std::span(bytes))); };
    send(frame(server.protocol, destination, server.port));
    for (auto end = std::chrono::steady_clock::now() + 100ms; std::chrono::steady_clock::now() < end;) {
        (*network)->wait(ready.get());
        if (server.hears())
            return true;
    }
    return false;
}

} // namespace

void frames_reach_the_host(Checks& checks)
{
    for (auto protocol : { Protocol::tcp, Protocol::udp }) {
        const char* name = protocol == Protocol::tcp ? "TCP" : "UDP";
        Server server(AF_INET, protocol);
        checks.check(server.there && is_reached(server, "10.0.2.2", true),
            fmt::format("{}: the gateway is the host where that was asked for; else this shows nothing", name));
        for (const char* to : { "10.0.2.2", "127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "0.0.0.1", "255.255.255.255",
                 "10.0.2.3", "10.0.2.255", "::ffff:127.0.0.1", "::127.0.0.1" })
            checks.check(!is_reached(server, to, false), fmt::format("{} to {} reaches the host", name, to));
        for (const char* to : { "127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1" })
            checks.check(!is_reached(server, to, true), fmt::format("{} to {} reaches the host by its own address", name, to));
        Server server_6(AF_INET6, protocol);
        if (!server_6.there)
            continue;
        for (const char* to : { "fec0::2", "::1", "::", "fec0::3", "ff02::1" })
            checks.check(!is_reached(server_6, to, false), fmt::format("{} to {} reaches the host", name, to));
    }
}

} // namespace zvisor::isolation
