#include "devices/virtio/test_driver.h"
#include "devices/virtio/virtqueue.h"

#include <random>

namespace zvisor {
namespace {

/// Two queues and eight bytes of configuration; remembers what the transport tells it.
class Probe final : public VirtioDevice {
public:
    Probe()
        : VirtioDevice(42, 1, { 16, 16 })
    {
    }

    void break_down()
    {
        auto held = lock();
        mark_broken();
    }

    std::string written;
    std::atomic<int> rings { 0 };

private:
    [[nodiscard]] std::vector<std::byte> configuration() const override
    {
        return VirtioWriter { endian() }.put(u64 { 0x1122334455667788 }).take();
    }
    void configuration_written(std::span<const std::byte> bytes) override
    {
        written.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void queue_notified(u16) override { ++rings; }
};

class Transport : public ::testing::Test {
protected:
    Transport()
        : driver(make())
    {
    }

    std::unique_ptr<Device> make()
    {
        auto made = std::make_unique<Probe>();
        device = made.get();
        return made;
    }

    static constexpr u16 rejected = 0x0e;

    Probe* device { nullptr };
    TestDriver driver;
};

TEST(VirtqueueWithoutRings, HasNothing)
{
    Virtqueue queue(16);
    EXPECT_FALSE(queue.has_available()) << "a driver may go on without ever placing its queues";
    EXPECT_FALSE(queue.take());
}

TEST_F(Transport, OffersVersion1OnlyToDriversThatSetARevision)
{
    EXPECT_EQ(driver.offered_features(), 1 | VirtioFeature::any_layout | VirtioFeature::indirect_descriptors | VirtioFeature::event_index);
    driver.bench.channels->reset();
    driver.bench.enable(driver.sid);
    EXPECT_EQ(driver.command(0x83, 4, TestDriver::be(u16 { 2 }, u16 { 0 })), 0x0c);
    EXPECT_EQ(driver.offered_features(), 1 | VirtioFeature::common);
    EXPECT_EQ(driver.command(0x83, 4, TestDriver::be(u16 { 1 }, u16 { 0 })), rejected) << "a revision is set once";
}

TEST_F(Transport, ConfigurationIsInTheDriversByteOrder)
{
    driver.set_up(1, 2);
    EXPECT_EQ(driver.command(0x22, 8), 0x0c);
    EXPECT_EQ(driver.answer(8), "\x88\x77\x66\x55\x44\x33\x22\x11");
    EXPECT_EQ(driver.command(0x21, 3, "abc"), 0x0c);
    EXPECT_EQ(device->written, "abc");
}

TEST_F(Transport, NotificationsReachTheDeviceOnlyWhileItRuns)
{
    EXPECT_EQ(driver.bench.channels->notify(driver.sid, 1, 7), 7);
    EXPECT_EQ(device->rings, 0);
    driver.set_up(1, 2);
    int before = device->rings;
    EXPECT_EQ(driver.bench.channels->notify(driver.sid, 1, 7), 7);
    EXPECT_EQ(device->rings, before + 1);
    EXPECT_LT(driver.bench.channels->notify(driver.sid, 2, 0), 0);
    EXPECT_LT(driver.bench.channels->notify(driver.sid + 1, 0, 0), 0);
}

TEST_F(Transport, RefusesQueuesAndIndicatorsOutsideStorage)
{
    EXPECT_EQ(driver.command(0x83, 4, TestDriver::be(u16 { 1 }, u16 { 0 })), 0x0c);
    auto queue = [&](u64 descriptors, u16 index, u16 size, u64 available, u64 used) {
        return driver.command(0x13, 32, TestDriver::be(descriptors, u32 { 0 }, index, size, available, used));
    };
    EXPECT_EQ(queue(0x10000, 0, 16, 0x11000, 0x12000), 0x0c);
    EXPECT_EQ(queue(0x10000, 2, 16, 0x11000, 0x12000), rejected);
    EXPECT_EQ(queue(0x10000, 0, 32, 0x11000, 0x12000), rejected);
    EXPECT_EQ(queue(0x10000, 0, 12, 0x11000, 0x12000), rejected);
    EXPECT_EQ(queue(0x10008, 0, 16, 0x11000, 0x12000), rejected);
    EXPECT_EQ(queue(0x10000, 0, 16, 0x11000, 0xfffffffffffffffc), rejected);
    EXPECT_EQ(driver.command(0x53, 8, TestDriver::be(u64 { 0x7fffffff })), rejected);
    EXPECT_EQ(driver.command(0x73, 25, TestDriver::be(u64 { 0x7000 }, u64 { 0x7010 }, u64 { 0xffffffff }) + '\3'), rejected);
    EXPECT_EQ(driver.command(0x73, 25, TestDriver::be(u64 { 0x7000 }, u64 { 0x7010 }, u64 { 0 }) + '\x08'), rejected);
}

TEST_F(Transport, ABrokenDeviceSaysSoUntilReset)
{
    driver.set_up(1, 2);
    device->break_down();
    EXPECT_EQ(driver.last.scsw.device_status, 0x0c);
    EXPECT_EQ(driver.bench.wait(driver.sid).scsw.status(), ScswBit::alert_status | ScswBit::status_pending);
    EXPECT_EQ(driver.status(), 15 | VirtioStatus::needs_reset);
    driver.set_status(0);
    EXPECT_EQ(driver.status(), 0);
}

TEST_F(Transport, RandomCommandsOnlyGiveStatus)
{
    std::mt19937 generator { 99 };
    auto random = [&] { return static_cast<u32>(generator()); };
    for (int round = 0; round < 1000; ++round) {
        std::string bytes;
        for (int i = 0; i < 32; ++i)
            bytes += static_cast<char>(random() % 4 ? random() % 4 : random());
        const auto& row = VirtioDevice::commands[random() % std::size(VirtioDevice::commands)];
        u16 status
            = driver.command(random() % 8 ? row.code : static_cast<u8>(random() % 255 | 1), static_cast<u16>(random() % 40 + 1), bytes);
        ASSERT_TRUE(status & (DeviceStatus::channel_end | SubchannelStatus::program_check << 8)) << status;
    }
}

TEST(Virtqueue, EventIndexAsksForInterruptionsOnlyWhenPassed)
{
    ChannelBench bench;
    Virtqueue queue { 16 };
    ASSERT_TRUE(queue.enable(*bench.storage, { 4, 0x10000, 0x11000, 0x12000 }));
    queue.negotiated({}, true);
    auto give_back = [&] {
        queue.give_back(0, 0);
        return queue.interruption_wanted();
    };
    bench.put_as(0x11000 + 4 + 8, u16 { 1 });
    EXPECT_FALSE(give_back()) << "index 1 not yet passed";
    EXPECT_TRUE(give_back());
    EXPECT_FALSE(give_back());
    EXPECT_FALSE(queue.interruption_wanted());
    queue.want_notifications(true);
    EXPECT_EQ(*bench.storage->read_as<u16>(0x12000 + 4 + 32), 0) << "the next available entry";
}

} // namespace
} // namespace zvisor
