#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace zvisor {

/// How a partition's process is started.
struct ProcessOptions {
    /// The program, run as `PROGRAM partition-process`.
    std::string program;
    /// Name of the partition, shown by ps.
    std::string name;
    /// The socket it accepts its links from; becomes its descriptor 3.
    int listener { -1 };
    /// Its standard error.
    int log { -1 };
};

/// The environment of a partition's processes, for execve(2): nothing of the firmware's own but how a sanitizer reports, and what keeps
/// idle ones small. Valid until the firmware's environment changes.
[[nodiscard]] std::vector<const char*> partition_environment();

/// A partition's process as the firmware holds it: in user, PID, mount, network, IPC and UTS namespaces of its own where the host allows
/// that. It outlives the firmware, which may take it up again by its PID.
class PartitionProcess {
public:
    /// Descriptor of the listening socket in the process.
    static constexpr int listener_fd = 3;

    [[nodiscard]] static Result<PartitionProcess> start(const ProcessOptions& options);
    /// The process with this PID that began at this time (`start_time` of the one that was started); an error when it is gone.
    [[nodiscard]] static Result<PartitionProcess> find(pid_t pid, unsigned long long start_time);

    [[nodiscard]] pid_t pid() const { return m_pid; }
    /// In clock ticks since the host started: with the PID it names a process for ever.
    [[nodiscard]] unsigned long long start_time() const { return m_start_time; }
    /// Becomes readable when the process has ended.
    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// True when it has namespaces of its own.
    [[nodiscard]] bool separate() const { return m_separate; }

    /// Ends it at once.
    void kill() const;
    /// How it ended, as words for a sentence ("was ended by signal 9"); waits for that.
    [[nodiscard]] std::string wait() const;
    /// CPU time of all its threads so far, in nanoseconds; 0 when it is gone.
    [[nodiscard]] unsigned long long cpu_time() const;

private:
    PartitionProcess(pid_t pid, UniqueFd fd, bool separate);

    pid_t m_pid;
    UniqueFd m_fd;
    unsigned long long m_start_time { 0 };
    bool m_separate;
};

} // namespace zvisor
