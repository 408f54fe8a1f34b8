#include "machine/config.h"

#include <gtest/gtest.h>

namespace zvisor {

namespace {

[[nodiscard]] std::string complaint(const MachineConfig& config)
{
    auto result = validate(config);
    return result ? "" : result.error().message;
}

TEST(MachineConfig, SizesAreNumbersWithOneUnit)
{
    EXPECT_EQ(parse_size("4096", "x"), u64 { 4096 });
    EXPECT_EQ(parse_size("512M", "x"), u64 { 512 } << 20);
    EXPECT_EQ(parse_size("2GiB", "x"), u64 { 2 } << 30);
    EXPECT_EQ(parse_size("1t", "x"), u64 { 1 } << 40);
    for (auto wrong : { "", "G", "1.5G", "-1", "1X", "1GG", "16777216T", "18446744073709551616" })
        EXPECT_FALSE(parse_size(wrong, "x")) << wrong;
}

TEST(MachineConfig, CpusAndConsole)
{
    EXPECT_EQ(parse_cpus("62"), u16 { 62 });
    for (auto wrong : { "", "0", "63", "two", "2 ", "70000" })
        EXPECT_FALSE(parse_cpus(wrong)) << wrong;
    ASSERT_TRUE(parse_console("sclp"));
    EXPECT_FALSE(parse_console("sclp")->has_value());
    auto console = parse_console("virtio,80x24");
    ASSERT_TRUE(console && *console);
    EXPECT_EQ((**console).columns, 80);
    EXPECT_TRUE(parse_console("virtio")->has_value());
    for (auto wrong : { "", "virtual", "virtio80x24", "virtio,80" })
        EXPECT_FALSE(parse_console(wrong)) << wrong;
}

TEST(MachineConfig, WhatMustHoldWhateverTheSource)
{
    MachineConfig config;
    EXPECT_NE(complaint(config), "");
    config.kernel = "vmlinuz";
    EXPECT_EQ(complaint(config), "");
    for (auto name : { "", "NINECHARS", "A B" }) {
        MachineConfig other = config;
        other.name = name;
        EXPECT_NE(complaint(other), "") << name;
    }
    config.loadparm = "A. 1";
    EXPECT_EQ(complaint(config), "");
    config.max_memory = config.memory;
    EXPECT_EQ(complaint(config), "");
    for (u64 wrong : { config.memory - (1 << 20), config.memory + 4096, u64 { 1 } << 41 }) {
        config.max_memory = wrong;
        EXPECT_NE(complaint(config), "") << wrong;
    }
    config.max_memory = 0;
    config.memory = (u64 { 1 } << 30) + 4096;
    EXPECT_NE(complaint(config), "");
}

} // namespace

} // namespace zvisor
