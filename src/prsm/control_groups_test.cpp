#include "prsm/control_groups.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

namespace zvisor {
namespace {

/// Folders and files as a host's control groups have them, without their effects.
struct ControlGroupsTest : testing::Test {
    ControlGroupsTest()
    {
        std::filesystem::create_directories(partition);
        write(service / "cgroup.controllers", "cpu memory pids\n");
        write(service / "cgroup.subtree_control", "");
        for (const char* name : { "memory.max", "pids.max", "cgroup.procs" })
            write(partition / name, "");
        write(membership, "4:memory:/other\n0::/system.slice/zvisor@cpc1.service/firmware\n");
    }
    ~ControlGroupsTest() override { std::filesystem::remove_all(root); }

    static void write(const std::filesystem::path& file, std::string_view text) { std::ofstream(file) << text; }
    [[nodiscard]] static std::string read(const std::filesystem::path& file)
    {
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }
    [[nodiscard]] ControlGroups find() const { return ControlGroups::find(root, membership); }

    std::filesystem::path root { testing::TempDir() + "/zvisor-cgroup-" + std::to_string(getpid()) };
    std::filesystem::path service { root / "system.slice/zvisor@cpc1.service" };
    std::filesystem::path partition { service / "partition-LP1" };
    std::filesystem::path membership { root / "membership" };
};

TEST_F(ControlGroupsTest, APartitionGetsItsLimitsAndItsProcess)
{
    auto groups = find();
    EXPECT_EQ(groups.description(), service.string());
    EXPECT_EQ(read(service / "cgroup.subtree_control"), "+memory +pids");
    auto done = groups.confine("LP1", 4711, { .memory = 1 << 30, .threads = 70 });
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(read(partition / "memory.max"), "1073741824");
    EXPECT_EQ(read(partition / "pids.max"), "70");
    EXPECT_EQ(read(partition / "cgroup.procs"), "4711");
}

TEST_F(ControlGroupsTest, AGroupIsMadeAndRemoved)
{
    auto groups = find();
    auto done = groups.confine("LP2", 4711, {});
    ASSERT_FALSE(done) << "a folder of this test has no files that appear by themselves";
    EXPECT_EQ(done.error().message, (service / "partition-LP2/memory.max").string() + " cannot be set to 0: No such file or directory");
    EXPECT_TRUE(std::filesystem::exists(service / "partition-LP2"));
    groups.remove("LP2");
    EXPECT_FALSE(std::filesystem::exists(service / "partition-LP2"));
}

TEST_F(ControlGroupsTest, WithoutDelegationNothingIsDoneAndThatIsSaid)
{
    auto none_because = [this](const std::string& why) {
        auto groups = find();
        EXPECT_EQ(groups.description(), "none: " + why);
        EXPECT_TRUE(groups.confine("LP1", 4711, { .memory = 1, .threads = 1 }));
        EXPECT_EQ(read(partition / "memory.max"), "");
    };
    write(service / "cgroup.controllers", "cpu pids\n");
    none_because(service.string() + " has no controllers of memory and threads");
    write(membership, "0::/system.slice/zvisor@cpc1.service\n");
    none_because("the host has not delegated any (a service with DelegateSubgroup=firmware)");
    std::filesystem::remove(membership);
    none_because("the host has not delegated any (a service with DelegateSubgroup=firmware)");
}

} // namespace
} // namespace zvisor
