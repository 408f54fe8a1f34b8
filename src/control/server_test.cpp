#include "control/client.h"
#include "control/listeners.h"
#include "control/server.h"
#include "control/test_machine.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace zvisor {

namespace {

using std::chrono::milliseconds;

/// A server at a socket of its own.
class Server : public ::testing::Test {
protected:
    void serve(HttpLimits limits = {}, std::size_t most_connections = 8)
    {
        m_server = ControlServer::create(m_machine.firmware(), m_machine.end(), open_entrances(socket(), {}).value(),
            { .limits = limits, .most_connections = most_connections })
                       .value();
    }
    [[nodiscard]] std::string socket() const { return m_machine.folder() / "api.sock"; }

    TestMachine m_machine;
    std::unique_ptr<ControlServer> m_server;
};

/// A client that speaks as it likes.
class RawClient {
public:
    explicit RawClient(const std::string& socket)
        : m_socket(connect_to_path(socket))
    {
        VERIFY(m_socket.valid());
        timeval patience { .tv_sec = 20, .tv_usec = 0 };
        setsockopt(m_socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    void send(std::string_view text) const { ::send(m_socket.get(), text.data(), text.size(), MSG_NOSIGNAL); }
    /// All until the server closes.
    [[nodiscard]] std::string rest() const
    {
        std::string text;
        char buffer[4096];
        for (ssize_t count; (count = recv(m_socket.get(), buffer, sizeof buffer, 0)) > 0;)
            text.append(buffer, static_cast<std::size_t>(count));
        return text;
    }
    [[nodiscard]] std::string until(std::string_view end) const
    {
        std::string text;
        for (char c; !text.ends_with(end) && recv(m_socket.get(), &c, 1, 0) == 1;)
            text += c;
        return text;
    }

private:
    UniqueFd m_socket;
};

constexpr std::string_view ask = "GET /v1/machine HTTP/1.1\r\nHost: x\r\n\r\n";

[[nodiscard]] bool has_status(const std::string& answer, std::string_view status)
{
    return answer.starts_with(fmt::format("HTTP/1.1 {} ", status));
}

} // namespace

TEST_F(Server, ItsSocketIsForItsUserAlone)
{
    serve();
    struct stat status {};
    ASSERT_EQ(stat(socket().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(Server, AConnectionServesOneRequestAfterTheOther)
{
    serve();
    RawClient client(socket());
    client.send(std::string(ask) + std::string(ask));
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(has_status(client.until("\r\n\r\n"), "200"));
        EXPECT_TRUE(client.until("}\n").starts_with("{\"name\":\"TEST\""));
    }
}

TEST_F(Server, ASlowClientIsToldAndHoldsUpNobody)
{
    serve({ .transfer = milliseconds(300) });
    RawClient slow(socket());
    slow.send("GET /v1/mach");
    RawClient quick(socket());
    quick.send("GET /v1/machine HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(has_status(quick.rest(), "200"));
    auto answer = slow.rest();
    EXPECT_TRUE(has_status(answer, "408")) << answer;
    EXPECT_NE(answer.find("the request did not arrive within 300 ms"), std::string::npos) << answer;
}

TEST_F(Server, AClientThatSendsNowAndThenIsSlowToo)
{
    serve({ .transfer = milliseconds(300) });
    RawClient client(socket());
    std::jthread dripping([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            client.send("G");
            std::this_thread::sleep_for(milliseconds(20));
        }
    });
    auto answer = client.rest();
    EXPECT_TRUE(has_status(answer, "408")) << answer;
}

TEST_F(Server, ASilentClientIsForgotten)
{
    serve({ .idle = milliseconds(100) });
    EXPECT_EQ(RawClient(socket()).rest(), "");
}

TEST_F(Server, ABodyThatIsTooLongIsRefused)
{
    serve({ .body = 1000 });
    RawClient client(socket());
    client.send("POST /v1/partitions/LP1/console HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
    auto answer = client.rest();
    EXPECT_TRUE(has_status(answer, "413")) << answer;
    EXPECT_NE(answer.find("{\"error\":\"the body is longer than 1000 bytes\"}"), std::string::npos) << answer;
}

TEST_F(Server, ABodyInChunksThatIsTooLongIsRefused)
{
    serve({ .body = 1000 });
    RawClient client(socket());
    client.send("POST /v1/machine/stop HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n");
    EXPECT_TRUE(has_status(client.rest(), "413"));
    EXPECT_FALSE(m_machine.end().requested());
}

TEST_F(Server, AHeaderThatIsTooLongIsRefused)
{
    serve();
    RawClient client(socket());
    client.send("GET /v1/machine HTTP/1.1\r\nX: " + std::string(20'000, 'x'));
    EXPECT_TRUE(has_status(client.rest(), "431"));
}

TEST_F(Server, WhatIsNoHttpIsRefused)
{
    serve();
    RawClient client(socket());
    client.send("\x16\x03\x01 hello\r\n\r\n");
    EXPECT_TRUE(has_status(client.rest(), "400"));
}

TEST_F(Server, OneConnectionTooManyIsTurnedAway)
{
    serve({}, 2);
    RawClient first(socket());
    RawClient second(socket());
    // Both have been let in when they are answered.
    for (const auto* client : { &first, &second }) {
        client->send(ask);
        EXPECT_TRUE(has_status(client->until("}\n"), "200"));
    }
    auto answer = RawClient(socket()).rest();
    EXPECT_TRUE(has_status(answer, "503")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n{\"error\":\"too many connections are open\"}\n")) << answer;
}

TEST_F(Server, ALongPollIsAnsweredByTheEvent)
{
    serve();
    RawClient client(socket());
    client.send("GET /v1/events?wait=60 HTTP/1.1\r\nConnection: close\r\n\r\n");
    m_machine.firmware().events().add("LP1", "began");
    EXPECT_NE(client.rest().find("\"text\":\"began\""), std::string::npos);
}

TEST_F(Server, TheEndOfTheServerIsTheEndOfALongPoll)
{
    serve();
    RawClient client(socket());
    client.send("GET /v1/events?wait=60 HTTP/1.1\r\n\r\n");
    m_server.reset();
    // It may have been too late to be heard.
    auto answer = client.rest();
    EXPECT_TRUE(answer.empty() || has_status(answer, "200")) << answer;
}

TEST_F(Server, AStreamGoesOnUntilTheServerEnds)
{
    serve();
    RawClient client(socket());
    client.send("GET /v1/events/stream HTTP/1.1\r\n\r\n");
    m_machine.firmware().events().add("LP1", "one");
    EXPECT_NE(client.until("}\n").find("\"text\":\"one\""), std::string::npos);
    m_machine.firmware().events().add("LP1", "two");
    EXPECT_NE(client.until("}\n").find("\"text\":\"two\""), std::string::npos);
    m_server.reset();
    EXPECT_EQ(client.rest(), "\r\n0\r\n\r\n");
}

TEST_F(Server, TheClientCallsByTheSameRows)
{
    serve();
    Client client(socket());
    m_machine.firmware().events().add("LP#2", "began");
    EXPECT_EQ(client.call(operations::show_partition, { "LP#2" })->number, 2);
    EXPECT_EQ(client.call(operations::list_partitions, {})->partitions.size(), 2u);
    EXPECT_EQ(client.call(operations::list_events, { .wait = 0 })->events.front().partition, "LP#2");
    EXPECT_EQ(client.call(operations::stop, { "LP1" }).error().message, "partition LP1 is not activated");
}

TEST_F(Server, TheClientReadsTheConsoleByteByByte)
{
    serve();
    Client client(socket());
    (*m_machine.firmware().console("LP1"))->append("\xff\r\n");
    auto piece = client.read_console({ .name = "LP1" });
    EXPECT_EQ(piece->text, "\xff\r\n");
    EXPECT_EQ(piece->next, 3u);
}

TEST_F(Server, ACancelledCallEnds)
{
    serve();
    Client client(socket());
    std::jthread other([&] {
        std::this_thread::sleep_for(milliseconds(50));
        client.cancel();
    });
    EXPECT_FALSE(client.call(operations::list_events, { .wait = 60 }));
    EXPECT_FALSE(client.call(operations::show_machine, {}));
}

TEST(Listeners, TcpWantsACertificateAKeyAndAToken)
{
    TestFolder folder;
    EXPECT_EQ(open_entrances(folder.path() / "socket", { .listen = "127.0.0.1:0" }).error().message,
        "listening over TCP needs all of --listen, --certificate, --key and --token-file");
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "socket"));
}

TEST(Listeners, ATokenFileIsItsOwnersAlone)
{
    TestFolder folder;
    auto path = folder.path() / "token";
    auto put = [&](const std::string& text, unsigned mode) {
        std::ofstream(path) << text;
        chmod(path.c_str(), mode);
    };
    put("0123456789abcdef\n", 0644);
    EXPECT_EQ(read_token(path).error().message,
        fmt::format("token file {}: others than its owner may use it; expected mode 0600", path.string()));
    put("0123456789abcdef\n", 0600);
    EXPECT_EQ(*read_token(path), "0123456789abcdef");
    put("short\n", 0600);
    EXPECT_FALSE(read_token(path));
    put("0123456789 abcdef\n", 0600);
    EXPECT_FALSE(read_token(path));
}

TEST(Listeners, AddressesAreNumbers)
{
    for (const char* bad : { "6794", "localhost:6794", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999" })
        EXPECT_FALSE(listen_at_address(bad)) << bad;
    EXPECT_TRUE(listen_at_address("127.0.0.1:0"));
}

} // namespace zvisor
