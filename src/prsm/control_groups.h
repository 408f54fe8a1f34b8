#pragma once

#include "base/result.h"
#include "base/types.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace zvisor {

/// Control groups (version 2) of a machine's partitions, where the host has delegated some to this process: a group for each partition
/// beside that of the firmware, which bounds its memory and its threads. Where it has not, nothing is done.
class ControlGroups {
public:
    /// The firmware's group must be one of its own below what is delegated: a group with limited ones below it has no processes. By its
    /// name one knows that it is (systemd: DelegateSubgroup).
    static constexpr std::string_view firmware_group = "firmware";

    struct Limits {
        /// Bytes, storage included.
        u64 memory { 0 };
        u64 threads { 0 };
    };

    /// None.
    ControlGroups() = default;
    /// Those delegated to the process that `membership` (proc(5), /proc/self/cgroup) is of, in the hierarchy mounted at `root`.
    [[nodiscard]] static ControlGroups find(
        const std::filesystem::path& root = "/sys/fs/cgroup", const std::filesystem::path& membership = "/proc/self/cgroup");

    /// Where they are, or why there are none, for an operator.
    [[nodiscard]] const std::string& description() const { return m_description; }

    /// Makes the group of a partition and puts its process into it.
    [[nodiscard]] Result<void> confine(std::string_view partition, pid_t process, const Limits& limits) const;
    /// Removes the group of a partition that has no process any more.
    void remove(std::string_view partition) const;

private:
    [[nodiscard]] std::filesystem::path folder_of(std::string_view partition) const;

    /// What is delegated; empty: nothing.
    std::filesystem::path m_folder;
    std::string m_description { "none" };
};

} // namespace zvisor
