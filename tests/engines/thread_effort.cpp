#include "thread_effort.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <string>
#include <unistd.h>
#include <utility>

namespace zvisor::engines {

namespace {

struct ThreadState {
    bool ready { false };
    double executed { 0 };
};

/// From /proc/self/task/TID/stat: the state is the 3rd field, behind a name in parentheses, times are the 14th and 15th.
[[nodiscard]] ThreadState state_of(pid_t thread)
{
    std::ifstream file(fmt::format("/proc/self/task/{}/stat", thread));
    file.ignore(1000, ')');
    char state = 0;
    file >> state;
    std::string passed_over;
    for (unsigned field = 4; field < 14; ++field)
        file >> passed_over;
    double user = 0;
    double system = 0;
    file >> user >> system;
    return { state == 'R', (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)) };
}

} // namespace

ThreadEffort::ThreadEffort()
    : m_thread(gettid())
    , m_executed(state_of(m_thread).executed)
{
}

double ThreadEffort::next(double elapsed)
{
    ThreadState now = state_of(m_thread);
    double executed = now.executed - std::exchange(m_executed, now.executed);
    return now.ready ? std::min(executed, elapsed) : elapsed;
}

} // namespace zvisor::engines
