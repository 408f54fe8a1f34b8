#include "devices/virtio_net/virtio_net.h"

#include "devices/virtio/test_driver.h"
#include "devices/virtio_net/user_network.h"

#include <arpa/inet.h>
#include <sys/socket.h>

namespace zvisor {
namespace {

constexpr u64 mac_feature = 1 << 5;
constexpr u64 transmit_address = 0x20000;
constexpr u64 receive_address = 0x21000;
constexpr std::size_t header_size = 12;

const std::string guest_mac { "\x52\x54\x00\x12\x34\x56", 6 };

/// "Who has 10.0.2.2?", asked by 10.0.2.15.
std::string arp_request()
{
    std::string frame = std::string(6, '\xff') + guest_mac + std::string("\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 10) + guest_mac;
    return frame + std::string("\x0a\x00\x02\x0f\x00\x00\x00\x00\x00\x00\x0a\x00\x02\x02", 14);
}

class NetDriver : public TestDriver {
public:
    explicit NetDriver(const VirtioNetConfig& config)
        : TestDriver(std::move(VirtioNet::create(config, UserNetwork::create(config).value())).value())
    {
        set_up(mac_feature, 2);
    }

    void lend_buffer()
    {
        describe(0, 0, { receive_address, 2048, write_flag, 0 });
        offer(0, 0);
        ring_for(0);
    }

    void transmit(const std::string& frame)
    {
        bench.put(transmit_address, std::string(header_size, '\0') + frame);
        describe(1, 0, { transmit_address, static_cast<u32>(header_size + frame.size()), 0, 0 });
        offer(1, 0);
        ring_for(1);
        EXPECT_EQ(completed(1), 0u);
    }

    std::string received()
    {
        u32 length = completed(0);
        return bench.get(receive_address, length);
    }
};

/// A host port that was free a moment ago.
u16 bound_port(int listener)
{
    sockaddr_in address {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t length = sizeof address;
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin_port);
}

TEST(VirtioNetConfig, ParsesSeveralForwards)
{
    auto config = VirtioNetConfig::parse("user,mac=02:00:00:00:00:01,hostfwd=tcp::2222-:22,hostfwd=udp:0.0.0.0:53-10.0.2.15:53").value();
    ASSERT_EQ(config.forwards.size(), 2u);
    EXPECT_EQ(config.forwards[0].host_port, 2222);
    EXPECT_EQ(config.forwards[0].guest_port, 22);
    EXPECT_EQ(config.to_string(), "user,mac=02:00:00:00:00:01,hostfwd=tcp::2222-:22,hostfwd=udp:0.0.0.0:53-10.0.2.15:53");
    EXPECT_FALSE(config.host_loopback);
    config = VirtioNetConfig::parse("user,host-loopback").value();
    EXPECT_TRUE(config.host_loopback);
    EXPECT_EQ(config.to_string(), "user,mac=52:54:00:12:34:56,host-loopback");
}

TEST(VirtioNetConfig, RefusesNonsenseWithASentence)
{
    for (const char* text : { "tap", "user,foo", "user,hostfwd=tcp::99999-:22", "user,hostfwd=icmp::1-:2", "user,hostfwd=tcp::22",
             "user,hostfwd=tcp:host:22-:22", "user,mac=1:2:3", "user,mac=01:00:00:00:00:00" })
        EXPECT_TRUE(!VirtioNetConfig::parse(text) && VirtioNetConfig::parse(text).error().message.find("expected") != std::string::npos)
            << text;
}

TEST(VirtioNet, AnswersAddressResolution)
{
    NetDriver driver { {} };
    EXPECT_EQ(driver.command(0x22, 8), 0x0c);
    EXPECT_EQ(driver.answer(8), guest_mac + std::string("\1\0", 2));
    driver.lend_buffer();
    driver.transmit(arp_request());
    std::string frame = driver.received();
    ASSERT_GE(frame.size(), header_size + 42);
    EXPECT_EQ(frame.substr(0, header_size), std::string(10, '\0') + std::string("\1\0", 2));
    EXPECT_EQ(frame.substr(header_size, 6), guest_mac);
    EXPECT_EQ(frame.substr(header_size + 20, 2), std::string("\0\2", 2)) << "a reply";
    EXPECT_EQ(frame.substr(header_size + 28, 4), std::string("\x0a\0\2\2", 4));
}

TEST(VirtioNet, FramesWaitForBuffers)
{
    NetDriver driver { {} };
    driver.transmit(arp_request());
    driver.transmit(arp_request());
    driver.lend_buffer();
    EXPECT_GE(driver.received().size(), header_size + 42);
    driver.lend_buffer();
    EXPECT_GE(driver.received().size(), header_size + 42);
}

TEST(VirtioNet, ForwardedConnectionsReachTheGuest)
{
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    u16 port = bound_port(probe);
    close(probe);
    VirtioNetConfig config;
    config.forwards.push_back({ .host_port = port, .guest_port = 22 });
    NetDriver driver { config };
    driver.lend_buffer();
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::string frame = driver.received();
    EXPECT_EQ(frame.substr(header_size + 12, 2), "\x08\x06") << "the network asks where 10.0.2.15 is";
    close(client);
}

TEST(VirtioNet, ABusyPortGivesASentence)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    u16 port = bound_port(listener);
    listen(listener, 1);
    VirtioNetConfig config;
    config.forwards.push_back({ .host_port = port, .guest_port = 22 });
    auto network = UserNetwork::create(config);
    ASSERT_FALSE(network);
    EXPECT_NE(network.error().message.find("the port is in use by another program"), std::string::npos) << network.error().message;
    close(listener);
}

TEST(VirtioNet, OddFramesAreSurvived)
{
    NetDriver driver { {} };
    driver.transmit("");
    driver.transmit("x");
    driver.transmit(std::string(4000, '\xff'));
    driver.lend_buffer();
    driver.transmit(arp_request());
    EXPECT_GE(driver.received().size(), header_size + 42);
}

} // namespace
} // namespace zvisor
