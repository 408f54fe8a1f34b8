#include "debug/gdb/server.h"

#include "debug/gdb/packets.h"
#include "debug/test_guest.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

namespace zvisor::debug::gdb {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(PacketReader, TakesBytesApart)
{
    PacketReader reader;
    reader.add("+$m10,4#");
    EXPECT_FALSE(reader.next());
    reader.add(fmt::format("{:02x}\x03$c#00", ('m' + '1' + '0' + ',' + '4') & 0xff));
    auto packet = reader.next();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->payload, "m10,4");
    EXPECT_EQ(reader.next()->kind, Input::Kind::interrupt);
    EXPECT_EQ(reader.next()->kind, Input::Kind::damaged_packet);
    EXPECT_FALSE(reader.next());
    reader.add(frame("X0,1:}\x03"));
    EXPECT_EQ(reader.next()->payload, "X0,1:#");
}

/// The side of gdb.
class Client {
public:
    explicit Client(u16 port)
        : m_socket(socket(AF_INET, SOCK_STREAM, 0))
    {
        timeval patience { .tv_sec = 20, .tv_usec = 0 };
        setsockopt(m_socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in address {};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(connect(m_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ~Client() { close(m_socket); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send_raw(std::string_view bytes) { EXPECT_EQ(send(m_socket, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size())); }

    /// The next packet of the server; empty when none comes.
    std::string receive()
    {
        for (;;) {
            if (auto packet = m_reader.next())
                return packet->payload;
            char buffer[4096];
            ssize_t length = recv(m_socket, buffer, sizeof buffer, 0);
            if (length <= 0)
                return "";
            m_reader.add({ buffer, static_cast<std::size_t>(length) });
        }
    }

    std::string ask(std::string_view payload)
    {
        send_raw(frame(payload));
        return receive();
    }

private:
    int m_socket;
    PacketReader m_reader;
};

/// Counts in register 1 and at 200.
class ServedGuest : public testing::Test {
protected:
    ServedGuest()
    {
        server->start(guest.group, true, [this] { killed = true; });
        guest.group.start();
    }
    ~ServedGuest() override { server->stop(); }

    std::atomic<bool> killed { false };
    std::unique_ptr<Server> server { std::move(Server::listen(0)).value() };
    TestGuest guest { { "LGHI 1,0", "AGHI 1,1", "STG 1,512", "J 0x1004" }, server->debugger(), 2 };
};

TEST_F(ServedGuest, DescribesItself)
{
    Client gdb(server->port());
    EXPECT_THAT(gdb.ask("qSupported:swbreak+"), HasSubstr("qXfer:features:read+"));
    EXPECT_THAT(gdb.ask("qXfer:features:read:target.xml:0,100"), StartsWith("m<?xml"));
    EXPECT_EQ(gdb.ask("qfThreadInfo"), "m1,2");
    EXPECT_EQ(gdb.ask("qsThreadInfo"), "l");
    EXPECT_EQ(gdb.ask("vMustReplyEmpty"), "");
    EXPECT_EQ(gdb.ask("?"), "T02thread:1;");
    EXPECT_EQ(gdb.ask("p1"), "0000000000001000") << "waits at its first instruction";
}

TEST_F(ServedGuest, StopsAtBreakpointsAndSteps)
{
    Client gdb(server->port());
    gdb.ask("qSupported:swbreak+");
    EXPECT_EQ(gdb.ask("Z0,1004,2"), "OK");
    EXPECT_EQ(gdb.ask("c"), "T05swbreak:;thread:1;");
    EXPECT_EQ(gdb.ask("p1"), "0000000000001004");
    EXPECT_EQ(gdb.ask("vCont;s:1;c"), "T05thread:1;");
    EXPECT_EQ(gdb.ask("p1"), "0000000000001008");
    EXPECT_EQ(gdb.ask("p3"), "0000000000000001");
    EXPECT_EQ(gdb.ask("c"), "T05swbreak:;thread:1;") << "once around the loop";
    EXPECT_EQ(gdb.ask("m200,8"), "0000000000000001");
}

TEST_F(ServedGuest, ChangesRegistersAndStorage)
{
    Client gdb(server->port());
    EXPECT_EQ(gdb.ask("P3=0000000000000041"), "OK");
    EXPECT_EQ(gdb.ask("P1=0000000000001004"), "OK");
    EXPECT_EQ(gdb.ask("P0=00"), "E22") << "wrong size";
    EXPECT_EQ(gdb.ask("s"), "T05thread:1;");
    EXPECT_EQ(gdb.ask("p3"), "0000000000000042");
    EXPECT_EQ(gdb.ask("M300,2:beef"), "OK");
    EXPECT_EQ(gdb.ask("m300,2"), "beef");
    EXPECT_EQ(gdb.ask("m100000,4"), "E14");
    EXPECT_EQ(gdb.ask("M1004,4:a71b0005"), "OK") << "code that has run";
    EXPECT_EQ(gdb.ask("P1=0000000000001004"), "OK");
    EXPECT_EQ(gdb.ask("s"), "T05thread:1;");
    EXPECT_EQ(gdb.ask("p3"), "0000000000000047");
}

TEST_F(ServedGuest, StopsWhenAWatchedPlaceChanges)
{
    Client gdb(server->port());
    EXPECT_EQ(gdb.ask("Z2,200,8"), "OK");
    EXPECT_EQ(gdb.ask("c"), "T05watch:200;thread:1;");
    EXPECT_EQ(gdb.ask("m200,8"), "0000000000000001");
    EXPECT_EQ(gdb.ask("p1"), "000000000000100e") << "behind the store";
}

TEST_F(ServedGuest, IsInterruptedAndLetGo)
{
    std::string before;
    {
        Client gdb(server->port());
        gdb.send_raw(frame("c"));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        gdb.send_raw("\x03");
        EXPECT_EQ(gdb.receive(), "T02thread:1;");
        before = gdb.ask("p3");
        EXPECT_EQ(gdb.ask("p3"), before);
        EXPECT_EQ(gdb.ask("D"), "OK");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    Client again(server->port());
    EXPECT_NE(again.ask("p3"), before) << "it went on";
    EXPECT_EQ(again.ask("k"), "OK");
    while (!killed)
        std::this_thread::yield();
}

TEST(Server, SaysWhyAPortCannotBeHad)
{
    auto first = Server::listen(0);
    ASSERT_TRUE(first);
    auto second = Server::listen((*first)->port());
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1"));
}

} // namespace
} // namespace zvisor::debug::gdb
