// A program of ours in the place of a partition's: confined as one, it tries what a hostile engine would, and says what it got.

#include "machine/isolation.h"
#include "prsm/link.h"
#include "prsm/process.h"
#include "prsm/sandbox.h"
#include "prsm/test_program.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace zvisor::isolation {
namespace {

using namespace std::chrono_literals;

/// Most memory the implant may map.
constexpr u64 address_space = u64 { 1 } << 30;
constexpr long last_system_call = 470;

/// One thing the implant tried: errno of the failure, 0 when it succeeded.
struct Attempt {
    std::string clause;
    std::string what;
    int error;
};

/// Collects attempts; a system call returns -1 when it fails.
class Attempts {
public:
    void add(std::string clause, std::string what, long result)
    {
        m_all.push_back({ std::move(clause), std::move(what), result == -1 ? errno : 0 });
    }
    [[nodiscard]] const std::vector<Attempt>& all() const { return m_all; }

private:
    std::vector<Attempt> m_all;
};

/// What the implant needs of a host that it cannot look at any more.
struct Host {
    pid_t firmware;
    /// Of another partition.
    pid_t other;
    /// Something in the memory of both.
    std::uintptr_t address;
    /// Its own nice value.
    int nice;
};

void reach_files(Attempts& attempts)
{
    for (const char* path :
        { "/", "/etc/passwd", "/proc/self/mem", "/proc/1/environ", "/dev/mem", "/dev/null", "/sys/kernel", "/run", "/tmp", "." }) {
        attempts.add("files", fmt::format("open {}", path), syscall(SYS_open, path, O_RDONLY));
        attempts.add("files", fmt::format("openat {}", path), syscall(SYS_openat, AT_FDCWD, path, O_RDONLY));
        attempts.add("files", fmt::format("stat {}", path), syscall(SYS_stat, path, nullptr));
    }
    attempts.add("files", "create", syscall(SYS_creat, "/tmp/zvisor-implant", 0600));
    attempts.add("files", "unlink", syscall(SYS_unlink, "/etc/hostname"));
    attempts.add("files", "mount", syscall(SYS_mount, "none", "/", "tmpfs", 0, nullptr));
    attempts.add("files", "chroot", syscall(SYS_chroot, "/"));
    attempts.add("files", "pivot_root", syscall(SYS_pivot_root, ".", "."));
    attempts.add("files", "name_to_handle_at", syscall(SYS_name_to_handle_at, AT_FDCWD, "/", nullptr, nullptr, 0));
    attempts.add("files", "run a program", syscall(SYS_execve, "/bin/sh", nullptr, nullptr));
    attempts.add("files", "run a descriptor", syscall(SYS_execveat, 0, "", nullptr, nullptr, AT_EMPTY_PATH));
}

void reach_network(Attempts& attempts)
{
    for (int family : { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG, AF_BLUETOOTH })
        for (int type : { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW })
            attempts.add("network", fmt::format("socket of family {}, type {}", family, type), syscall(SYS_socket, family, type, 0));
    sockaddr_in address { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr = { htonl(INADDR_LOOPBACK) }, .sin_zero = {} };
    attempts.add("network", "connect", syscall(SYS_connect, PartitionProcess::listener_fd, &address, sizeof address));
    attempts.add("network", "bind", syscall(SYS_bind, PartitionProcess::listener_fd, &address, sizeof address));
    attempts.add("network", "sendto", syscall(SYS_sendto, PartitionProcess::listener_fd, "x", 1, 0, &address, sizeof address));
    attempts.add("network", "setns", syscall(SYS_setns, 0, 0));
}

void reach_storage(Attempts& attempts, const Host& host)
{
    std::array<std::byte, 16> bytes {};
    iovec here { bytes.data(), bytes.size() };
    iovec there { reinterpret_cast<void*>(host.address), bytes.size() };
    for (auto [who, pid] : { std::pair("the firmware", host.firmware), std::pair("another partition", host.other) }) {
        attempts.add("storage", fmt::format("read the memory of {}", who), syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0));
        attempts.add("storage", fmt::format("write the memory of {}", who), syscall(SYS_process_vm_writev, pid, &here, 1, &there, 1, 0));
        attempts.add("storage", fmt::format("trace {}", who), syscall(SYS_ptrace, PTRACE_ATTACH, pid, 0, 0));
        attempts.add("storage", fmt::format("seize {}", who), syscall(SYS_ptrace, PTRACE_SEIZE, pid, 0, 0));
        attempts.add("storage", fmt::format("open a handle of {}", who), syscall(SYS_pidfd_open, pid, 0));
        attempts.add("storage", fmt::format("compare descriptors with {}", who), syscall(SYS_kcmp, getpid(), pid, 0, 0, 0));
        auto memory = fmt::format("/proc/{}/mem", pid);
        attempts.add("storage", fmt::format("open the memory of {}", who), syscall(SYS_open, memory.c_str(), O_RDWR));
        auto files = fmt::format("/proc/{}/fd/4", pid);
        attempts.add("storage", fmt::format("open a descriptor of {}", who), syscall(SYS_open, files.c_str(), O_RDWR));
        attempts.add(
            "storage", fmt::format("advise on the memory of {}", who), syscall(SYS_process_madvise, pid, &there, 1, MADV_DONTNEED, 0));
    }
    attempts.add("storage", "take a descriptor of a handle", syscall(SYS_pidfd_getfd, PartitionProcess::listener_fd, 4, 0));
    attempts.add("storage", "shared memory by key", syscall(SYS_shmget, 0x1234, 4096, 0600 | 01000));
    attempts.add("storage", "attach shared memory", syscall(SYS_shmat, 0, nullptr, 0));
    attempts.add("storage", "a message queue", syscall(SYS_mq_open, "/x", O_CREAT | O_RDWR, 0600, nullptr));
    attempts.add("storage", "all memory of the host", syscall(SYS_open, "/dev/mem", O_RDWR));
    // What it was not handed it does not have: descriptors beyond standard ones, the listener and the link.
    for (int fd = PartitionProcess::listener_fd + 2; fd < 64; ++fd)
        attempts.add("storage", fmt::format("descriptor {}", fd), syscall(SYS_fcntl, fd, F_GETFD));
}

