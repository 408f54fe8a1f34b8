#include "control/places.h"

#include "control/listeners.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <sys/stat.h>

namespace zvisor {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_name = 32;
constexpr const char* lock_name = "lock";

[[nodiscard]] bool is_name(const std::string& name)
{
    auto fits = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
    return !name.empty() && name.size() <= longest_name && std::ranges::all_of(name, fits);
}

[[nodiscard]] Result<fs::path> folder_of(const std::string& machine)
{
    if (!is_name(machine))
        return fail(fmt::format("the name of a machine must be 1 to {} letters, digits, - or _, not '{}'", longest_name, machine));
    return TRY(runtime_folder()) / machine;
}

[[nodiscard]] bool answers(const fs::path& socket)
{
    return connect_to_path(socket).valid();
}

[[nodiscard]] Result<void> make_folder(const fs::path& path)
{
    std::error_code error;
    fs::create_directories(path, error);
    if (!error)
        fs::permissions(path, fs::perms::owner_all, error);
    if (error)
        return fail(fmt::format("the machine's folder {} cannot be made: {}", path.string(), error.message()));
    return {};
}

/// The whole of a file, for its open description and not for a process.
[[nodiscard]] struct flock write_lock()
{
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    return whole;
}

/// Process of the machine that has locked the file, as a bracket for a sentence.
[[nodiscard]] std::string holder_of(const fs::path& lock)
{
    std::string pid;
    std::ifstream file(lock);
    std::getline(file, pid);
    return pid.empty() ? "" : fmt::format(" (process {})", pid);
}

} // namespace

Result<fs::path> runtime_folder()
{
    const char* chosen = std::getenv("ZVISOR_RUNTIME_DIR");
    if (chosen && *chosen)
        return fs::path(chosen);
    if (geteuid() == 0)
        return fs::path("/run/zvisor");
    const char* folder = std::getenv("XDG_RUNTIME_DIR");
    if (!folder || !*folder)
        return fail(
            "there is no folder for the sockets of machines: set XDG_RUNTIME_DIR (a session of the user has it) or ZVISOR_RUNTIME_DIR");
    return fs::path(folder) / "zvisor";
}

Result<fs::path> state_file(const std::string& machine)
{
    auto name = machine + ".db";
    auto variable = [](const char* of) { return fs::path(std::getenv(of) ? std::getenv(of) : ""); };
    if (auto chosen = variable("ZVISOR_STATE_DIR"); !chosen.empty())
        return chosen / name;
    if (geteuid() == 0)
        return fs::path("/var/lib/zvisor") / name;
    if (auto state = variable("XDG_STATE_HOME"); !state.empty())
        return state / "zvisor" / name;
    if (auto home = variable("HOME"); !home.empty())
        return home / ".local/state/zvisor" / name;
    return fail("there is no folder for the state of machines: set HOME, XDG_STATE_HOME or ZVISOR_STATE_DIR");
}

Result<MachineFolder> MachineFolder::take(const std::string& machine)
{
    auto path = TRY(folder_of(machine));
    TRY_VOID(make_folder(path));
    auto name = path / lock_name;
    UniqueFd lock { open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600) };
    if (!lock.valid())
        return fail(fmt::format("the machine's lock {} cannot be made: {}", name.string(), std::strerror(errno)));
    struct flock whole = write_lock();
    if (fcntl(lock.get(), F_OFD_SETLK, &whole) != 0)
        return fail(fmt::format("the machine {} runs already{}", machine, holder_of(name)));
    auto pid = std::to_string(getpid()) + "\n";
    if (ftruncate(lock.get(), 0) != 0 || write(lock.get(), pid.data(), pid.size()) != static_cast<ssize_t>(pid.size()))
        return fail(fmt::format("the machine's lock {} cannot be written: {}", name.string(), std::strerror(errno)));
    return MachineFolder(std::move(path), std::move(lock));
}

MachineFolder::~MachineFolder()
{
    if (m_lock.valid())
        unlink(socket().c_str());
}

bool is_taken(const std::string& socket)
{
    auto name = fs::path(socket).replace_filename(lock_name);
    UniqueFd lock { open(name.c_str(), O_RDWR | O_CLOEXEC) };
    struct flock whole = write_lock();
    return lock.valid() && fcntl(lock.get(), F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

Result<std::vector<std::string>> running_machines()
{
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(TRY(runtime_folder()), error))
        if (answers(entry.path() / MachineFolder::socket_name))
            names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

Result<std::string> find_machine(const std::string& name)
{
    auto running = TRY(running_machines());
    std::string named = name.empty() && running.size() == 1 ? running.front() : name;
    if (named.empty() && running.empty())
        return fail("no machine runs; 'zvisor machine start FILE' starts one");
    if (named.empty())
        return fail(fmt::format("several machines run ({}): name one with --machine or ZVISOR_MACHINE", fmt::join(running, ", ")));
    auto socket = TRY(folder_of(named)) / MachineFolder::socket_name;
    if (std::ranges::find(running, named) != running.end())
        return socket.string();
    if (is_taken(socket))
        return fail(fmt::format("the machine {} is starting or ending", named));
    if (fs::exists(socket))
        return fail(fmt::format("the machine {} does not run: its process ended and left {} behind", named, socket.string()));
    if (running.empty())
        return fail(fmt::format("the machine {} does not run, nor does any other", named));
    return fail(fmt::format("the machine {} does not run; running are: {}", named, fmt::join(running, ", ")));
}

} // namespace zvisor
