#include "prsm/firmware.h"

#include "prsm/acted_partition.h"
#include "prsm/test_program.h"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <thread>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

constexpr u64 mega = 1 << 20;

const TestProgram acted("ACTED", [] { ActedPartition().run(); });

[[nodiscard]] PartitionDefinition definition_of(const std::string& name, u8 number)
{
    return { .name = name, .number = number, .memory = 4 * mega, .maximum_memory = 8 * mega, .block_size = mega, .agent = false };
}

struct FirmwareTest : testing::Test {
    FirmwareTest()
        : folder(testing::TempDir() + "/zvisor-firmware-" + std::to_string(getpid()))
    {
        std::filesystem::remove_all(folder);
        definition = { .name = "TEST", .physical_cpus = 1, .storage = 10 * mega, .block_size = mega };
        definition.partitions = { definition_of("ACTED1", 1), definition_of("ACTED2", 2) };
        begin();
    }
    ~FirmwareTest() override
    {
        firmware.reset();
        EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a process was left behind";
        std::filesystem::remove_all(folder);
    }

    void begin(const std::string& memory_counters = "/dev/null")
    {
        auto created = Firmware::create(definition,
            { .folder = folder, .program = std::filesystem::read_symlink("/proc/self/exe"), .memory_counters = memory_counters });
        ASSERT_TRUE(created) << created.error().message;
        firmware = std::move(*created);
    }
    [[nodiscard]] PartitionStatus status(std::string_view name) const { return firmware->partition(name).value(); }

    /// Waits for what happens on another thread.
    [[nodiscard]] static bool soon(const std::function<bool()>& condition)
    {
        for (int i = 0; i < 1000; ++i) {
            if (condition())
                return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    }
    [[nodiscard]] bool becomes(std::string_view name, PartitionState state) const
    {
        return soon([&] { return status(name).state == state; });
    }

    [[nodiscard]] MoveWatch watch(std::chrono::milliseconds patience)
    {
        return { .patience = patience, .progress = [this](const std::string& text) { said.push_back(text); } };
    }

    std::string folder;
    /// What moves told.
    std::vector<std::string> said;
    MachineDefinition definition;
    std::unique_ptr<Firmware> firmware;
};

TEST_F(FirmwareTest, APartitionIsActivatedLoadedAndDeactivated)
{
    EXPECT_EQ(status("ACTED1").state, PartitionState::not_activated);
    ASSERT_TRUE(firmware->activate("ACTED1"));
    EXPECT_EQ(status("ACTED1").state, PartitionState::not_operating);
    EXPECT_EQ(status("ACTED1").storage, 4 * mega);
    EXPECT_EQ(firmware->storage().free(), 6u);
    ASSERT_TRUE(firmware->load("ACTED1"));
    EXPECT_TRUE(becomes("ACTED1", PartitionState::operating));
    ASSERT_TRUE(firmware->deactivate("ACTED1"));
    EXPECT_EQ(status("ACTED1").state, PartitionState::not_activated);
    EXPECT_EQ(status("ACTED1").pid, 0);
    EXPECT_EQ(firmware->storage().free(), 10u);
}

TEST_F(FirmwareTest, WhatCannotBeDoneIsSaid)
{
    EXPECT_EQ(firmware->activate("X").error().message, "there is no partition 'X'; the machine TEST has: ACTED1, ACTED2");
    EXPECT_EQ(firmware->load("ACTED1").error().message, "partition ACTED1 is not activated");
    EXPECT_EQ(firmware->deactivate("ACTED1").error().message, "partition ACTED1 is not activated");
    ASSERT_TRUE(firmware->activate("ACTED1"));
    EXPECT_EQ(firmware->activate("ACTED1").error().message, "partition ACTED1 is activated already");
    EXPECT_EQ(firmware->stop("ACTED1").error().message, "partition ACTED1: nothing operates");
}

TEST_F(FirmwareTest, StorageIsNotGivenTwice)
{
    definition.storage = 6 * mega;
    begin();
    ASSERT_TRUE(firmware->activate("ACTED1"));
    EXPECT_EQ(firmware->activate("ACTED2").error().message,
        "partition ACTED2 begins with 4M of storage, but of the machine's 6M only 2M is free");
    EXPECT_EQ(status("ACTED2").state, PartitionState::not_activated);
    EXPECT_EQ(firmware->storage().free(), 2u);
}

TEST_F(FirmwareTest, AnEndedProcessIsReportedAndTheOthersGoOn)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->activate("ACTED2"));
    ASSERT_TRUE(firmware->type("ACTED1", "die"));
    EXPECT_TRUE(becomes("ACTED1", PartitionState::failed));
    EXPECT_EQ(status("ACTED1").why, "its process ended with status 3");
    EXPECT_EQ(status("ACTED1").storage, 4 * mega) << "kept for a dump";
    EXPECT_TRUE(firmware->load("ACTED2"));
    EXPECT_TRUE(firmware->activate("ACTED1"));
    EXPECT_EQ(firmware->storage().free(), 2u);
}

