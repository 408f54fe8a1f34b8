#include "prsm/control_groups.h"

#include "base/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>
#include <vector>

namespace zvisor {

namespace {

constexpr std::array<std::string_view, 2> controllers { "memory", "pids" };

/// The hierarchy of version 2 is number 0 and has no name: "0::/system.slice/zvisor@cpc1.service/firmware".
[[nodiscard]] std::filesystem::path own_group(const std::filesystem::path& membership)
{
    constexpr std::string_view begin = "0::/";
    std::ifstream file(membership);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(begin))
            return line.substr(begin.size());
    return {};
}

[[nodiscard]] bool has_controllers(const std::filesystem::path& group)
{
    std::ifstream file(group / "cgroup.controllers");
    std::vector<std::string> all;
    for (std::string name; file >> name;)
        all.push_back(name);
    return std::ranges::all_of(controllers, [&](auto name) { return std::ranges::find(all, name) != all.end(); });
}

/// Files of control groups take what is written at once or say why not.
[[nodiscard]] Result<void> set(const std::filesystem::path& file, std::string_view value)
{
    UniqueFd fd { open(file.c_str(), O_WRONLY | O_CLOEXEC) };
    if (!fd.valid() || write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        return fail(fmt::format("{} cannot be set to {}: {}", file.string(), value, std::strerror(errno)));
    return {};
}

} // namespace

ControlGroups ControlGroups::find(const std::filesystem::path& root, const std::filesystem::path& membership)
{
    ControlGroups groups;
    auto own = own_group(membership);
    auto delegated = root / own.parent_path();
    if (own.filename() != firmware_group)
        groups.m_description = fmt::format("none: the host has not delegated any (a service with DelegateSubgroup={})", firmware_group);
    else if (!has_controllers(delegated))
        groups.m_description = fmt::format("none: {} has no controllers of memory and threads", delegated.string());
    else if (auto limited = set(delegated / "cgroup.subtree_control", "+memory +pids"); !limited)
        groups.m_description = "none: " + limited.error().message;
    else
        groups.m_description = groups.m_folder = delegated;
    return groups;
}

std::filesystem::path ControlGroups::folder_of(std::string_view partition) const
{
    return m_folder / fmt::format("partition-{}", partition);
}

Result<void> ControlGroups::confine(std::string_view partition, pid_t process, const Limits& limits) const
{
    if (m_folder.empty())
        return {};
    auto folder = folder_of(partition);
    std::error_code error;
    std::filesystem::create_directory(folder, error);
    if (error)
        return fail(fmt::format("{} cannot be made: {}", folder.string(), error.message()));
    TRY_VOID(set(folder / "memory.max", std::to_string(limits.memory)));
    TRY_VOID(set(folder / "pids.max", std::to_string(limits.threads)));
    return set(folder / "cgroup.procs", std::to_string(process));
}

void ControlGroups::remove(std::string_view partition) const
{
    if (!m_folder.empty())
        rmdir(folder_of(partition).c_str());
}

} // namespace zvisor
