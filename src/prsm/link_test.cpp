#include "prsm/link.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>

namespace zvisor {
namespace {

struct LinkTest : testing::Test {
    LinkTest()
    {
        int ends[2] {};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        near = std::make_unique<Link>(UniqueFd { ends[0] });
        far = std::make_unique<Link>(UniqueFd { ends[1] });
    }
    std::unique_ptr<Link> near;
    std::unique_ptr<Link> far;
};

TEST_F(LinkTest, CarriesObjectsWithDescriptors)
{
    UniqueFd file { memfd_create("test", MFD_CLOEXEC) };
    ASSERT_EQ(ftruncate(file.get(), 4096), 0);
    int files[] { file.get() };
    ASSERT_TRUE(near->send({ { "order", "attach" }, { "block", 7 } }, files));
    auto message = far->receive();
    ASSERT_TRUE(message && *message);
    EXPECT_EQ((*message)->get<std::string>("order"), "attach");
    EXPECT_EQ((*message)->get<unsigned>("block"), 7u);
    ASSERT_EQ((*message)->files.size(), 1u);
    EXPECT_EQ(lseek((*message)->files[0].get(), 0, SEEK_END), 4096);
    EXPECT_EQ(fcntl((*message)->files[0].get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(LinkTest, TakesMembersOnlyInTheirType)
{
    ASSERT_TRUE(near->send({ { "text", "1" }, { "negative", -1 }, { "large", 1ull << 40 }, { "real", 1.5 } }));
    auto message = far->receive();
    ASSERT_TRUE(message && *message);
    EXPECT_FALSE((*message)->get<unsigned>("text"));
    EXPECT_FALSE((*message)->get<unsigned>("negative"));
    EXPECT_FALSE((*message)->get<unsigned>("large"));
    EXPECT_FALSE((*message)->get<bool>("real"));
    EXPECT_FALSE((*message)->get<std::string>("missing"));
    EXPECT_EQ((*message)->get<double>("real"), 1.5);
}

TEST_F(LinkTest, RefusesWhatIsNoMessage)
{
    for (std::string_view garbage : { "\xff\xff\xff", "\x01", "\x9f", "plain text" }) {
        ASSERT_GT(::send(near->fd(), garbage.data(), garbage.size(), 0), 0);
        EXPECT_FALSE(far->receive()) << garbage;
    }
    ASSERT_TRUE(near->send({ { "order", "stop" } }));
    auto message = far->receive();
    EXPECT_TRUE(message && *message);
}

TEST_F(LinkTest, RefusesWhatHasNoEndOrIsLargerThanItself)
{
    using namespace std::string_literals;
    std::string nested;
    for (int i = 0; i < 60'000; ++i)
        nested += "\xa1\x60";
    for (const auto& hostile : { nested, std::string(120'000, '\x81'), "\xbb\x80\0\0\0\0\0\0\0"s,
             "\xa1\x60\x9b\xff\xff\xff\xff\xff\xff\xff\xfe"s, "\xa1\x60\x9b\0\0\0\0\x40\0\0\0"s, "\xa1\x60\x5b\x80\0\0\0\0\0\0\0"s }) {
        ASSERT_GT(::send(near->fd(), hostile.data(), hostile.size(), 0), 0);
        EXPECT_FALSE(far->receive());
    }
}

TEST_F(LinkTest, FindsTheOtherEndClosed)
{
    near->shut_down();
    auto message = far->receive();
    ASSERT_TRUE(message);
    EXPECT_FALSE(*message);
    EXPECT_FALSE(far->send({ { "event", "state" } }));
}

TEST_F(LinkTest, DoesNotWaitForeverForASlowReader)
{
    nlohmann::json large { { "bytes", nlohmann::json::binary(std::vector<std::uint8_t>(60'000)) } };
    Result<void> sent;
    for (int i = 0; i < 100 && sent; ++i)
        sent = near->send(large, {}, 10);
    EXPECT_FALSE(sent);
}

TEST_F(LinkTest, RefusesMessagesThatAreTooLong)
{
    auto sent = near->send({ { "bytes", nlohmann::json::binary(std::vector<std::uint8_t>(Link::longest_message)) } });
    ASSERT_FALSE(sent);
    EXPECT_NE(sent.error().message.find("too long"), std::string::npos);
}

TEST(Links, AreAcceptedAtASocketInTheFileSystem)
{
    std::string path = testing::TempDir() + "/zvisor-link-" + std::to_string(getpid());
    auto listener = listen_for_links(path);
    ASSERT_TRUE(listener) << listener.error().message;
    auto near = Link::connect(path);
    ASSERT_TRUE(near) << near.error().message;
    auto far = accept_link(listener->get());
    ASSERT_TRUE(far);
    ASSERT_TRUE((*near)->send({ { "hello", true } }));
    auto message = (*far)->receive();
    ASSERT_TRUE(message && *message);
    EXPECT_EQ((*message)->get<bool>("hello"), true);
    unlink(path.c_str());
    EXPECT_FALSE(Link::connect(path));
    EXPECT_FALSE(Link::connect("/" + std::string(200, 'x')));
}

} // namespace
} // namespace zvisor