TEST_F(FirmwareTest, AKilledProcessFailsWithItsSignal)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_GT(status("ACTED1").pid, 0);
    ::kill(status("ACTED1").pid, SIGKILL);
    EXPECT_TRUE(becomes("ACTED1", PartitionState::failed));
    EXPECT_EQ(status("ACTED1").why, "its process was ended by signal 9 (Killed)");
}

TEST_F(FirmwareTest, StorageOfAProcessThatTheHostEndedForWantOfMemoryIsTheHostsAgain)
{
    auto counters = folder + "/vmstat";
    begin(counters);
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->activate("ACTED2"));
    std::ofstream(counters) << "oom_kill 1\n";
    ::kill(status("ACTED1").pid, SIGKILL);
    EXPECT_TRUE(becomes("ACTED1", PartitionState::failed));
    EXPECT_TRUE(soon([&] { return firmware->storage().free() == 6; }));
    EXPECT_EQ(status("ACTED1").storage, 0u);
    EXPECT_EQ(status("ACTED2").storage, 4 * mega);
    EXPECT_TRUE(firmware->activate("ACTED1"));
}

TEST_F(FirmwareTest, GarbageOverTheLinkEndsTheLinkAlone)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->activate("ACTED2"));
    ASSERT_TRUE(firmware->type("ACTED1", "garbage"));
    EXPECT_TRUE(soon([&] { return !firmware->load("ACTED1"); }));
    EXPECT_TRUE(firmware->load("ACTED2"));
    EXPECT_TRUE(firmware->deactivate("ACTED1"));
}

TEST_F(FirmwareTest, ConsolesAreTypedAtAndRead)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    auto* console = firmware->console("ACTED1").value();
    u64 from = console->read(0, 5s).next;
    ASSERT_TRUE(firmware->type("ACTED1", "say"));
    EXPECT_EQ(console->read(from, 5s).text, "said\n");
}

TEST_F(FirmwareTest, StorageComesAndGoesWhileThePartitionRuns)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->type("ACTED1", "obtain 7"));
    EXPECT_TRUE(soon([&] { return status("ACTED1").storage == 5 * mega; }));
    EXPECT_EQ(firmware->storage().free(), 5u);
    ASSERT_TRUE(firmware->type("ACTED1", "give 7"));
    EXPECT_TRUE(soon([&] { return status("ACTED1").storage == 4 * mega; }));
    EXPECT_EQ(firmware->storage().free(), 6u);
}

