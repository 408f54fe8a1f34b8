#include "prsm/sandbox.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <memory>
#include <optional>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Of the sanitizers, where there is one: what is at an address, in words.
extern "C" [[gnu::weak]] void __sanitizer_symbolize_pc(void* address, const char* format, char* text, std::size_t size);

namespace zvisor {

namespace {

/// Descriptors a partition may hold: its storage blocks, disks and links.
constexpr rlim_t most_descriptors = 65536;
/// Bytes for the rings of disks, which the host counts as locked memory.
constexpr rlim_t rings = 8 << 20;
/// User and group that own nothing.
constexpr uid_t nobody = 65534;

/// What a running partition asks of the host; mmap and mprotect only without PROT_EXEC. The last three are of threads that begin and
/// have not come to their work yet.
constexpr std::array<std::string_view, 31> allowed { "restart_syscall", "read", "write", "preadv", "pwritev", "pwritev2", "fallocate",
    "fdatasync", "io_uring_enter", "poll", "recvmsg", "sendmsg", "accept4", "close", "fcntl", "newfstatat", "futex", "mmap", "munmap",
    "mprotect", "madvise", "brk", "getrandom", "sched_yield", "sched_setaffinity", "sched_setattr", "timerfd_settime", "exit_group", "rseq",
    "set_robust_list", "rt_sigprocmask" };

/// And, where they have a sanitizer, of threads that begin or end.
constexpr std::array<std::string_view, 2> of_sanitizers { "sigaltstack", "sched_getaffinity" };

constexpr auto all_allowed = [] {
    std::array<std::string_view, allowed.size() + (sanitized ? of_sanitizers.size() : 0)> all {};
    auto rest = std::ranges::copy(allowed, all.begin()).out;
    std::ranges::copy_n(of_sanitizers.begin(), all.end() - rest, rest);
    return all;
}();

/// What abort() begins with. As process 1 of its namespace a partition's would survive the signal, so it is ended in its place.
constexpr const char* abort_call = "tgkill";

/// What a network's process never does, as far as this host's library knows it.
constexpr std::array<std::string_view, 55> forbidden { "execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace",
    "process_vm_readv", "process_vm_writev", "kill", "tkill", "tgkill", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "mount",
    "umount2", "pivot_root", "chroot", "unshare", "setns", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "add_key", "keyctl",
    "init_module", "finit_module", "kexec_load", "reboot", "swapon", "creat", "unlink", "unlinkat", "rename", "renameat", "renameat2",
    "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmodat", "chown", "lchown", "fchownat", "truncate",
    "mknod", "mknodat", "openat2", "open_by_handle_at" };

/// Ways to open a file, which its process does for the host's names of name servers: for reading alone. The place of the flags.
struct Opening {
    const char* name;
    unsigned flags_argument;
};
constexpr std::array openings { Opening { "open", 1 }, Opening { "openat", 2 } };
/// Each makes an opening one that changes files; O_TMPFILE writes.
constexpr std::array<unsigned, 4> changing_flags { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };

/// What must hold of an argument: no memory is made executable, and a thread moves itself alone and chooses how long its slices are.
[[nodiscard]] std::optional<scmp_arg_cmp> condition_of(std::string_view name)
{
    if (name == "mmap" || name == "mprotect")
        return scmp_arg_cmp { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 };
    if (name == "sched_setaffinity" || name == "sched_setattr")
        return scmp_arg_cmp { 0, SCMP_CMP_EQ, 0, 0 };
    return {};
}

/// Makes an empty, read-only file system the root and lets go of the old one.
[[nodiscard]] bool empty_root()
{
    constexpr const char* anywhere = "/proc";
    return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
        && mount("none", anywhere, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=1,mode=0555") == 0 && chdir(anywhere) == 0
        && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 && chdir("/") == 0
        && mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

/// Root becomes nobody, in a user namespace of its own where that is allowed.
[[nodiscard]] bool become_nobody()
{
    if (geteuid() != 0 || getuid() != 0)
        return true;
    // In a user namespace that maps one user there is nobody else to become.
    if (setgroups(0, nullptr) != 0 || setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0)
        return errno == EINVAL || errno == EPERM;
    return unshare(CLONE_NEWUSER) == 0;
}

[[nodiscard]] bool drop_capabilities()
{
    __user_cap_header_struct header { _LINUX_CAPABILITY_VERSION_3, 0 };
    std::array<__user_cap_data_struct, 2> none {};
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 && syscall(SYS_capset, &header, none.data()) == 0;
}

/// A sanitizer takes names from a process that it starts when it first needs one, which it could not do later; without names the
/// suppressions of guests' races are not found.
void start_symbolizer()
{
    std::array<char, 64> name {};
    if (__sanitizer_symbolize_pc)
        __sanitizer_symbolize_pc(__builtin_return_address(0), "%f", name.data(), name.size());
}

[[nodiscard]] bool set_limit(__rlimit_resource resource, rlim_t value)
{
    rlimit limit {};
    getrlimit(resource, &limit);
    limit.rlim_cur = limit.rlim_max = std::min(value, limit.rlim_max);
    return setrlimit(resource, &limit) == 0;
}

} // namespace

Result<void> lock_in(u64 address_space, std::string& missing)
{
    auto note = [&missing](bool done, std::string_view what) {
        if (!done)
            missing += fmt::format("{}{} ({})", missing.empty() ? "" : ", ", what, std::strerror(errno));
    };
    start_symbolizer();
    note(empty_root(), "an empty file system");
    note(become_nobody(), "a user of its own");
    note(drop_capabilities(), "no capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail(fmt::format("the partition's process cannot be locked in: {}", std::strerror(errno)));
    if (!set_limit(RLIMIT_CORE, 0)
        || !set_limit(RLIMIT_NOFILE, most_descriptors)
        // A thread that asks for slices of another length can ask for no more than that.
        || !set_limit(RLIMIT_RTPRIO, 0) || !set_limit(RLIMIT_NICE, 0) || (limits_address_space && !set_limit(RLIMIT_AS, address_space))
        || !set_limit(RLIMIT_MEMLOCK, rings))
        return fail(fmt::format("the limits of the partition's process cannot be set: {}", std::strerror(errno)));
    return {};
}

std::span<const std::string_view> running_system_calls()
{
    return all_allowed;
}

Result<void> allow_only_running()
{
    std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
    if (!filter)
        return fail("the host has no memory for the system call list of a partition");
    int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    for (std::string_view name : all_allowed) {
        int number = seccomp_syscall_resolve_name(std::string(name).c_str());
        auto condition = condition_of(name);
        if (error == 0)
            error = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, number, condition ? 1 : 0, condition ? &*condition : nullptr);
    }
    if (error == 0)
        error = seccomp_rule_add_array(filter.get(), SCMP_ACT_KILL_PROCESS, seccomp_syscall_resolve_name(abort_call), 0, nullptr);
    if (error == 0)
        error = seccomp_load(filter.get());
    if (error != 0)
        return fail(fmt::format("the system call list of a partition cannot be set: {}", std::strerror(-error)));
    return {};
}

Result<void> forbid_reaching_others()
{
    std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
    if (!filter)
        return fail("the host has no memory for the system call list of a network");
    int error = 0;
    auto forbid = [&](const char* name, unsigned conditions, const scmp_arg_cmp* condition) {
        int number = seccomp_syscall_resolve_name(name);
        if (error == 0 && number != __NR_SCMP_ERROR)
            error = seccomp_rule_add_array(filter.get(), SCMP_ACT_ERRNO(EPERM), number, conditions, condition);
    };
    for (std::string_view name : forbidden)
        forbid(std::string(name).c_str(), 0, nullptr);
    for (auto [name, flags] : openings)
        for (scmp_datum_t flag : changing_flags) {
            scmp_arg_cmp set { flags, SCMP_CMP_MASKED_EQ, flag, flag };
            forbid(name, 1, &set);
        }
    if (error == 0)
        error = seccomp_load(filter.get());
    if (error != 0)
        return fail(fmt::format("the system call list of a network cannot be set: {}", std::strerror(-error)));
    return {};
}

} // namespace zvisor
