#include "apps/zvisor/start_report.h"

#include "apps/zvisor/commands.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace zvisor {

namespace {

/// What ends the lines that a detached machine sends its starter.
constexpr char all_up = '\0';
constexpr char some_up = '\1';

void write_to(int fd, std::string_view text)
{
    while (!text.empty()) {
        ssize_t written = write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR)
            return;
        text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
}

/// sd_notify(3): a datagram of lines NAME=VALUE; a name that begins with @ is in the abstract namespace.
void notify(const std::string& text)
{
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address {};
    if (!path || std::strlen(path) >= sizeof address.sun_path)
        return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, std::strlen(path));
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    UniqueFd socket { ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
    // Whoever does not listen is not told.
    [[maybe_unused]] auto sent
        = sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
}

} // namespace

Result<void> StartReport::open_log(const std::string& path)
{
    if (!m_detached)
        return {};
    UniqueFd null { open("/dev/null", O_RDWR | O_CLOEXEC) };
    UniqueFd log { open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600) };
    if (!null.valid() || !log.valid())
        return fail(fmt::format("the log {} cannot be opened: {}", path, std::strerror(errno)));
    dup2(null.get(), STDIN_FILENO);
    dup2(null.get(), STDOUT_FILENO);
    dup2(log.get(), STDERR_FILENO);
    std::lock_guard lock(m_mutex);
    m_log_open = true;
    return {};
}

void StartReport::say(const std::string& line)
{
    std::lock_guard lock(m_mutex);
    if (!m_detached || m_log_open)
        write_to(STDERR_FILENO, line + "\n");
    if (m_starter.valid())
        write_to(m_starter.get(), line + "\n");
}

void StartReport::ready(bool whole, const std::string& status)
{
    std::lock_guard lock(m_mutex);
    if (m_starter.valid())
        write_to(m_starter.get(), { whole ? &all_up : &some_up, 1 });
    m_starter.reset();
    notify(fmt::format("READY=1\nSTATUS={}\n", status));
}

void StartReport::stopping()
{
    notify("STOPPING=1\nSTATUS=Waiting for programs to shut down\n");
}

int await_ready(int pipe)
{
    std::array<char, 4096> buffer;
    for (;;) {
        ssize_t count = read(pipe, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return ExitStatus::failure;
        std::string_view text(buffer.data(), static_cast<std::size_t>(count));
        char last = text.back();
        bool over = last == all_up || last == some_up;
        write_to(STDERR_FILENO, text.substr(0, text.size() - (over ? 1 : 0)));
        if (over)
            return last == all_up ? ExitStatus::success : ExitStatus::failure;
    }
}

} // namespace zvisor
