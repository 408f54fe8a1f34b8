#include "control/machine_end.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace zvisor {

namespace {

constexpr std::chrono::milliseconds look_every { 100 };
constexpr std::chrono::seconds say_every { 5 };

} // namespace

void MachineEnd::request(bool now)
{
    std::lock_guard lock(m_mutex);
    m_requests += now ? 2 : 1;
    m_changed.notify_all();
}

bool MachineEnd::requested() const
{
    std::lock_guard lock(m_mutex);
    return m_requests != 0;
}

bool MachineEnd::pause(std::chrono::milliseconds time)
{
    std::unique_lock lock(m_mutex);
    return m_changed.wait_for(lock, time, [this] { return m_requests > 1; });
}

std::vector<std::string> MachineEnd::ask_programs(const std::function<void(const std::string&)>& say)
{
    std::vector<std::string> asked;
    for (const auto& partition : m_firmware.partitions()) {
        const auto& name = partition.definition.name;
        if (partition.state != PartitionState::operating || pause(std::chrono::milliseconds(0)))
            continue;
        if (auto done = m_firmware.shut_down(name); done)
            asked.push_back(name);
        else
            say(done.error().message);
    }
    return asked;
}

std::string MachineEnd::still_operating(const std::vector<std::string>& asked) const
{
    std::string names;
    for (const auto& name : asked)
        if (auto partition = m_firmware.partition(name); partition && partition->state == PartitionState::operating)
            names.append(names.empty() ? "" : ", ").append(name);
    return names;
}

void MachineEnd::wait(const std::function<void(const std::string&)>& say)
{
    {
        std::unique_lock lock(m_mutex);
        m_changed.wait(lock, [this] { return m_requests != 0; });
    }
    auto asked = ask_programs(say);
    if (asked.empty())
        return;
    // Those that have shut down meanwhile, too.
    say(fmt::format("asked {} to shut down; asked again, the machine ends at once", fmt::join(asked, ", ")));
    auto begin = std::chrono::steady_clock::now();
    auto next_word = begin + say_every;
    for (std::string names = still_operating(asked); !names.empty(); names = still_operating(asked)) {
        if (auto now = std::chrono::steady_clock::now(); now >= next_word) {
            say(fmt::format(
                "waiting for {} to shut down, {} s", names, std::chrono::duration_cast<std::chrono::seconds>(now - begin).count()));
            next_word = now + say_every;
        }
        if (pause(look_every))
            return say("ending at once");
    }
}

} // namespace zvisor
