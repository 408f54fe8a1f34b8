#include "control/types.h"

#include <gtest/gtest.h>

namespace zvisor {

TEST(Fields, WhatIsWrittenIsRead)
{
    PartitionInfo partition;
    partition.name = "LP1";
    partition.number = 3;
    partition.capped = true;
    partition.cap = 0.5;
    partition.logical_cpus.emplace_back().dispatches = 7;
    PartitionInfo read;
    ASSERT_TRUE(read_wire(nlohmann::json::parse(json_text(to_wire(partition))), read));
    EXPECT_EQ(to_wire(read), to_wire(partition));
    EXPECT_EQ(read.logical_cpus.front().dispatches, 7u);
}

TEST(Fields, WhatIsNothingIsNotSaid)
{
    EXPECT_EQ(json_text(to_wire(PartitionProperties { .name = "LP1", .weight = 7 })), R"({"name":"LP1","weight":7})");
}

TEST(Fields, MembersThatAreMissingKeepTheirValues)
{
    PartitionProperties properties { .name = "LP1", .weight = 7 };
    ASSERT_TRUE(read_wire(nlohmann::json { { "name", "LP2" }, { "capped", true } }, properties));
    EXPECT_EQ(properties.weight, 7);
    EXPECT_EQ(properties.capped, true);
    EXPECT_EQ(properties.cap, std::nullopt);
}

TEST(Fields, NumbersAreInTheirRange)
{
    auto error = [](const char* text) {
        PartitionProperties properties;
        auto read = read_wire(nlohmann::json::parse(text), properties);
        return read ? "" : read.error().message;
    };
    EXPECT_EQ(error(R"({"name":"A","weight":999,"cap":0.5})"), "");
    EXPECT_EQ(error(R"({"name":"A","weight":0})"), "'weight' must be a whole number of 1 to 999");
    EXPECT_EQ(error(R"({"name":"A","weight":1.5})"), "'weight' must be a whole number of 1 to 999");
    EXPECT_EQ(error(R"({"name":"A","cap":-0.1})"), "'cap' must be a number of 0 to 248");
    EXPECT_EQ(error(R"({"name":"A","cap":1e300})"), "'cap' must be a number of 0 to 248");
    EXPECT_EQ(error(R"({"name":"A","capped":1})"), "'capped' must be true or false");
    EXPECT_EQ(error(R"([])"), "expected a JSON object");
}

TEST(Fields, TextThatIsNoUtf8IsReplaced)
{
    EXPECT_EQ(json_text(to_wire(ErrorInfo { "a\xff" })), "{\"error\":\"a\xef\xbf\xbd\"}");
}

} // namespace zvisor
