// A program of ours in the place of a partition's: confined as one, it tries what a hostile engine would, and says what it got.

#include "prsm/link.h"
#include "prsm/process.h"
#include "prsm/sandbox.h"
#include "prsm/test_program.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zvisor {
namespace {

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
    std::uintptr_t address;
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

void reach_others(Attempts& attempts, const Host& host)
{
    for (int signal : { 0, SIGTERM, SIGSTOP, SIGKILL }) {
        attempts.add("others", fmt::format("signal {} to the firmware", signal), syscall(SYS_kill, host.firmware, signal));
        attempts.add("others", fmt::format("signal {} to all", signal), syscall(SYS_kill, -1, signal));
    }
    attempts.add("others", "tgkill", syscall(SYS_tgkill, host.firmware, host.firmware, SIGSTOP));
    attempts.add("others", "ptrace", syscall(SYS_ptrace, PTRACE_ATTACH, host.firmware, 0, 0));
    iovec here { &attempts, sizeof attempts };
    iovec there { reinterpret_cast<void*>(host.address), 16 };
    attempts.add("others", "read the firmware's memory", syscall(SYS_process_vm_readv, host.firmware, &here, 1, &there, 1, 0));
    attempts.add("others", "write the firmware's memory", syscall(SYS_process_vm_writev, host.firmware, &here, 1, &there, 1, 0));
    attempts.add("others", "pidfd_open", syscall(SYS_pidfd_open, host.firmware, 0));
    attempts.add("others", "shmget", syscall(SYS_shmget, 0x1234, 4096, 0600 | 01000));
    attempts.add("others", "mq_open", syscall(SYS_mq_open, "/x", O_CREAT | O_RDWR, 0600, nullptr));
    attempts.add("others", "setpriority of the firmware", syscall(SYS_setpriority, PRIO_PROCESS, host.firmware, 19));
    attempts.add("others", "a real-time priority", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, "\1\0\0\0"));
}

void exhaust(Attempts& attempts)
{
    auto map = [](std::size_t bytes, int protection) {
        return syscall(SYS_mmap, nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    };
    attempts.add("exhaust", "memory beyond the limit", map(address_space, PROT_READ));
    attempts.add("exhaust", "much memory beyond the limit", map(address_space * 1000, PROT_READ));
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
    // Of a signal's frame, and of the host's trampoline for probes (335, 336): the host answers them with a signal elsewhere.
    constexpr int uretprobe = 335;
    allowed.insert(allowed.end(), { SYS_rt_sigreturn, uretprobe, uretprobe + 1 });
    for (int number = 0; number <= last_system_call; ++number)
        if (std::ranges::find(allowed, number) == allowed.end())
            attempts.add("every call", fmt::format("system call {}", number), syscall(number, -1, -1, -1, -1, -1, -1));
}

void run_implant()
{
    auto link = accept_link(PartitionProcess::listener_fd);
    auto message = (*link)->receive();
    Host host { (*message)->get<pid_t>("firmware").value_or(0), (*message)->get<std::uintptr_t>("address").value_or(0) };
    std::string missing;
    auto locked = lock_in(address_space, missing);
    auto listed = allow_only_running();
    Attempts attempts;
    reach_files(attempts);
    reach_network(attempts);
    reach_others(attempts, host);
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

class Confinement : public testing::Test {
protected:
    static void SetUpTestSuite()
    {
        std::string path = testing::TempDir() + "/zvisor-implant-" + std::to_string(getpid());
        auto listener = listen_for_links(path);
        auto process = PartitionProcess::start({ .program = std::filesystem::read_symlink("/proc/self/exe"),
            .name = "IMPLANT",
            .listener = listener->get(),
            .log = STDERR_FILENO });
        ASSERT_TRUE(process) << process.error().message;
        auto link = Link::connect(path);
        ASSERT_TRUE(link);
        ASSERT_TRUE((*link)->send({ { "firmware", getpid() }, { "address", reinterpret_cast<std::uintptr_t>(&s_report) } }));
        auto message = (*link)->receive();
        EXPECT_EQ(process->wait(), "ended with status 0");
        unlink(path.c_str());
        ASSERT_TRUE(message && *message);
        s_report = (*message)->body;
        s_separate = process->separate();
    }

    static void all_fail(std::string_view clause, std::size_t at_least)
    {
        std::size_t count = 0;
        for (const auto& attempt : s_report.at("attempts")) {
            if (attempt[0] != clause)
                continue;
            ++count;
            EXPECT_NE(attempt[2].get<int>(), 0) << attempt[1] << " succeeded";
        }
        EXPECT_GE(count, at_least);
    }

    static inline nlohmann::json s_report;
    static inline bool s_separate = false;
};

TEST_F(Confinement, IsWholeOnThisHost)
{
    EXPECT_EQ(s_report.at("locked"), true);
    if (!s_separate)
        GTEST_SKIP() << "this host allows no namespaces";
    EXPECT_EQ(s_report.at("missing"), "");
}

TEST_F(Confinement, NoFileOfTheHostIsReached)
{
    all_fail("files", 30);
}

TEST_F(Confinement, NoNetworkOfTheHostIsReached)
{
    all_fail("network", 20);
}

TEST_F(Confinement, NoOtherProcessIsReached)
{
    all_fail("others", 10);
}

TEST_F(Confinement, NothingOfTheHostIsExhausted)
{
    all_fail("exhaust", 20);
}

TEST_F(Confinement, NothingMoreThanAPartitionIsBecome)
{
    all_fail("more", 15);
}

TEST_F(Confinement, EverySystemCallThatIsNotListedIsRefused)
{
    all_fail("every call", 400);
}

} // namespace
} // namespace zvisor