void look_for_others(Attempts& attempts, const Host& host)
{
    for (const char* path : { "/proc", "/proc/stat", "/proc/loadavg", "/proc/meminfo", "/proc/schedstat", "/sys/fs/cgroup",
             "/sys/devices/system/cpu", "/proc/self/mountinfo", "/proc/net/unix", "/etc/machine-id", "/run/zvisor" })
        attempts.add("others", fmt::format("open {}", path), syscall(SYS_open, path, O_RDONLY));
    std::array<std::byte, 1024> room {};
    attempts.add("others", "list a folder", syscall(SYS_getdents64, 0, room.data(), room.size()));
    attempts.add("others", "load and memory of the host", syscall(SYS_sysinfo, room.data()));
    attempts.add("others", "name of the host", syscall(SYS_uname, room.data()));
    attempts.add("others", "use of resources", syscall(SYS_getrusage, RUSAGE_CHILDREN, room.data()));
    attempts.add("others", "times of processes", syscall(SYS_times, room.data()));
    attempts.add("others", "the kernel's log", syscall(SYS_syslog, 3, room.data(), room.size()));
    attempts.add("others", "users", syscall(SYS_getgroups, 0, nullptr));
    errno = ENOENT;
    attempts.add("others", "the firmware's environment", std::getenv("PATH") ? 0 : -1);
    for (pid_t pid : { host.firmware, host.other, 1 }) {
        attempts.add("others", fmt::format("whether process {} is there", pid), syscall(SYS_kill, pid, 0));
        attempts.add("others", fmt::format("priority of process {}", pid), syscall(SYS_getpriority, PRIO_PROCESS, pid));
        attempts.add("others", fmt::format("scheduler of process {}", pid), syscall(SYS_sched_getscheduler, pid));
        if (!sanitized)
            attempts.add("others", fmt::format("CPUs of process {}", pid), syscall(SYS_sched_getaffinity, pid, room.size(), room.data()));
        attempts.add("others", fmt::format("limits of process {}", pid), syscall(SYS_prlimit64, pid, RLIMIT_CPU, nullptr, room.data()));
    }
}

