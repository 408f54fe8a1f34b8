#include "image/process.h"

#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <thread>

namespace zvisor::image {
namespace {

class ProcessTest : public testing::Test {
protected:
    Interrupt m_interrupt = Interrupt::hold().value();
};

TEST_F(ProcessTest, PassesArgumentsInputAndFolderAsTheyAre)
{
    EXPECT_EQ(run_checked("printf", { { "printf", "%s|", "a b", "$x;'" } }, m_interrupt).value(), "a b|$x;'|");
    EXPECT_EQ(run_checked("cat", { { "cat" }, {}, {}, "text" }, m_interrupt).value(), "text");
    EXPECT_EQ(run_checked("pwd", { { "pwd" }, {}, "/usr" }, m_interrupt).value(), "/usr\n");
    EXPECT_EQ(run_checked("env", { { "sh", "-c", "echo $ZV" }, { { "ZV", "1" } } }, m_interrupt).value(), "1\n");
}

TEST_F(ProcessTest, GivesTheReasonOfAFailure)
{
    auto failed = run_checked("it", { { "sh", "-c", "echo first >&2; echo why >&2; exit 3" } }, m_interrupt);
    EXPECT_EQ(failed.error().message, "it: why");
    EXPECT_EQ(run({ { "sh", "-c", "kill -9 $$" } }, m_interrupt).value().status, 128 + 9);
    EXPECT_EQ(run({ { "no-such-program" } }, m_interrupt).error().message, "the program no-such-program is not installed");
    EXPECT_NE(require_tool("no-such-program", "its-package").error().message.find("install the package its-package"), std::string::npos);
}

TEST_F(ProcessTest, TakesMoreErrorOutputThanAPipeHolds)
{
    auto outcome = run({ { "sh", "-c", "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero" } }, m_interrupt).value();
    EXPECT_EQ(outcome.output.size(), 1000000u);
    EXPECT_EQ(outcome.errors.size(), 1000000u);
}

TEST_F(ProcessTest, ASignalEndsAWaitAndTheChild)
{
    auto started = std::chrono::steady_clock::now();
    auto child = Child::start({ { "sleep", "60" } }, m_interrupt).value();
    ::raise(SIGINT);
    EXPECT_NE(child.wait().error().message.find("interrupted"), std::string::npos);
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(30));
}

} // namespace
} // namespace zvisor::image
