#include "machine/network_port_program.h"

#include "devices/virtio_net/user_network.h"
#include "prsm/process.h"
#include "prsm/sandbox.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zvisor {

namespace {

/// First message of the process when all is well; any other is what is wrong.
constexpr std::string_view well = "+";

constexpr uid_t nobody = 65534;

/// Connections a program may have at once, and memory for what waits in them, in bytes.
constexpr rlim_t most_descriptors = 1024;
constexpr rlim_t address_space = rlim_t { 1 } << 30;

/// From here on it can do no more than a network needs: no privileges, no files, no other programs.
[[nodiscard]] bool confine()
{
    if (geteuid() == 0 && (setgroups(0, nullptr) != 0 || setresgid(nobody, nobody, nobody) != 0 || setresuid(nobody, nobody, nobody) != 0))
        return false;
    constexpr rlimit none { 0, 0 };
    constexpr rlimit connections { most_descriptors, most_descriptors };
    constexpr rlimit memory { address_space, address_space };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0
        && setrlimit(RLIMIT_FSIZE, &none) == 0 && setrlimit(RLIMIT_NOFILE, &connections) == 0
        && (!limits_address_space || setrlimit(RLIMIT_AS, &memory) == 0) && forbid_reaching_others().has_value();
}

void say(std::string_view text)
{
    [[maybe_unused]] auto sent = ::send(NetworkPortProgram::socket_fd, text.data(), text.size(), MSG_NOSIGNAL);
}

void forward_frames(UserNetwork& network, SocketPort& wire)
{
    while (!wire.closed()) {
        network.wait(wire.fd());
        wire.receive();
        for (; !wire.arrived().empty(); wire.arrived().pop_front())
            network.send(wire.arrived().front());
        for (; !network.arrived().empty(); network.arrived().pop_front())
            wire.send(network.arrived().front());
    }
}

} // namespace

Result<UniqueFd> NetworkPortProgram::start(const std::string& program, const std::string& config)
{
    std::array<int, 2> ends {};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail(fmt::format("cannot make a network port: {}", std::strerror(errno)));
    UniqueFd near { ends[0] };
    UniqueFd far { ends[1] };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, far.get(), socket_fd);
    posix_spawn_file_actions_addclosefrom_np(&actions, socket_fd + 1);
    std::array<const char*, 3> arguments { "zvisor-network-port", config.c_str(), nullptr };
    pid_t pid = 0;
    int error = posix_spawn(&pid, program.c_str(), &actions, nullptr, const_cast<char* const*>(arguments.data()),
        const_cast<char* const*>(partition_environment().data()));
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        return fail(fmt::format("cannot start the process of a network port: {}", std::strerror(error)));
    far.reset();
    // It leaves at once a child that nobody has to wait for.
    waitpid(pid, nullptr, 0);
    std::array<char, 1024> text {};
    ssize_t length = recv(near.get(), text.data(), text.size(), 0);
    std::string_view answer(text.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    if (answer == well)
        return near;
    return fail(answer.empty() ? "the process of a network port ended at once" : std::string(answer));
}

int NetworkPortProgram::run(const std::string& config)
{
    if (fork() != 0)
        return 0;
    setsid();
    std::signal(SIGPIPE, SIG_IGN);
    auto open = [&]() -> Result<std::unique_ptr<UserNetwork>> {
        auto parsed = TRY(VirtioNetConfig::parse(config));
        auto network = TRY(UserNetwork::create(parsed));
        if (!confine())
            return fail(fmt::format("the process of a network port cannot be confined: {}", std::strerror(errno)));
        return network;
    };
    auto network = open();
    say(network ? well : network.error().message);
    if (!network)
        return 1;
    // What the list of system calls was made with.
    malloc_trim(0);
    SocketPort wire(UniqueFd { socket_fd });
    forward_frames(**network, wire);
    return 0;
}

} // namespace zvisor
