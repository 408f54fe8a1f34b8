#include "devices/virtio_serial/virtio_serial.h"

#include "devices/virtio/test_driver.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace zvisor {
namespace {

/// Two ends of a stream.
[[nodiscard]] std::pair<UniqueFd, UniqueFd> stream()
{
    int ends[2] { -1, -1 };
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    return { UniqueFd(ends[0]), UniqueFd(ends[1]) };
}

struct VirtioSerialTest : testing::Test {
    static constexpr u64 data = 0x30000;
    static constexpr u16 control_in = 2;
    static constexpr u16 control_out = 3;
    static constexpr u16 input = 4;
    static constexpr u16 output = 5;

    VirtioSerialTest()
        : VirtioSerialTest(stream())
    {
    }
    explicit VirtioSerialTest(std::pair<UniqueFd, UniqueFd> ends)
        : host(std::move(ends.first))
        , made(std::move(VirtioSerial::create({}, std::move(ends.second))).value())
        , device(made.get())
        , driver(std::move(made))
    {
        driver.set_up(2, 6);
    }

    static std::string control(u32 port, u16 event, u16 value)
    {
        std::string bytes;
        auto add = [&](const auto& field) { bytes.append(reinterpret_cast<const char*>(&field), sizeof field); };
        add(port), add(event), add(value);
        return bytes;
    }
    void write(u16 queue, std::string_view bytes)
    {
        driver.bench.put(data, bytes);
        driver.describe(queue, 0, { data, static_cast<u32>(bytes.size()), 0, 0 });
        driver.offer(queue, 0);
        driver.ring_for(queue);
        driver.completed(queue);
    }
    std::string read(u16 queue, u32 room = 64)
    {
        constexpr u64 at = data + 0x1000;
        driver.describe(queue, 0, { at, room, TestDriver::write_flag, 0 });
        driver.offer(queue, 0);
        driver.ring_for(queue);
        return driver.bench.get(at, driver.completed(queue));
    }
    void open_port()
    {
        write(control_out, control(0, 0, 1));
        EXPECT_EQ(read(control_in), control(1, 1, 1));
        write(control_out, control(1, 3, 1));
        EXPECT_EQ(read(control_in), control(1, 7, 1) + "org.qemu.guest_agent.0");
        EXPECT_EQ(read(control_in), control(1, 6, 1));
        write(control_out, control(1, 6, 1));
    }
    [[nodiscard]] static std::string received(int socket, std::size_t length)
    {
        std::string text(length, '\0');
        std::size_t got = 0;
        ChannelBench::eventually([&] {
            ssize_t count = ::recv(socket, text.data() + got, length - got, MSG_DONTWAIT);
            got += count > 0 ? static_cast<std::size_t>(count) : 0;
            return got == length;
        });
        text.resize(got);
        return text;
    }

    UniqueFd host;
    std::unique_ptr<VirtioSerial> made;
    VirtioSerial* device;
    TestDriver driver;
};

TEST_F(VirtioSerialTest, HasOnePortWithAName)
{
    EXPECT_EQ(driver.command(0x22, 12), 0x0c);
    EXPECT_EQ(driver.answer(12), std::string("\0\0\0\0\2\0\0\0\0\0\0\0", 12));
    open_port();
}

TEST_F(VirtioSerialTest, CarriesBytesBothWays)
{
    open_port();
    write(output, "from the guest");
    EXPECT_EQ(received(host.get(), 14), "from the guest");
    EXPECT_EQ(::send(host.get(), "from the host", 13, 0), 13);
    EXPECT_EQ(read(input, 8), "from the");
    EXPECT_EQ(read(input), " host");
}

TEST_F(VirtioSerialTest, WhatNobodyReadsWaitsAndNothingIsLost)
{
    open_port();
    constexpr std::size_t piece = 0x8000;
    constexpr u16 pieces = 16;
    driver.bench.put(data, std::string(piece, 'x'));
    for (u16 i = 0; i < pieces; ++i) {
        driver.describe(output, i, { data, piece, 0, 0 });
        driver.offer(output, i);
    }
    driver.ring_for(output);
    EXPECT_EQ(received(host.get(), piece * pieces), std::string(piece * pieces, 'x'));
}

TEST_F(VirtioSerialTest, WhatIsSentToAClosedPortIsLost)
{
    EXPECT_FALSE(device->is_open());
    open_port();
    EXPECT_TRUE(device->is_open());
    write(control_out, control(1, 6, 0));
    EXPECT_FALSE(device->is_open());
    EXPECT_EQ(::send(host.get(), "lost", 4, 0), 4);
    EXPECT_TRUE(ChannelBench::eventually([&] {
        int unread = -1;
        return ioctl(host.get(), SIOCOUTQ, &unread) == 0 && unread == 0;
    }));
    write(control_out, control(1, 6, 1));
    EXPECT_EQ(::send(host.get(), "kept", 4, 0), 4);
    EXPECT_EQ(read(input), "kept");
}

TEST_F(VirtioSerialTest, AnotherSocketTakesThePlaceOfOneThatClosed)
{
    open_port();
    host.reset();
    write(output, "lost");
    auto [ours, theirs] = stream();
    device->connect(std::move(theirs));
    write(output, "kept");
    EXPECT_EQ(received(ours.get(), 4), "kept");
}

TEST_F(VirtioSerialTest, MessagesThatMakeNoSenseAreIgnored)
{
    write(control_out, "short");
    write(control_out, control(7, 3, 1));
    write(control_out, control(1, 99, 1));
    for (int i = 0; i < 200; ++i)
        write(control_out, control(0, 0, 1));
    constexpr int most_messages = 64;
    for (int i = 0; i < most_messages; ++i)
        EXPECT_EQ(read(control_in), control(1, 1, 1));
    open_port();
}

} // namespace
} // namespace zvisor
