#include "prsm/firmware.h"

#include "prsm/test_program.h"

#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>

namespace zvisor {
namespace {

using namespace std::chrono_literals;

constexpr u64 mega = 1 << 20;

/// What stands in for a partition's program: it answers orders, and does what is typed at its console: `obtain N`, `give N`, `die`,
/// `garbage`, `halt`; anything else is shown.
class ActedPartition {
public:
    void run()
    {
        while (auto link = accept_link(PartitionProcess::listener_fd)) {
            m_link = std::move(*link);
            while (auto message = m_link->receive()) {
                if (!*message)
                    break;
                answer(**message);
            }
        }
    }

private:
    void send(const nlohmann::json& body, std::span<const int> files = {}) { [[maybe_unused]] auto sent = m_link->send(body, files); }
    void tell_state() { send({ { "event", "state" }, { "state", m_state }, { "why", "" } }); }

    void answer(LinkMessage& message)
    {
        auto order = message.get<std::string>("order").value_or("");
        nlohmann::json reply { { "reply", message.get<u64>("id").value_or(0) } };
        if (order == "blocks")
            for (auto& file : message.files)
                m_blocks[m_next_block++] = std::move(file);
        if (order == "blocks" || order == "refuse")
            return say(fmt::format("{} blocks\n", m_blocks.size()));
        if (order == "adopt") {
            [[maybe_unused]] auto sent = send_blocks(*m_link, m_blocks, { { "event", "held" } });
            reply.update({ { "state", m_state }, { "why", "" } });
        }
        if (order == "load")
            m_state = "operating";
        if (order == "stop" && m_state != "operating")
            reply["error"] = "nothing operates";
        if (order == "type")
            reply["taken"] = type(message);
        send(reply);
        if (order == "load")
            tell_state();
    }

    void say(std::string_view text) { send({ { "event", "console" }, { "text", nlohmann::json::binary({ text.begin(), text.end() }) } }); }

    [[nodiscard]] std::size_t type(LinkMessage& message)
    {
        auto bytes = message.get<nlohmann::json::binary_t>("text").value_or(nlohmann::json::binary_t {});
        std::istringstream words(std::string(bytes.begin(), bytes.end()));
        std::string word;
        u64 block = 0;
        words >> word >> block;
        if (word == "die")
            _exit(3);
        if (word == "garbage") [[maybe_unused]]
            auto sent = ::send(m_link->fd(), "\xff\xff", 2, 0);
        if (word == "halt")
            m_state = "disabled-wait", tell_state();
        if (word == "obtain")
            m_next_block = block, send({ { "event", "obtain" }, { "block", block } });
        if (word == "give")
            m_blocks.erase(block), send({ { "event", "give-back" }, { "block", block } });
        if (word == "say")
            say("said\n");
        return bytes.size();
    }

    std::unique_ptr<Link> m_link;
    std::string m_state { "not-operating" };
    HeldBlocks m_blocks;
    u64 m_next_block { 0 };
};

const TestProgram acted("ACTED", [] { ActedPartition().run(); });

[[nodiscard]] PartitionDefinition definition_of(const std::string& name, u8 number)
{
    return { .name = name, .number = number, .memory = 4 * mega, .maximum_memory = 8 * mega, .block_size = mega };
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

    void begin()
    {
        auto created = Firmware::create(definition, { .folder = folder, .program = std::filesystem::read_symlink("/proc/self/exe") });
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

    std::string folder;
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
    ::kill(status("ACTED1").pid, SIGKILL);
    EXPECT_TRUE(becomes("ACTED1", PartitionState::failed));
    EXPECT_EQ(status("ACTED1").why, "its process was ended by signal 9 (Killed)");
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
    std::jthread programs([&] {
        EXPECT_TRUE(firmware->type("ACTED1", "give 3"));
        EXPECT_TRUE(soon([&] { return firmware->storage().free() == 3; }));
        EXPECT_TRUE(firmware->type("ACTED2", "obtain 4"));
    });
    std::vector<std::string> said;
    auto moved = firmware->move_memory("ACTED1", "ACTED2", mega, 10s, [&](const std::string& text) { said.push_back(text); });
    ASSERT_TRUE(moved) << moved.error().message;
    EXPECT_EQ(status("ACTED1").storage, 3 * mega);
    EXPECT_EQ(status("ACTED2").storage, 5 * mega);
    EXPECT_EQ(said.front(), "waiting for ACTED1 to take 1M offline; in Linux: chmem -d 1M");
    EXPECT_EQ(said.back(), "ACTED2 took 1M of 1M");
}

TEST_F(FirmwareTest, AMoveTheProgramDoesNotFollowIsRefused)
{
    ASSERT_TRUE(firmware->activate("ACTED1"));
    ASSERT_TRUE(firmware->activate("ACTED2"));
    auto move
        = [&](u64 bytes) { return firmware->move_memory("ACTED1", "ACTED2", bytes, 50ms, [](const std::string&) { }).error().message; };
    EXPECT_EQ(move(mega), "partition ACTED1 released 0 of 1M within 0 s; that is free now");
    EXPECT_EQ(move(4 * mega), "partition ACTED1 has 4M, of which 4M cannot be moved");
    EXPECT_EQ(move(1000), "1000 cannot be moved: storage is moved in blocks of 1M");
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
    EXPECT_EQ(status("ACTED2").state, PartitionState::operating) << "one with autostart";
    EXPECT_EQ(firmware->storage().free(), 2u);
    auto* console = firmware->console("ACTED1").value();
    ASSERT_TRUE(firmware->type("ACTED1", "say"));
    EXPECT_EQ(console->read(0, 5s).text, "said\n");
}

} // namespace
} // namespace zvisor
