#include "prsm/activity_messages.h"

#include "prsm/link.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

[[nodiscard]] PartitionUsage usage(std::string name, u8 number, u16 cpus)
{
    PartitionUsage made { .definition = { .name = std::move(name), .number = number, .maximum_cpus = cpus, .weight = 200 },
        .active = true,
        .storage = 4096,
        .cpus = std::vector<prsm::LogicalCpuUsage>(cpus) };
    made.cpus[0] = { .dispatched = 7s, .parked = 2s, .waiting = 3s, .configured = true, .online = 20s };
    return made;
}

TEST(ActivityMessages, TellWhereTheTimeOfCpusWent)
{
    MachineDefinition machine { .name = "CPC1", .physical_cpus = 4, .groups = { { .name = "G", .cap_hundredths = 50 } } };
    std::vector all { usage("LP1", 1, 2) };
    all[0].definition.group = "G";
    all[0].definition.dedicated = true;
    auto messages = activity_messages(machine, all, 9s);
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0]["physical"], 4);
    EXPECT_EQ(messages[0]["dedicated"], 1) << "the configured one";
    EXPECT_EQ(messages[0]["management"], 9'000'000'000);
    EXPECT_EQ(messages[0]["last"], true);
    const auto& partition = messages[0]["partitions"][0];
    EXPECT_EQ(partition["group_cap"], 50);
    EXPECT_EQ(partition["cpus"][0], (nlohmann::json { true, 20'000'000'000, 5'000'000'000, 5'000'000'000 }));
    EXPECT_EQ(partition["cpus"][1], (nlohmann::json { false, 0, 0, 0 }));
}

TEST(ActivityMessages, AnInactivePartitionHasTheCpusItCouldHave)
{
    std::vector all { usage("LP1", 1, 3) };
    all[0].cpus.clear();
    all[0].active = false;
    auto messages = activity_messages({}, all, 0s);
    EXPECT_EQ(messages[0]["partitions"][0]["cpus"].size(), 3U);
    EXPECT_EQ(messages[0]["partitions"][0]["active"], false);
}

TEST(ActivityMessages, TheLargestMachineFitsMessages)
{
    std::vector<PartitionUsage> all;
    for (unsigned number = 1; number <= 255; ++number) {
        all.push_back(usage("LP" + std::to_string(number), static_cast<u8>(number), 62));
        for (auto& cpu : all.back().cpus)
            cpu = { .dispatched = 1'000'000h, .waiting = 1'000'000h, .configured = true, .online = 2'000'000h };
    }
    auto messages = activity_messages({}, all, 0s);
    std::size_t partitions = 0;
    for (const auto& message : messages) {
        partitions += message["partitions"].size();
        EXPECT_LT(nlohmann::json::to_cbor(message).size(), Link::longest_message);
        EXPECT_EQ(message["last"], &message == &messages.back());
    }
    EXPECT_EQ(partitions, 255U);
}

} // namespace
} // namespace zvisor