TEST_F(FirmwareTest, APartitionGetsNoBlockTwiceAndNoneBeyondItsMaximum)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    auto* console = firmware->console("ACTED1").value();
    for (const char* block : { "obtain 0", "obtain 8", "obtain 18446744073709551615" }) {
        u64 from = console->read(0, 5s).next;
        ASSERT_TRUE(firmware->type("ACTED1", block));
        EXPECT_EQ(console->read(from, 5s).text, "4 blocks\n") << block;
    }
    EXPECT_EQ(firmware->storage().free(), 6u);
    ASSERT_TRUE(firmware->type("ACTED1", "give 17"));
    EXPECT_TRUE(firmware->load("ACTED1"));
    EXPECT_EQ(firmware->storage().free(), 6u);
}

TEST_F(FirmwareTest, StorageMovesFromOnePartitionToAnother)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->activate("ACTED2"));
    auto operated = watch(10s);
    operated.progress = [&](const std::string& text) {
        said.push_back(text);
        if (text.starts_with("waiting for ACTED1")) {
            EXPECT_TRUE(firmware->type("ACTED1", "give 3"));
        }
        if (text.starts_with("waiting for ACTED2")) {
            EXPECT_TRUE(firmware->type("ACTED2", "obtain 4"));
        }
    };
    auto moved = firmware->move_memory("ACTED1", "ACTED2", mega, operated);
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_EQ(status("ACTED1").storage, 3 * mega);
    EXPECT_EQ(status("ACTED2").storage, 5 * mega);
    EXPECT_EQ(said.front(), "waiting for ACTED1 to take 1M offline; in Linux: chmem -d 1M");
    EXPECT_EQ(said.size(), 4u);
    EXPECT_EQ(said.back(), "ACTED2 took 1M of 1M");
}

TEST_F(FirmwareTest, WhatAProgramTakesBeforeItIsAskedCounts)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->activate("ACTED2"));
    auto operated = watch(10s);
    operated.progress = [&](const std::string& text) {
        if (text.starts_with("waiting for ACTED1")) {
            EXPECT_TRUE(firmware->type("ACTED1", "give 3"));
        }
        if (text == "ACTED1 released 1M of 1M") {
            EXPECT_TRUE(firmware->type("ACTED2", "obtain 4"));
            EXPECT_TRUE(soon([&] { return status("ACTED2").storage == 5 * mega; }));
        }
    };
    auto moved = firmware->move_memory("ACTED1", "ACTED2", mega, operated);
    EXPECT_TRUE(moved) << moved.error().message;
}

TEST_F(FirmwareTest, AMoveTheProgramDoesNotFollowIsRefused)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->activate("ACTED2"));
    auto move = [&](u64 bytes) { return firmware->move_memory("ACTED1", "ACTED2", bytes, watch(50ms)).error().message; };
    EXPECT_EQ(move(mega), "partition ACTED1 released 0 of 1M within 0 s");
    EXPECT_EQ(move(4 * mega), "partition ACTED1 has 4M, of which 4M cannot be moved");
    EXPECT_EQ(move(5 * mega), "partition ACTED1 has 4M, of which 5M cannot be moved");
    EXPECT_EQ(move(1000), "1000 cannot be moved: storage is moved in blocks of 1M");
}

TEST_F(FirmwareTest, TheRegistersOfADisabledWaitOutliveTheProcess)
{
    auto cpus_in_dump = [&] {
        auto file = folder + "/dump";
        auto size = firmware->dump("ACTED1", file, watch(10s));
        EXPECT_TRUE(size) << size.error().message;
        std::filesystem::remove(file);
        return size ? int { size->cpus } : -1;
    };
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->type("ACTED1", "halt"));
    ASSERT_TRUE(becomes("ACTED1", PartitionState::disabled_wait));
    ASSERT_TRUE(firmware->type("ACTED1", "die"));
    ASSERT_TRUE(becomes("ACTED1", PartitionState::failed));
    EXPECT_EQ(cpus_in_dump(), 1) << "what is no CPU is left out";
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->type("ACTED1", "die"));
    ASSERT_TRUE(becomes("ACTED1", PartitionState::failed));
    EXPECT_EQ(cpus_in_dump(), 0) << "those of another activation";
}

