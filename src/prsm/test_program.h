#pragma once

#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <unistd.h>

namespace zvisor {

/// Has the test's own program be the program of partitions: started for one whose name begins with `name`, it calls `run` and never comes
/// to the tests.
class TestProgram {
public:
    TestProgram(std::string_view name, void (*run)())
    {
        if (is_started_for(name))
            testing::AddGlobalTestEnvironment(new InPlaceOfTests(run));
    }

private:
    /// After all objects of the program have been made.
    class InPlaceOfTests final : public testing::Environment {
    public:
        explicit InPlaceOfTests(void (*run)())
            : m_run(run)
        {
        }
        void SetUp() override
        {
            m_run();
            _exit(0);
        }

    private:
        void (*m_run)();
    };

    /// As the firmware does it: "zvisor-partition NAME" "partition-process".
    [[nodiscard]] static bool is_started_for(std::string_view name)
    {
        std::ifstream file("/proc/self/cmdline");
        std::string shown;
        std::string command;
        std::getline(file, shown, '\0');
        std::getline(file, command, '\0');
        return command == "partition-process" && shown.starts_with("zvisor-partition " + std::string(name));
    }
};

} // namespace zvisor
