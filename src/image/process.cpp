#include "image/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zvisor::image {

namespace {

using Pipe = std::array<int, 2>;

Result<Pipe> make_pipe()
{
    Pipe ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    return ends;
}

/// PATH with the folders a user's PATH lacks and mke2fs lies in.
std::string search_path()
{
    const char* path = std::getenv("PATH");
    return fmt::format("{}:/usr/local/sbin:/usr/sbin:/sbin", path ? path : "/usr/local/bin:/usr/bin:/bin");
}

std::optional<std::string> find_program(std::string_view name)
{
    if (name.find('/') != std::string_view::npos)
        return std::string(name);
    std::string path = search_path();
    for (std::size_t at = 0; at <= path.size();) {
        std::size_t end = std::min(path.find(':', at), path.size());
        std::string candidate = fmt::format("{}/{}", path.substr(at, end - at), name);
        if (::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        at = end + 1;
    }
    return std::nullopt;
}

/// Our environment with `extra` in place of entries of the same name, and messages in English so that they can be read back.
std::vector<std::string> environment_with(const Command& command)
{
    auto extra = command.environment;
    extra.emplace_back("LC_ALL", "C");
    extra.emplace_back("PATH", search_path());
    std::vector<std::string> result;
    for (char** entry = environ; *entry; ++entry) {
        std::string_view text = *entry;
        auto same = [&](auto& added) { return text.substr(0, text.find('=')) == added.first; };
        if (std::ranges::none_of(extra, same))
            result.emplace_back(text);
    }
    for (auto& [name, value] : extra)
        result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings)
{
    std::vector<char*> result;
    for (auto& string : strings)
        result.push_back(string.data());
    result.push_back(nullptr);
    return result;
}

class SpawnAttributes {
public:
    SpawnAttributes()
    {
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_init(&m_attributes);
        posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&m_attributes, &none);
        posix_spawnattr_setsigdefault(&m_attributes, &all);
    }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;
    ~SpawnAttributes() { posix_spawnattr_destroy(&m_attributes); }
    [[nodiscard]] const posix_spawnattr_t* get() const { return &m_attributes; }

private:
    posix_spawnattr_t m_attributes;
};

class SpawnFiles {
public:
    SpawnFiles() { posix_spawn_file_actions_init(&m_actions); }
    SpawnFiles(const SpawnFiles&) = delete;
    SpawnFiles& operator=(const SpawnFiles&) = delete;
    ~SpawnFiles() { posix_spawn_file_actions_destroy(&m_actions); }
    void put(int fd, int at) { posix_spawn_file_actions_adddup2(&m_actions, fd, at); }
    void open_null(int at) { posix_spawn_file_actions_addopen(&m_actions, at, "/dev/null", O_RDONLY, 0); }
    void enter(const std::filesystem::path& directory) { posix_spawn_file_actions_addchdir_np(&m_actions, directory.c_str()); }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &m_actions; }

private:
    posix_spawn_file_actions_t m_actions;
};

/// A pipe that already holds all of `text`: a pipe takes 64 KiB without a reader.
Result<int> filled_pipe(std::string_view text)
{
    Pipe ends = TRY(make_pipe());
    bool whole = text.size() <= 65536 && ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(ends[1]);
    if (whole)
        return ends[0];
    ::close(ends[0]);
    return fail("cannot pass input to a program of the host");
}

