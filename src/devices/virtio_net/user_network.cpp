#include "devices/virtio_net/user_network.h"

#include "devices/virtio_net/host_addresses.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <libslirp.h>

namespace zvisor {

namespace {

constexpr i64 nanoseconds_per_millisecond = 1'000'000;

i64 now_in_nanoseconds()
{
    auto since_start = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(since_start).count();
}

in_addr ipv4(const char* text)
{
    in_addr address {};
    inet_pton(AF_INET, text, &address);
    return address;
}

struct EventPair {
    short host;
    int slirp;
};

constexpr EventPair event_pairs[] = {
    { POLLIN, SLIRP_POLL_IN },
    { POLLOUT, SLIRP_POLL_OUT },
    { POLLPRI, SLIRP_POLL_PRI },
    { POLLERR, SLIRP_POLL_ERR },
    { POLLHUP, SLIRP_POLL_HUP },
};

short to_host(int events)
{
    int host = 0;
    for (auto pair : event_pairs)
        host |= events & pair.slirp ? pair.host : 0;
    return static_cast<short>(host);
}

int to_slirp(short events)
{
    int slirp = 0;
    for (auto pair : event_pairs)
        slirp |= events & pair.host ? pair.slirp : 0;
    return slirp;
}

} // namespace

struct UserNetwork::Timer {
    SlirpTimerCb callback;
    void* opaque;
    /// In milliseconds of the steady clock; negative while not set.
    i64 expires { -1 };
};

/// What libslirp calls; `opaque` is the network.
struct UserNetwork::Callbacks {
    static UserNetwork& network(void* opaque) { return *static_cast<UserNetwork*>(opaque); }

    static ssize_t send_packet(const void* bytes, size_t length, void* opaque)
    {
        auto& arrived = network(opaque).m_arrived;
        const auto* first = static_cast<const std::byte*>(bytes);
        if (arrived.size() < most_waiting)
            arrived.emplace_back(first, first + length);
        return static_cast<ssize_t>(length);
    }
    static void guest_error(const char*, void*) { }
    static int64_t clock(void*) { return now_in_nanoseconds(); }
    static void* new_timer(SlirpTimerCb callback, void* callback_opaque, void* opaque)
    {
        auto& timers = network(opaque).m_timers;
        timers.push_back(std::make_unique<Timer>(Timer { callback, callback_opaque }));
        return timers.back().get();
    }
    static void free_timer(void* timer, void* opaque)
    {
        std::erase_if(network(opaque).m_timers, [&](const auto& candidate) { return candidate.get() == timer; });
    }
    static void set_timer(void* timer, int64_t expires, void*) { static_cast<Timer*>(timer)->expires = expires; }
    static void register_fd(int, void*) { }
    static void unregister_fd(int, void*) { }
    // Everything happens on the one thread that waits, so there is nobody to wake.
    static void notify(void*) { }

    static int add_poll(int fd, int events, void* opaque)
    {
        auto& polled = network(opaque).m_polled;
        polled.push_back({ fd, to_host(events), 0 });
        return static_cast<int>(polled.size() - 1);
    }
    static int events_of(int index, void* opaque) { return to_slirp(network(opaque).m_polled[static_cast<std::size_t>(index)].revents); }

    static constexpr SlirpCb table { send_packet, guest_error, clock, new_timer, free_timer, set_timer, register_fd, unregister_fd, notify,
        nullptr, nullptr };
};

Result<std::unique_ptr<UserNetwork>> UserNetwork::create(const VirtioNetConfig& wanted)
{
    std::unique_ptr<UserNetwork> network(new UserNetwork);
    SlirpConfig config {};
    config.version = 1;
    config.in_enabled = true;
    config.vnetwork = ipv4("10.0.2.0");
    config.vnetmask = ipv4("255.255.255.0");
    config.vhost = ipv4("10.0.2.2");
    config.vdhcp_start = ipv4("10.0.2.15");
    config.vnameserver = ipv4("10.0.2.3");
    config.vhostname = "zvisor";
    config.in6_enabled = true;
    inet_pton(AF_INET6, "fec0::", &config.vprefix_addr6);
    config.vprefix_len = 64;
    inet_pton(AF_INET6, "fec0::2", &config.vhost6);
    inet_pton(AF_INET6, "fec0::3", &config.vnameserver6);
    config.disable_host_loopback = !wanted.host_loopback;
    network->m_slirp = slirp_new(&config, &Callbacks::table, network.get());
    if (!network->m_slirp)
        return fail("net: the user-mode network cannot be started");
    for (const auto& forward : wanted.forwards)
        TRY_VOID(network->forward(forward));
    return network;
}

UserNetwork::~UserNetwork()
{
    if (m_slirp)
        slirp_cleanup(m_slirp);
}

Result<void> UserNetwork::forward(const HostForward& wanted)
{
    std::string host = wanted.host_address.empty() ? "127.0.0.1" : wanted.host_address;
    std::string guest = wanted.guest_address.empty() ? "10.0.2.15" : wanted.guest_address;
    bool udp = wanted.protocol == HostForward::Protocol::udp;
    if (slirp_add_hostfwd(m_slirp, udp, ipv4(host.c_str()), wanted.host_port, ipv4(guest.c_str()), wanted.guest_port) == 0)
        return {};
    const char* reason = errno == EADDRINUSE ? "the port is in use by another program" : std::strerror(errno);
    return fail(
        fmt::format("net: host port {}:{} cannot be forwarded (hostfwd={}): {}", host, wanted.host_port, wanted.to_string(), reason));
}

void UserNetwork::send(std::span<const std::byte> frame)
{
    if (is_for_host(frame))
        return;
    slirp_input(m_slirp, reinterpret_cast<const u8*>(frame.data()), static_cast<int>(frame.size()));
}

int UserNetwork::time_to_timer() const
{
    constexpr i64 longest = 60'000;
    i64 now = now_in_nanoseconds() / nanoseconds_per_millisecond;
    i64 left = longest;
    for (const auto& timer : m_timers)
        if (timer->expires >= 0)
            left = std::min(left, std::max<i64>(timer->expires - now, 0));
    return static_cast<int>(left);
}

void UserNetwork::run_timers()
{
    i64 now = now_in_nanoseconds() / nanoseconds_per_millisecond;
    for (std::size_t i = 0; i < m_timers.size(); ++i) {
        Timer& timer = *m_timers[i];
        if (timer.expires < 0 || timer.expires > now)
            continue;
        timer.expires = -1;
        timer.callback(timer.opaque);
    }
}

void UserNetwork::wait(int bell_fd)
{
    m_polled.clear();
    m_polled.push_back({ bell_fd, POLLIN, 0 });
    auto timeout = static_cast<u32>(time_to_timer());
    slirp_pollfds_fill(m_slirp, &timeout, Callbacks::add_poll, this);
    int ready = poll(m_polled.data(), m_polled.size(), static_cast<int>(timeout));
    slirp_pollfds_poll(m_slirp, ready < 0, Callbacks::events_of, this);
    run_timers();
}

} // namespace zvisor
