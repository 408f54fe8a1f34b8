#pragma once

#include <string_view>

namespace zvisor {

/// Has the test's own program be the program of partitions: started for one whose name begins with `name`, it calls `run` and never comes
/// to the tests.
struct TestProgram {
    TestProgram(std::string_view name, void (*run)());
};

} // namespace zvisor