std::string read_all_now(int fd)
{
    std::string text;
    char buffer[4096];
    for (ssize_t count; (count = ::read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    return text;
}

} // namespace

std::string Outcome::reason() const
{
    std::string_view rest = errors;
    while (!rest.empty()) {
        std::size_t start = rest.rfind('\n', rest.size() - 1);
        std::string_view line = start == std::string_view::npos ? rest : rest.substr(start + 1);
        if (line.find_first_not_of(" \t\r") != std::string_view::npos)
            return std::string(line);
        if (start == std::string_view::npos)
            break;
        rest = rest.substr(0, start);
    }
    return status > 128 ? fmt::format("ended by signal {}", status - 128) : fmt::format("status {}", status);
}

Child::Child(pid_t pid, int output, int errors, std::string name, const Interrupt& interrupt)
    : m_pid(pid)
    , m_output(output)
    , m_errors(errors)
    , m_name(std::move(name))
    , m_interrupt(&interrupt)
{
    ::fcntl(m_errors, F_SETFL, O_NONBLOCK);
}

Child::Child(Child&& other) noexcept
    : m_pid(std::exchange(other.m_pid, -1))
    , m_output(std::exchange(other.m_output, -1))
    , m_errors(std::exchange(other.m_errors, -1))
    , m_name(std::move(other.m_name))
    , m_interrupt(other.m_interrupt)
    , m_error_text(std::move(other.m_error_text))
{
}

Child::~Child()
{
    if (m_pid > 0) {
        ::kill(-m_pid, SIGKILL);
        ::waitpid(m_pid, nullptr, 0);
    }
    for (int fd : { m_output, m_errors })
        if (fd >= 0)
            ::close(fd);
}

Result<Child> Child::start(const Command& command, const Interrupt& interrupt)
{
    auto program = find_program(command.argv.front());
    if (!program)
        return fail(fmt::format("the program {} is not installed", command.argv.front()));
    Pipe output = TRY(make_pipe());
    Pipe errors = TRY(make_pipe());
    SpawnFiles files;
    int input = -1;
    if (command.input.empty())
        files.open_null(0);
    else
        files.put(input = TRY(filled_pipe(command.input)), 0);
    files.put(output[1], 1);
    files.put(errors[1], 2);
    if (command.directory)
        files.enter(*command.directory);
    SpawnAttributes attributes;
    auto arguments = command.argv;
    auto environment = environment_with(command);
    pid_t pid = -1;
    int error
        = ::posix_spawn(&pid, program->c_str(), files.get(), attributes.get(), pointers(arguments).data(), pointers(environment).data());
    for (int fd : { input, output[1], errors[1] })
        if (fd >= 0)
            ::close(fd);
    Child child(error ? -1 : pid, output[0], errors[0], command.argv.front(), interrupt);
    if (error)
        return fail(fmt::format("cannot start {}: {}", *program, std::strerror(error)));
    return child;
}

void Child::collect_errors()
{
    m_error_text += read_all_now(m_errors);
}

Result<std::size_t> Child::read(std::span<char> buffer, int timeout_ms)
{
    for (bool errors_open = true;;) {
        std::array<pollfd, 3> entries { { { m_output, POLLIN, 0 }, { m_interrupt->fd(), POLLIN, 0 },
            { errors_open ? m_errors : -1, POLLIN, 0 } } };
        int ready = ::poll(entries.data(), entries.size(), timeout_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        TRY(m_interrupt->check());
        if (ready == 0)
            return fail(fmt::format("{} was silent for {} s", m_name, timeout_ms / 1000));
        if (entries[2].revents)
            collect_errors();
        errors_open = errors_open && !(entries[2].revents & POLLHUP);
        if (!entries[0].revents)
            continue;
        ssize_t count = ::read(m_output, buffer.data(), buffer.size());
        if (count >= 0)
            return static_cast<std::size_t>(count);
    }
}

Result<Outcome> Child::wait()
{
    Outcome outcome;
    std::array<char, 65536> buffer;
    while (std::size_t count = TRY(read(buffer)))
        outcome.output.append(buffer.data(), count);
    int status = 0;
    while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) { }
    m_pid = -1;
    collect_errors();
    outcome.errors = std::move(m_error_text);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

Result<Outcome> run(const Command& command, const Interrupt& interrupt)
{
    auto child = TRY(Child::start(command, interrupt));
    return child.wait();
}

Result<std::string> run_checked(std::string_view what, const Command& command, const Interrupt& interrupt)
{
    auto outcome = TRY(run(command, interrupt));
    if (!outcome.ok())
        return fail(fmt::format("{}: {}", what, outcome.reason()));
    return std::move(outcome.output);
}

Result<void> for_each_line(Child& child, int timeout_ms, const std::function<void(std::string_view)>& line)
{
    std::string text;
    std::array<char, 4096> buffer;
    while (std::size_t count = TRY(child.read(buffer, timeout_ms))) {
        for (char c : std::span(buffer).first(count)) {
            if (c == '\n')
                line(std::exchange(text, {}));
            else if (c != '\r')
                text += c;
        }
    }
    if (!text.empty())
        line(text);
    return {};
}

Result<void> require_tool(std::string_view program, std::string_view package)
{
    if (!find_program(program))
        return fail(fmt::format("the program {} is missing on this host: install the package {}", program, package));
    return {};
}

} // namespace zvisor::image