TEST_F(FirmwareTest, AfterADumpThatFailsTheProgramGoesOn)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->load("ACTED1"));
    ASSERT_TRUE(becomes("ACTED1", PartitionState::operating));
    ASSERT_TRUE(firmware->type("ACTED1", "hide"));
    EXPECT_EQ(firmware->dump("ACTED1", folder + "/core", watch(10s)).error().message, "partition ACTED1: no CPU is stopped");
    EXPECT_TRUE(becomes("ACTED1", PartitionState::operating));
}

/// Two partitions whose programs have agents.
struct AgentTest : FirmwareTest {
    AgentTest()
    {
        definition.physical_cpus = 2;
        definition.storage = 8 * mega;
        for (auto& partition : definition.partitions) {
            partition.agent = true;
            partition.cpus = 2;
            partition.maximum_cpus = 3;
        }
        begin();
        EXPECT_TRUE(firmware->activate("ACTED1"));
        EXPECT_TRUE(firmware->activate("ACTED2"));
    }
    /// Types, and waits until it was read.
    void tell(std::string_view name, const std::string& text)
    {
        auto* console = firmware->console(name).value();
        u64 from = console->read(0, 5s).next;
        ASSERT_TRUE(firmware->type(name, text));
        EXPECT_EQ(console->read(from, 5s).text, "said\n");
    }
    [[nodiscard]] long cpus(std::string_view name) const
    {
        return std::ranges::count(status(name).cpus, true, &prsm::LogicalCpuUsage::configured);
    }
    [[nodiscard]] std::string refusal(u64 bytes) { return firmware->move_memory("ACTED1", "ACTED2", bytes, watch(5s)).error().message; }
};

TEST_F(AgentTest, StorageMovesThroughTheAgents)
{
    auto moved = firmware->move_memory("ACTED1", "ACTED2", 2 * mega, watch(10s));
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_EQ(status("ACTED1").storage, 2 * mega);
    EXPECT_EQ(status("ACTED2").storage, 6 * mega);
    EXPECT_EQ(said,
        (std::vector<std::string> {
            "ACTED1 released 1M of 2M", "ACTED1 released 2M of 2M", "ACTED2 took 1M of 2M", "ACTED2 took 2M of 2M" }));
}

TEST_F(AgentTest, WhatTheProgramKeepsIsPassedOver)
{
    tell("ACTED1", "keep 3");
    ASSERT_TRUE(firmware->move_memory("ACTED1", "ACTED2", mega, watch(10s)));
    EXPECT_EQ(status("ACTED1").storage, 3 * mega);
}

TEST_F(AgentTest, WhatIsNotAllReleasedGoesBack)
{
    tell("ACTED1", "keep 2");
    tell("ACTED1", "keep 1");
    EXPECT_EQ(refusal(2 * mega),
        "partition ACTED1 released 1M of 2M (its block 1 does not go offline: Device or resource busy); 1M is back at ACTED1");
    EXPECT_EQ(status("ACTED1").storage, 4 * mega);
    EXPECT_EQ(status("ACTED2").storage, 4 * mega);
}

TEST_F(AgentTest, WhatIsNotTakenGoesBack)
{
    for (const char* block : { "keep 4", "keep 5", "keep 6" })
        tell("ACTED2", block);
    EXPECT_EQ(refusal(2 * mega),
        "partition ACTED2 took 1M of 2M (its block 6 does not go online: Device or resource busy); 1M is back at ACTED1");
    EXPECT_EQ(status("ACTED1").storage, 3 * mega);
    EXPECT_EQ(status("ACTED2").storage, 5 * mega);
}

TEST_F(AgentTest, WhatNobodyTakesIsFree)
{
    for (const char* block : { "keep 4", "keep 5", "keep 6", "keep 7" })
        tell("ACTED2", block);
    for (const char* block : { "shun 3", "shun 4", "shun 5", "shun 6", "shun 7" })
        tell("ACTED1", block);
    EXPECT_EQ(refusal(mega),
        "partition ACTED2 took 0 of 1M (its block 7 does not go online: Device or resource busy); 1M is free in the machine");
    EXPECT_EQ(firmware->storage().free(), 1u);
}

