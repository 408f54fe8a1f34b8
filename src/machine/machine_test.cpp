#include "machine/machine.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

struct NoConsole final : ConsoleSink {
    void output(ConsoleKind, std::string_view) override { }
};

TEST(Machine, WantsAPortForEachNetwork)
{
    MachineConfig config;
    config.networks.emplace_back();
    NoConsole console;
    auto machine = Machine::create(config, {}, console, {}, {});
    ASSERT_FALSE(machine);
    EXPECT_EQ(machine.error().message, "networks that are configured: 1, and supplied: 0");
}

} // namespace
} // namespace zvisor
