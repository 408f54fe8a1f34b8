#include "devices/virtio_console/virtio_console.h"

#include "devices/virtio/test_driver.h"

namespace zvisor {
namespace {

TEST(VirtioConsole, CarriesBytesBothWays)
{
    auto made = std::move(VirtioConsole::create(VirtioConsoleConfig::parse("80x24").value())).value();
    VirtioConsole* console = made.get();
    std::mutex mutex;
    std::string output;
    console->on_output([&](std::span<const std::byte> bytes) {
        std::lock_guard held(mutex);
        output.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    TestDriver driver { std::move(made) };
    driver.set_up(1, 2);
    EXPECT_EQ(driver.command(0x22, 4), 0x0c);
    EXPECT_EQ(driver.answer(4), std::string("\x50\0\x18\0", 4));

    driver.bench.put(0x20000, "login: ");
    driver.describe(1, 0, { 0x20000, 7, 0, 0 });
    driver.offer(1, 0);
    driver.ring_for(1);
    driver.completed(1);
    {
        std::lock_guard held(mutex);
        EXPECT_EQ(output, "login: ");
    }

    driver.describe(0, 0, { 0x21000, 4, TestDriver::write_flag, 0 });
    driver.describe(0, 1, { 0x21100, 4, TestDriver::write_flag, 0 });
    driver.offer(0, 0);
    driver.offer(0, 1);
    driver.ring_for(0);
    std::string typed = "root\n";
    EXPECT_EQ(console->type(std::as_bytes(std::span { typed })), 5u);
    EXPECT_EQ(driver.completed(0), 4u);
    EXPECT_EQ(driver.completed(0), 1u);
    EXPECT_EQ(driver.bench.get(0x21000, 4) + driver.bench.get(0x21100, 1), "root\n");
}

TEST(VirtioConsoleConfig, RefusesOtherForms)
{
    for (const char* text : { "80", "80x", "x24", "80x24x1", "99999x1" })
        EXPECT_FALSE(VirtioConsoleConfig::parse(text)) << text;
}

} // namespace
} // namespace zvisor
