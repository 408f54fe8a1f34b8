#include "prsm/guest_agent.h"
#include "prsm/guest_resources.h"

#include "prsm/acted_agent.h"

#include <atomic>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <thread>

namespace zvisor {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// An agent that answers every command with one text, and the firmware's end of it.
struct GuestAgentTest : testing::Test {
    GuestAgentTest()
    {
        int ends[2] { -1, -1 };
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        guest = UniqueFd(ends[1]);
        agent = std::make_unique<GuestAgent>(UniqueFd(ends[0]));
    }
    ~GuestAgentTest() override
    {
        shutdown(guest.get(), SHUT_RDWR);
        if (thread.joinable())
            thread.join();
    }
    void say(std::string_view text) const { EXPECT_EQ(send(guest.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size())); }
    void act(ActedAgent::Answer answer)
    {
        thread = std::thread([this, answer = std::move(answer)] { ActedAgent(guest.get(), answer).run(); });
    }
    void act(std::string text)
    {
        act([text = std::move(text)](const std::string&, const json&) { return text; });
    }
    [[nodiscard]] std::string error(std::chrono::milliseconds patience = 5s)
    {
        auto answer = agent->call("guest-info", json::object(), Patience::of(patience));
        return answer ? "none" : answer.error().message;
    }

    UniqueFd guest;
    std::unique_ptr<GuestAgent> agent;
    std::thread thread;
};

TEST_F(GuestAgentTest, AnswersCommands)
{
    act([](const std::string& command, const json& arguments) { return ActedAgent::returns({ command, arguments }); });
    auto answer = agent->call("guest-fsfreeze", { { "x", 1 } }, Patience::of(5s));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->dump(), R"(["guest-fsfreeze",{"x":1}])");
}

TEST_F(GuestAgentTest, WhatWasSaidBeforeIsForgotten)
{
    say("{\"return\": 17}\n{\"return\": {\"half\": ");
    act(ActedAgent::returns(1));
    EXPECT_EQ(agent->call("guest-info", json::object(), Patience::of(5s)).value(), 1);
}

TEST_F(GuestAgentTest, ARefusalIsRepeatedAsOneLine)
{
    act(ActedAgent::refuses("not\nallowed\x1b[2J " + std::string(1000, 'x')));
    auto why = error();
    EXPECT_TRUE(why.starts_with("the guest agent refuses: not allowed?[2J xxx")) << why;
    EXPECT_LT(why.size(), 300u);
}

TEST_F(GuestAgentTest, WhatIsNoAnswerIsAnError)
{
    act(R"({"error": "text"})"
        "\n");
    EXPECT_EQ(error(), "what the guest agent says is no answer");
}

TEST_F(GuestAgentTest, SilenceEndsInTime)
{
    EXPECT_EQ(error(50ms), "no guest agent answers");
    act("");
    EXPECT_EQ(error(50ms), "the guest agent has not answered in time");
}

TEST_F(GuestAgentTest, NobodyWaitsForWhatNobodyWants)
{
    auto patience = Patience::of(1h);
    patience.given_up = [] { return true; };
    EXPECT_FALSE(agent->call("guest-info", json::object(), patience));
}