TEST_F(AgentTest, TheAgentIsAskedToShutDownAndAnyOtherProgramIsSignalled)
{
    ASSERT_TRUE(firmware->load("ACTED1"));
    ASSERT_TRUE(becomes("ACTED1", PartitionState::operating));
    EXPECT_TRUE(firmware->shut_down("ACTED1"));
    EXPECT_TRUE(becomes("ACTED1", PartitionState::not_operating));
    ASSERT_TRUE(firmware->load("ACTED2"));
    ASSERT_TRUE(becomes("ACTED2", PartitionState::operating));
    tell("ACTED2", "keep 1");
    auto* console = firmware->console("ACTED2").value();
    u64 from = console->read(0, 5s).next;
    EXPECT_TRUE(firmware->shut_down("ACTED2"));
    EXPECT_EQ(console->read(from, 5s).text, "a signal\n");
    EXPECT_EQ(status("ACTED2").state, PartitionState::operating);
}

TEST_F(AgentTest, ASilentAgentIsAskedAgainWhereNoSignalIsTaken)
{
    ASSERT_TRUE(firmware->load("ACTED1"));
    ASSERT_TRUE(becomes("ACTED1", PartitionState::operating));
    tell("ACTED1", "silence");
    EXPECT_TRUE(firmware->shut_down("ACTED1"));
    EXPECT_TRUE(becomes("ACTED1", PartitionState::not_operating));
}

TEST_F(AgentTest, CpusMoveThroughTheAgents)
{
    auto moved = firmware->move_cpus("ACTED1", "ACTED2", 1, watch(10s));
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_EQ(cpus("ACTED1"), 1);
    EXPECT_EQ(cpus("ACTED2"), 3);
    EXPECT_EQ(said, (std::vector<std::string> { "ACTED1 gave up its CPU 1", "ACTED2 took its CPU 2" }));
    EXPECT_EQ(
        firmware->move_cpus("ACTED1", "ACTED2", 1, watch(10s)).error().message, "partition ACTED1 has 1 CPU, of which 1 cannot be moved");
    EXPECT_EQ(firmware->move_cpus("ACTED2", "ACTED2", 1, watch(10s)).error().message,
        "CPUs are moved between two partitions, not from ACTED2 to itself");
}

TEST_F(AgentTest, ACpuThatIsNotTakenGoesBack)
{
    tell("ACTED2", "keep 2");
    tell("ACTED2", "keep 3");
    auto moved = firmware->move_cpus("ACTED1", "ACTED2", 1, watch(10s));
    ASSERT_FALSE(moved);
    EXPECT_TRUE(moved.error().message.ends_with("ACTED1 has its CPU again")) << moved.error().message;
    EXPECT_EQ(cpus("ACTED1"), 2);
}

/// The same on a machine of two boards: ACTED1 begins on the first, ACTED2 on the second.
struct BoardTest : AgentTest {
    BoardTest()
    {
        firmware.reset();
        definition.boards = { { .name = "SB1", .cpus = 1, .storage = 5 * mega }, { .name = "SB2", .cpus = 1, .storage = 5 * mega } };
        definition.storage = 10 * mega;
        begin();
        EXPECT_TRUE(firmware->activate("ACTED1"));
        EXPECT_TRUE(firmware->activate("ACTED2"));
    }
    [[nodiscard]] std::vector<u64> blocks(std::string_view name) const
    {
        auto boards = status(name).boards;
        return { boards.at(0).blocks, boards.at(1).blocks };
    }
};

