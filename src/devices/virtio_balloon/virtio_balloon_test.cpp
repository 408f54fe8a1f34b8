#include "devices/virtio_balloon/virtio_balloon.h"

#include "devices/virtio/test_driver.h"

namespace zvisor {
namespace {

class Balloon : public ::testing::Test {
protected:
    Balloon()
        : driver(make())
    {
        driver.set_up(0, 2);
    }

    std::unique_ptr<Device> make()
    {
        auto made = std::move(VirtioBalloon::create({ 8192 })).value();
        device = made.get();
        return made;
    }

    void hand_over(u16 queue, u32 page)
    {
        driver.bench.put_as(0x20000, page);
        driver.describe(queue, 0, { 0x20000, 4, 0, 0 });
        driver.offer(queue, 0);
        driver.ring_for(queue);
    }

    VirtioBalloon* device { nullptr };
    TestDriver driver;
};

TEST_F(Balloon, InflatingDiscardsContents)
{
    driver.bench.put(0x80000, "content");
    driver.bench.put(0x81000, "neighbour");
    hand_over(0, 0x80);
    driver.completed(0);
    EXPECT_EQ(driver.bench.get(0x80000, 7), std::string(7, '\0'));
    EXPECT_EQ(driver.bench.get(0x81000, 9), "neighbour");
    hand_over(1, 0x80);
    driver.completed(1);
}

TEST_F(Balloon, TargetAndActualSizeAreConfiguration)
{
    EXPECT_EQ(driver.command(0x22, 8), 0x0c);
    EXPECT_EQ(driver.answer(8), std::string("\2\0\0\0\0\0\0\0", 8));
    EXPECT_EQ(driver.command(0x21, 8, std::string("\2\0\0\0\1\0\0\0", 8)), 0x0c);
    EXPECT_EQ(device->actual(), 4096u);
    device->set_target(1 << 20);
    EXPECT_EQ(driver.bench.get(TestDriver::configuration_indicator_address + 7, 1), "\x01");
    EXPECT_EQ(driver.command(0x22, 4), 0x0c);
    EXPECT_EQ(driver.answer(4), std::string("\0\1\0\0", 4));
}

TEST_F(Balloon, BlocksOutsideStorageAreTheDriversFault)
{
    hand_over(0, 0xffffffff);
    EXPECT_TRUE(driver.broken());
}

TEST(VirtioBalloonConfig, Parses)
{
    EXPECT_EQ(VirtioBalloonConfig::parse("target=256M")->target, 256u << 20);
    EXPECT_EQ(VirtioBalloonConfig::parse("target=256M")->to_string(), "target=262144K");
    for (const char* text : { "target=", "target=1", "target=1T", "256M", "target=999999999999G" })
        EXPECT_FALSE(VirtioBalloonConfig::parse(text)) << text;
}

} // namespace
} // namespace zvisor
