#include "devices/virtio_rng/virtio_rng.h"

#include "devices/virtio/test_driver.h"

namespace zvisor {
namespace {

TEST(VirtioRng, FillsBuffers)
{
    EXPECT_FALSE(VirtioRngConfig::parse("fast"));
    TestDriver driver { std::move(VirtioRng::create({})).value() };
    driver.set_up(0, 1);
    driver.describe(0, 0, { 0x20000, 64, TestDriver::next_flag | TestDriver::write_flag, 1 });
    driver.describe(0, 1, { 0x21000, 64, TestDriver::write_flag, 0 });
    driver.offer(0, 0);
    driver.ring_for(0);
    EXPECT_EQ(driver.completed(0), 128u);
    EXPECT_NE(driver.bench.get(0x20000, 64), std::string(64, '\0'));
    EXPECT_NE(driver.bench.get(0x20000, 64), driver.bench.get(0x21000, 64));
}

} // namespace
} // namespace zvisor