TEST_F(GuestAgentTest, AnEndlessAnswerIsNotKept)
{
    act(std::string(GuestAgent::longest_answer + 100'000, 'x'));
    EXPECT_EQ(error(), "the guest agent's answer is too long");
}

TEST_F(GuestAgentTest, AClosedPortIsFoundAtOnce)
{
    guest.reset();
    EXPECT_EQ(error(), "the partition has closed its guest agent's port");
}

TEST_F(GuestAgentTest, ProgramsEndWellOrWithTheirError)
{
    act([](const std::string& command, const json& arguments) {
        if (command == "guest-exec")
            return ActedAgent::returns({ { "pid", arguments["path"] == "true" ? 1 : 2 } });
        json end { { "exited", true }, { "exitcode", arguments["pid"] == 1 ? 0 : 1 }, { "err-data", "Y3B1OiBidXN5Cg==" } };
        return ActedAgent::returns(end);
    });
    EXPECT_TRUE(agent->run("true", {}, Patience::of(5s)));
    EXPECT_EQ(agent->run("chcpu", { "-g", "1" }, Patience::of(5s)).error().message, "chcpu fails in the guest: cpu: busy");
}

TEST_F(GuestAgentTest, WhatIsDeeperThanAnAnswerIsNotKept)
{
    act(R"({"return": {"near": 1, "far": [[[[[[[[[[[[2]]]]]]]]]]]]}})"
        "\n");
    auto answer = agent->call("guest-info", json::object(), Patience::of(5s));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ((*answer)["near"], 1);
    EXPECT_EQ(answer->dump().find('2'), std::string::npos) << answer->dump();
}

TEST_F(GuestAgentTest, AShutdownIsNotAnsweredUnlessItIsRefused)
{
    std::atomic<bool> refused { false };
    std::vector<std::string> asked;
    act([&](const std::string& command, const json&) {
        asked.push_back(command);
        return refused ? ActedAgent::refuses("not now") : "";
    });
    auto done = agent->shut_down(Patience::of(5s));
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(asked, std::vector<std::string> { "guest-shutdown" });
    refused = true;
    EXPECT_EQ(agent->shut_down(Patience::of(5s)).error().message, "the guest agent refuses: not now");
}

TEST_F(GuestAgentTest, AnAgentThatDoesSomethingElseIsNotWaitedFor)
{
    std::thread busy([this] { EXPECT_FALSE(agent->call("guest-info", json::object(), Patience::of(1s))); });
    char greeting = 0;
    EXPECT_EQ(recv(guest.get(), &greeting, 1, 0), 1);
    EXPECT_EQ(agent->shut_down(Patience::of(5s)).error().message, "the guest agent does something else");
    busy.join();
}

TEST_F(GuestAgentTest, BlocksAreOfferedInOrder)
{
    act([](const std::string& command, const json&) {
        if (command == "guest-get-memory-block-info")
            return ActedAgent::returns({ { "size", 1 << 28 } });
        return ActedAgent::returns(
            { { { "phys-index", 2 }, { "online", false } }, { { "phys-index", 0 }, { "online", true }, { "can-offline", false } },
                { { "phys-index", -1 } }, { { "phys-index", "x" } }, { { "phys-index", u64 { 1 } << 60 } } });
    });
    auto storage = storage_of_guest(*agent, Patience::of(5s));
    ASSERT_TRUE(storage) << storage.error().message;
    ASSERT_EQ(storage->blocks.size(), 2u) << "numbers that are none are left out";
    EXPECT_TRUE(storage->blocks[0].online);
    EXPECT_FALSE(storage->blocks[0].removable);
    EXPECT_EQ(storage->blocks[1].number, 2u);
}

struct BadList {
    const char* what;
    json size;
    json blocks;
};

const BadList bad_lists[] {
    { "no size", json::object(), json::array() },
    { "a size that is none", { { "size", 12345 } }, json::array() },
    { "a size of nothing", { { "size", 0 } }, json::array() },
    { "a size of another type", { { "size", "1G" } }, json::array() },
    { "a size in no object", 5, json::array() },
    { "no list", { { "size", 1 << 28 } }, 5 },
    { "numbers", { { "size", 1 << 28 } }, { 1, 2 } },
};

TEST_F(GuestAgentTest, ListsThatMakeNoSenseAreErrors)
{
    std::size_t at = 0;
    act([&](const std::string& command, const json&) {
        return ActedAgent::returns(command == "guest-get-memory-block-info" ? bad_lists[at].size : bad_lists[at].blocks);
    });
    for (; at < std::size(bad_lists); ++at)
        EXPECT_FALSE(storage_of_guest(*agent, Patience::of(5s))) << bad_lists[at].what;
}

TEST_F(GuestAgentTest, ABlockThatStaysSaysWhy)
{
    act(ActedAgent::returns({ { { "phys-index", 3 }, { "response", "operation-failed" }, { "error-code", 16 } } }));
    EXPECT_EQ(
        set_guest_block(*agent, 3, false, Patience::of(5s)).error().message, "its block 3 does not go offline: Device or resource busy");
}

TEST_F(GuestAgentTest, ACpuThatIsNotDeconfiguredIsUsedOn)
{
    std::vector<bool> used;
    act([&](const std::string& command, const json& arguments) {
        if (command == "guest-set-vcpus")
            used.push_back(arguments["vcpus"][0]["online"]);
        if (command == "guest-exec-status")
            return ActedAgent::returns({ { "exited", true }, { "exitcode", 1 } });
        return ActedAgent::returns({ { "pid", 1 } });
    });
    EXPECT_FALSE(set_guest_cpu(*agent, 1, false, Patience::of(5s)));
    EXPECT_EQ(used, (std::vector { false, true }));
}

TEST(Base64, IsReadUpToItsEnd)
{
    EXPECT_EQ(from_base64("emFyY2g="), "zarch");
    EXPECT_EQ(from_base64("emFyYw=="), "zarc");
    EXPECT_EQ(from_base64("////"), "\xff\xff\xff");
    EXPECT_EQ(from_base64(""), "");
    EXPECT_EQ(from_base64("!"), "");
    EXPECT_EQ(from_base64("emFy!!!!"), "");
    EXPECT_EQ(from_base64("===="), "");
}

} // namespace
} // namespace zvisor
