#include "control/listeners.h"
#include "control/places.h"
#include "control/test_machine.h"

#include <gtest/gtest.h>

namespace zvisor {

namespace {

class Places : public ::testing::Test {
protected:
    Places() { setenv("ZVISOR_RUNTIME_DIR", m_folder.path().c_str(), 1); }
    ~Places() override { unsetenv("ZVISOR_RUNTIME_DIR"); }

    /// A machine whose door is open.
    struct Running {
        MachineFolder folder;
        UniqueFd socket;
    };
    [[nodiscard]] static Running run(const char* name)
    {
        auto folder = MachineFolder::take(name).value();
        auto socket = listen_at_path(folder.socket()).value();
        return { std::move(folder), std::move(socket) };
    }

    TestFolder m_folder;
};

} // namespace

TEST_F(Places, AMachineRunsOnce)
{
    auto folder = MachineFolder::take("CPC1");
    ASSERT_TRUE(folder);
    EXPECT_EQ(MachineFolder::take("CPC1").error().message, fmt::format("the machine CPC1 runs already (process {})", getpid()));
    EXPECT_TRUE(MachineFolder::take("CPC2"));
}

TEST_F(Places, AfterItsEndAMachineRunsAgain)
{
    std::string socket = MachineFolder::take("CPC1")->socket();
    EXPECT_FALSE(is_taken(socket));
    auto again = MachineFolder::take("CPC1");
    EXPECT_TRUE(again);
    EXPECT_TRUE(is_taken(socket));
}

TEST_F(Places, NamesStayInTheFolder)
{
    for (const char* bad : { "", "..", "a/b", ".hidden", "with blank", "123456789012345678901234567890123" })
        EXPECT_FALSE(MachineFolder::take(bad)) << bad;
}

TEST_F(Places, TheOnlyMachineIsMeant)
{
    auto machine = run("CPC1");
    EXPECT_EQ(*find_machine(""), machine.folder.socket());
    EXPECT_EQ(*find_machine("CPC1"), machine.folder.socket());
}

TEST_F(Places, OneOfSeveralMustBeNamed)
{
    auto first = run("CPC1");
    auto second = run("CPC2");
    EXPECT_EQ(find_machine("").error().message, "several machines run (CPC1, CPC2): name one with --machine or ZVISOR_MACHINE");
    EXPECT_EQ(*find_machine("CPC2"), second.folder.socket());
    EXPECT_EQ(find_machine("CPC3").error().message, "the machine CPC3 does not run; running are: CPC1, CPC2");
}

TEST_F(Places, WithoutMachinesTheSentenceSaysHowToStartOne)
{
    EXPECT_EQ(find_machine("").error().message, "no machine runs; 'zvisor machine start FILE' starts one");
    EXPECT_EQ(find_machine("CPC1").error().message, "the machine CPC1 does not run, nor does any other");
}

TEST_F(Places, AMachineWhoseDoorIsClosedIsStartingOrEnding)
{
    auto folder = MachineFolder::take("CPC1");
    EXPECT_EQ(find_machine("CPC1").error().message, "the machine CPC1 is starting or ending");
}

TEST_F(Places, ASocketThatWasLeftBehindIsNoMachine)
{
    std::string socket = run("CPC1").folder.socket();
    EXPECT_FALSE(std::filesystem::exists(socket));
    // As after SIGKILL.
    ASSERT_TRUE(listen_at_path(socket));
    EXPECT_TRUE(running_machines()->empty());
    EXPECT_EQ(
        find_machine("CPC1").error().message, fmt::format("the machine CPC1 does not run: its process ended and left {} behind", socket));
}

} // namespace zvisor