TEST_F(BoardTest, PartitionsBeginOnABoard)
{
    EXPECT_EQ(blocks("ACTED1"), (std::vector<u64> { 4, 0 }));
    EXPECT_EQ(blocks("ACTED2"), (std::vector<u64> { 0, 4 }));
    EXPECT_EQ(status("ACTED1").boards[1].cpus, 1) << "its CPUs are placed on both";
    EXPECT_EQ(firmware->storage().boards()[0].free, 1u);
}

TEST_F(BoardTest, WhatLiesOnABoardMoves)
{
    for (u64 block : { 4u, 5u }) {
        ASSERT_TRUE(firmware->type("ACTED1", fmt::format("obtain {}", block)));
        EXPECT_TRUE(soon([&] { return status("ACTED1").storage == (block + 1) * mega; }));
    }
    EXPECT_EQ(blocks("ACTED1"), (std::vector<u64> { 5, 1 }));
    auto moved = firmware->move_board("SB2", "ACTED1", "ACTED2", watch(10s));
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_EQ(blocks("ACTED1"), (std::vector<u64> { 5, 0 }));
    EXPECT_EQ(blocks("ACTED2"), (std::vector<u64> { 0, 5 })) << "of the same board";
    EXPECT_EQ(status("ACTED1").boards[1].cpus, 0);
    EXPECT_EQ(cpus("ACTED2"), 3);
    EXPECT_EQ(firmware->move_board("SB2", "ACTED1", "ACTED2", watch(10s)).error().message, "partition ACTED1 has nothing on board SB2");
    EXPECT_EQ(firmware->move_board("SB3", "ACTED1", "ACTED2", watch(10s)).error().message, "the machine TEST has no board 'SB3'");
}

TEST_F(BoardTest, TheFirstBlockStays)
{
    EXPECT_EQ(firmware->move_board("SB1", "ACTED1", "ACTED2", watch(10s)).error().message,
        "partition ACTED1 has 4M, of which 4M cannot be moved");
}

TEST_F(FirmwareTest, PropertiesChangeAtOnceAndSurvive)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->set("ACTED1", { .weight = 321, .cap_hundredths = 50 }));
    EXPECT_EQ(status("ACTED1").definition.weight, 321);
    EXPECT_EQ(firmware->set("ACTED1", { .weight = 1000 }).error().message, "weight must be 1 to 999, not 1000");
    firmware.reset();
    begin();
    EXPECT_EQ(status("ACTED1").definition.weight, 321);
    EXPECT_EQ(status("ACTED1").definition.cap_hundredths, 50u);
    EXPECT_EQ(status("ACTED2").definition.weight, 100);
}

/// Activates ACTED1 with a firmware in a process of its own, which is then killed.
void leave_partition_behind(const MachineDefinition& definition, const std::string& folder)
{
    pid_t other = fork();
    if (other == 0) {
        auto firmware = Firmware::create(definition, { .folder = folder, .program = std::filesystem::read_symlink("/proc/self/exe") });
        bool done = firmware && (*firmware)->activate("ACTED1") && (*firmware)->load("ACTED1");
        ::kill(getpid(), done ? SIGKILL : SIGABRT);
    }
    int how = 0;
    waitpid(other, &how, 0);
    EXPECT_EQ(WTERMSIG(how), SIGKILL);
}

TEST_F(FirmwareTest, PartitionsOfAKilledFirmwareAreTakenUp)
{
    firmware.reset();
    leave_partition_behind(definition, folder);
    begin();
    firmware->start_all();
    EXPECT_EQ(status("ACTED1").state, PartitionState::operating);
    EXPECT_EQ(status("ACTED1").storage, 4 * mega);
    EXPECT_TRUE(becomes("ACTED2", PartitionState::operating)) << "one with autostart";
    EXPECT_EQ(firmware->storage().free(), 2u);
    auto* console = firmware->console("ACTED1").value();
    ASSERT_TRUE(firmware->type("ACTED1", "say"));
    EXPECT_EQ(console->read(0, 5s).text, "said\n");
}

} // namespace
} // namespace zvisor
