#include "prsm/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sstream>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zvisor {

namespace {

constexpr unsigned long long spaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

/// What the child needs, made before it exists: between its birth and its program only system calls are allowed.
struct Birth {
    std::array<const char*, 3> arguments;
    std::vector<const char*> environment;
    const char* program;
    int listener;
    int log;
    int null;
    /// Lines for the maps of a new user namespace.
    std::string users;
    std::string groups;
};

[[nodiscard]] bool write_all(const char* path, std::string_view text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    close(fd);
    return done;
}

[[noreturn]] void become_partition(const Birth& birth, unsigned long long flags)
{
    constexpr int failed = 127;
    if ((flags & CLONE_NEWUSER)
        && (!write_all("/proc/self/setgroups", "deny") || !write_all("/proc/self/uid_map", birth.users)
            || !write_all("/proc/self/gid_map", birth.groups)))
        _exit(failed);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // Out of the way of the numbers that follow.
    int listener = fcntl(birth.listener, F_DUPFD, 10);
    int log = fcntl(birth.log, F_DUPFD, 10);
    if (dup2(birth.null, 0) < 0 || dup2(birth.null, 1) < 0 || dup2(log, 2) < 0 || dup2(listener, PartitionProcess::listener_fd) < 0)
        _exit(failed);
    syscall(SYS_close_range, PartitionProcess::listener_fd + 1, ~0u, 0);
    setsid();
    execve(birth.program, const_cast<char* const*>(birth.arguments.data()), const_cast<char* const*>(birth.environment.data()));
    _exit(failed);
}

/// A child in new namespaces, running the program; -1 and errno when the host refuses.
[[nodiscard]] pid_t give_birth(const Birth& birth, unsigned long long flags, int& pidfd)
{
    clone_args arguments {};
    arguments.flags = flags | CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    if (pid == 0)
        become_partition(birth, flags);
    return pid;
}

/// Field `number` (from 1, as proc(5) counts) of /proc/PID/stat; 0 when the process is gone.
[[nodiscard]] unsigned long long stat_field(pid_t pid, unsigned number)
{
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text, '\0'); // by its iterators a process that ends meanwhile would be an exception
    auto after_name = text.rfind(')');
    if (after_name == std::string::npos)
        return 0;
    std::istringstream fields(text.substr(after_name + 1));
    std::string field;
    for (unsigned i = 3; i <= number; ++i)
        fields >> field;
    return std::strtoull(field.c_str(), nullptr, 10);
}

} // namespace

std::vector<const char*> partition_environment()
{
    // What threads keep of freed memory, a few pieces of each size, would hold a third of an idle partition's pages.
    std::vector<const char*> all { "GLIBC_TUNABLES=glibc.malloc.tcache_count=0" };
    for (const char* const* entry = environ; *entry; ++entry)
        if (std::string_view text(*entry); text.substr(0, text.find('=')).ends_with("SAN_OPTIONS"))
            all.push_back(*entry);
    all.push_back(nullptr);
    return all;
}

PartitionProcess::PartitionProcess(pid_t pid, UniqueFd fd, bool separate)
    : m_pid(pid)
    , m_fd(std::move(fd))
    , m_start_time(stat_field(pid, 22))
    , m_separate(separate)
{
}

Result<PartitionProcess> PartitionProcess::start(const ProcessOptions& options)
{
    UniqueFd null { open("/dev/null", O_RDWR | O_CLOEXEC) };
    std::string shown = "zvisor-partition " + options.name;
    Birth birth { .arguments = { shown.c_str(), "partition-process", nullptr },
        .environment = partition_environment(),
        .program = options.program.c_str(),
        .listener = options.listener,
        .log = options.log,
        .null = null.get(),
        .users = fmt::format("0 {} 1\n", geteuid()),
        .groups = fmt::format("0 {} 1\n", getegid()) };
    // Root needs no user namespace to make the others; who is not root does. Without any, the system call list still holds.
    std::array<unsigned long long, 3> attempts { geteuid() == 0 ? spaces : spaces | CLONE_NEWUSER, spaces | CLONE_NEWUSER, 0 };
    for (unsigned long long flags : attempts) {
        int pidfd = -1;
        pid_t pid = give_birth(birth, flags, pidfd);
        if (pid > 0)
            return PartitionProcess(pid, UniqueFd { pidfd }, flags != 0);
    }
    return fail(fmt::format("cannot start a process for partition {}: {}", options.name, std::strerror(errno)));
}

Result<PartitionProcess> PartitionProcess::find(pid_t pid, unsigned long long start_time)
{
    UniqueFd fd { static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) };
    if (!fd.valid() || stat_field(pid, 22) != start_time)
        return fail(fmt::format("process {} is gone", pid));
    return PartitionProcess(pid, std::move(fd), true);
}

void PartitionProcess::kill() const
{
    syscall(SYS_pidfd_send_signal, m_fd.get(), SIGKILL, nullptr, 0);
}

std::string PartitionProcess::wait() const
{
    siginfo_t information {};
    // One that was taken up again is not our child; its end is all that can be known.
    if (waitid(P_PIDFD, static_cast<id_t>(m_fd.get()), &information, WEXITED) != 0) {
        pollfd ended { m_fd.get(), POLLIN, 0 };
        while (poll(&ended, 1, -1) < 0 && errno == EINTR)
            ;
        return "has ended";
    }
    // As its list of system calls answers abort().
    if (information.si_code == CLD_KILLED && information.si_status == SIGSYS)
        return "aborted";
    if (information.si_code == CLD_EXITED)
        return fmt::format("ended with status {}", information.si_status);
    return fmt::format("was ended by signal {} ({})", information.si_status, strsignal(information.si_status));
}

unsigned long long PartitionProcess::cpu_time() const
{
    auto ticks = stat_field(m_pid, 14) + stat_field(m_pid, 15);
    return ticks * 1'000'000'000ull / static_cast<unsigned long long>(sysconf(_SC_CLK_TCK));
}

} // namespace zvisor