/// sched_setattr(2): a nice value for ordinary policies, a priority for real-time ones.
[[nodiscard]] long set_attributes(pid_t process, u32 policy, i32 nice, u32 priority)
{
    struct Attributes {
        u32 size;
        u32 policy;
        u64 flags;
        i32 nice;
        u32 priority;
        std::array<u64, 3> times;
    };
    constexpr u64 period = 10'000'000;
    bool ordinary = policy == SCHED_OTHER;
    Attributes attributes { sizeof(Attributes), policy, 0, nice, ordinary ? 0 : priority, { period / 2, period, period } };
    return syscall(SYS_sched_setattr, process, &attributes, 0);
}

void disturb_others(Attempts& attempts, const Host& host)
{
    for (auto [who, pid] : { std::pair("the firmware", host.firmware), std::pair("another partition", host.other), std::pair("all", -1) })
        for (int signal : { SIGTERM, SIGSTOP, SIGKILL })
            attempts.add("disturb", fmt::format("signal {} to {}", signal, who), syscall(SYS_kill, pid, signal));
    attempts.add("disturb", "signal a thread", syscall(SYS_tkill, host.other, SIGSTOP));
    attempts.add("disturb", "queue a signal", syscall(SYS_rt_sigqueueinfo, host.other, SIGSTOP, nullptr));
    attempts.add("disturb", "priority of another", syscall(SYS_setpriority, PRIO_PROCESS, host.other, 19));
    attempts.add("disturb", "a priority of its own", syscall(SYS_setpriority, PRIO_PROCESS, 0, -20));
    attempts.add("disturb", "a real-time priority", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, "\1\0\0\0"));
    constexpr u32 policies = 7;
    for (u32 policy = 0; policy < policies; ++policy)
        if (policy != SCHED_BATCH && policy != SCHED_IDLE)
            attempts.add("disturb", fmt::format("attributes of policy {}", policy), set_attributes(0, policy, host.nice - 1, 1));
    attempts.add("disturb", "attributes of another", set_attributes(host.other, SCHED_OTHER, 0, 0));
    attempts.add("disturb", "CPUs of another", syscall(SYS_sched_setaffinity, host.other, 8, "\1\0\0\0\0\0\0"));
    attempts.add("disturb", "I/O priority", syscall(SYS_ioprio_set, 1, host.other, 0));
    attempts.add("disturb", "memory of another moved", syscall(SYS_migrate_pages, host.other, 1, nullptr, nullptr));
    attempts.add("disturb", "a barrier in all", syscall(SYS_membarrier, 1, 0, 0));
    attempts.add("disturb", "the clock", syscall(SYS_clock_settime, 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
}

void exhaust(Attempts& attempts)
{
    auto map = [](std::size_t bytes, int protection) {
        return syscall(SYS_mmap, nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    };
    if (limits_address_space) {
        attempts.add("exhaust", "memory beyond the limit", map(address_space, PROT_READ));
        attempts.add("exhaust", "much memory beyond the limit", map(address_space * 1000, PROT_READ));
    }
    rlimit unlimited { RLIM_INFINITY, RLIM_INFINITY };
    for (int resource : { RLIMIT_AS, RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_NPROC }) {
        attempts.add("exhaust", fmt::format("raise limit {}", resource), syscall(SYS_setrlimit, resource, &unlimited));
        attempts.add(
            "exhaust", fmt::format("raise limit {} by prlimit", resource), syscall(SYS_prlimit64, 0, resource, &unlimited, nullptr));
    }
    attempts.add("exhaust", "fork", syscall(SYS_fork));
    attempts.add("exhaust", "vfork by clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    attempts.add("exhaust", "clone3", syscall(SYS_clone3, nullptr, 0));
    attempts.add("exhaust", "memfd_create", syscall(SYS_memfd_create, "x", 0));
    attempts.add("exhaust", "mlock", syscall(SYS_mlock, &attempts, 4096));
    attempts.add("exhaust", "a pipe", syscall(SYS_pipe2, nullptr, 0));
    attempts.add("exhaust", "an epoll", syscall(SYS_epoll_create1, 0));
    attempts.add("exhaust", "a timer", syscall(SYS_timerfd_create, 0, 0));
    attempts.add("exhaust", "an inotify", syscall(SYS_inotify_init1, 0));
}

void become_more(Attempts& attempts)
{
    auto map = [](int protection) { return syscall(SYS_mmap, nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); };
    attempts.add("more", "executable memory", map(PROT_READ | PROT_EXEC));
    attempts.add("more", "writable and executable memory", map(PROT_READ | PROT_WRITE | PROT_EXEC));
    long page = map(PROT_READ | PROT_WRITE);
    attempts.add("more", "memory made executable", syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC));
    attempts.add("more", "setuid", syscall(SYS_setuid, 0));
    attempts.add("more", "setresuid", syscall(SYS_setresuid, 0, 0, 0));
    attempts.add("more", "setgroups", syscall(SYS_setgroups, 0, nullptr));
    attempts.add("more", "capset", syscall(SYS_capset, nullptr, nullptr));
    attempts.add("more", "unshare", syscall(SYS_unshare, CLONE_NEWUSER));
    attempts.add("more", "a ring of its own", syscall(SYS_io_uring_setup, 8, nullptr));
    attempts.add("more", "change a ring", syscall(SYS_io_uring_register, 0, 0, nullptr, 0));
    attempts.add("more", "bpf", syscall(SYS_bpf, 0, nullptr, 0));
    attempts.add("more", "perf_event_open", syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
    attempts.add("more", "userfaultfd", syscall(SYS_userfaultfd, 0));
    attempts.add("more", "add_key", syscall(SYS_add_key, "user", "x", "y", 1, -2));
    attempts.add("more", "personality", syscall(SYS_personality, 0xffffffff));
    attempts.add("more", "another list of system calls", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, nullptr));
    attempts.add("more", "init_module", syscall(SYS_init_module, nullptr, 0, ""));
    attempts.add("more", "reboot", syscall(SYS_reboot, 0, 0, 0, nullptr));
}

void call_everything(Attempts& attempts)
{
    std::vector<int> allowed;
    for (std::string_view name : running_system_calls())
        allowed.push_back(seccomp_syscall_resolve_name(std::string(name).c_str()));
    // Of a signal's frame, of abort(), and of the host's trampoline for probes (335, 336): they are answered with a signal.
    constexpr int uretprobe = 335;
    allowed.insert(allowed.end(), { SYS_rt_sigreturn, SYS_tgkill, uretprobe, uretprobe + 1 });
    for (int number = 0; number <= last_system_call; ++number)
        if (std::ranges::find(allowed, number) == allowed.end())
            attempts.add("every call", fmt::format("system call {}", number), syscall(number, -1, -1, -1, -1, -1, -1));
}

void run_implant()
{
    auto link = accept_link(PartitionProcess::listener_fd);
    auto message = (*link)->receive();
    Host host { (*message)->get<pid_t>("firmware").value_or(0), (*message)->get<pid_t>("other").value_or(0),
        (*message)->get<std::uintptr_t>("address").value_or(0), getpriority(PRIO_PROCESS, 0) };
    std::string missing;
    auto locked = lock_in(address_space, missing);
    auto listed = allow_only_running();
    Attempts attempts;
    reach_files(attempts);
    reach_network(attempts);
    reach_storage(attempts, host);
    look_for_others(attempts, host);
    disturb_others(attempts, host);
    exhaust(attempts);
    become_more(attempts);
    call_everything(attempts);
    nlohmann::json results = nlohmann::json::array();
    for (const auto& attempt : attempts.all())
        results.push_back({ attempt.clause, attempt.what, attempt.error });
    [[maybe_unused]] auto sent
        = (*link)->send({ { "locked", locked.has_value() && listed.has_value() }, { "missing", missing }, { "attempts", results } });
}

const TestProgram implant("IMPLANT", run_implant);

/// The other partition: it does nothing until its link closes.
const TestProgram other("OTHER", [] {
    auto link = accept_link(PartitionProcess::listener_fd);
    [[maybe_unused]] auto end = (*link)->receive();
});

/// Locks this process in as a partition's is.
[[nodiscard]] bool lock_in_and_list()
{
    std::string missing;
    return lock_in(address_space, missing).has_value() && allow_only_running().has_value();
}

/// A fault of ours in a partition's process.
const TestProgram aborting("ABORTING", [] {
    auto link = accept_link(PartitionProcess::listener_fd);
    if (lock_in_and_list())
        std::abort();
});

/// Waits with a limit, as threads of a partition do; ends well when it heard something.
const TestProgram waiting("WAITING", [] {
    auto link = accept_link(PartitionProcess::listener_fd);
    bool locked = lock_in_and_list() && (*link)->send({ { "ready", true } });
    constexpr int limit = 30'000;
    pollfd arrives { (*link)->fd(), POLLIN, 0 };
    _exit(locked && poll(&arrives, 1, limit) == 1 ? 0 : 1);
});

struct Started {
    PartitionProcess process;
    std::unique_ptr<Link> link;
};

[[nodiscard]] Result<Started> start(const std::string& name)
{
    std::string path = fmt::format("{}/zvisor-{}-{}", testing::TempDir(), name, getpid());
    auto listener = TRY(listen_for_links(path));
    auto process = TRY(PartitionProcess::start(
        { .program = std::filesystem::read_symlink("/proc/self/exe"), .name = name, .listener = listener.get(), .log = STDERR_FILENO }));
    auto link = TRY(Link::connect(path));
    unlink(path.c_str());
    return Started { std::move(process), std::move(link) };
}

struct Report {
    nlohmann::json body;
    bool separate { false };
};

[[nodiscard]] Result<Report> run_attempts()
{
    static int something = 0;
    auto neighbour = TRY(start("OTHER"));
    auto started = TRY(start("IMPLANT"));
    TRY_VOID(started.link->send(
        { { "firmware", getpid() }, { "other", neighbour.process.pid() }, { "address", reinterpret_cast<std::uintptr_t>(&something) } }));
    auto message = TRY(started.link->receive());
    auto end = started.process.wait();
    neighbour.link->shut_down();
    if (neighbour.process.wait() != "ended with status 0")
        return fail("the other partition suffered");
    if (!message || end != "ended with status 0")
        return fail("the implant " + end);
    return Report { std::move(message->body), started.process.separate() };
}

/// What the implant got, once for all clauses.
[[nodiscard]] const Report& report()
{
    static const auto result = run_attempts();
    EXPECT_TRUE(result) << result.error().message;
    static const Report none { { { "attempts", nlohmann::json::array() } } };
    return result ? *result : none;
}

void all_fail(Checks& checks, std::string_view group)
{
    for (const auto& attempt : report().body.at("attempts"))
        if (attempt[0] == group)
            checks.check(attempt[2].get<int>() != 0, attempt[1].get<std::string>() + " succeeded");
}

} // namespace

void implant_reaches_storage(Checks& checks)
{
    all_fail(checks, "storage");
}

void implant_looks_for_others(Checks& checks)
{
    all_fail(checks, "others");
}

void implant_disturbs_others(Checks& checks)
{
    all_fail(checks, "disturb");
}

void implant_exhausts_the_host(Checks& checks)
{
    all_fail(checks, "exhaust");
}

void implant_reaches_the_host(Checks& checks)
{
    for (const char* group : { "files", "network", "more", "every call" })
        all_fail(checks, group);
}

namespace {

TEST(Confinement, IsWholeOnThisHost)
{
    EXPECT_EQ(report().body.at("locked"), true);
    if (!report().separate)
        GTEST_SKIP() << "this host allows no namespaces";
    EXPECT_EQ(report().body.at("missing"), "");
}

TEST(Confinement, AProcessThatAbortsEnds)
{
    auto started = start("ABORTING");
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_EQ(started->process.wait(), "aborted");
}

TEST(Confinement, AProcessThatWasStoppedGoesOn)
{
    auto started = start("WAITING");
    ASSERT_TRUE(started) << started.error().message;
    ASSERT_TRUE(started->link->receive());
    std::this_thread::sleep_for(50ms);
    siginfo_t stopped {};
    ::kill(started->process.pid(), SIGSTOP);
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(started->process.pid()), &stopped, WSTOPPED), 0);
    ::kill(started->process.pid(), SIGCONT);
    std::this_thread::sleep_for(50ms);
    EXPECT_TRUE(started->link->send({ { "go", "on" } }));
    EXPECT_EQ(started->process.wait(), "ended with status 0");
}

} // namespace
} // namespace zvisor::isolation
