#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <filesystem>
#include <string>
#include <vector>

namespace zvisor {

/// The folder in which each running machine has one of its name: $ZVISOR_RUNTIME_DIR where that is set, else /run/zvisor for root and
/// $XDG_RUNTIME_DIR/zvisor for others.
[[nodiscard]] Result<std::filesystem::path> runtime_folder();

/// A machine's folder, made for this user alone, which no other process of a machine can take while this lives.
class MachineFolder {
public:
    /// An error when a machine of this name runs, or when it is no name: 1 to 32 letters, digits, - and _.
    [[nodiscard]] static Result<MachineFolder> take(const std::string& machine);

    ~MachineFolder();
    MachineFolder(MachineFolder&&) = default;
    MachineFolder& operator=(MachineFolder&&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    /// Where its door is; it goes with this.
    [[nodiscard]] std::string socket() const { return m_path / socket_name; }
    static constexpr const char* socket_name = "api.sock";

private:
    MachineFolder(std::filesystem::path path, UniqueFd lock)
        : m_path(std::move(path))
        , m_lock(std::move(lock))
    {
    }

    std::filesystem::path m_path;
    UniqueFd m_lock;
};

/// The file of what survives a machine's firmware: $ZVISOR_STATE_DIR/NAME.db where that is set, else in /var/lib/zvisor for root and
/// $XDG_STATE_HOME/zvisor (~/.local/state/zvisor) for others.
[[nodiscard]] Result<std::filesystem::path> state_file(const std::string& machine);

/// Whether a process of a machine has the folder that this socket is in; its door may be closed already, or not open yet.
[[nodiscard]] bool is_taken(const std::string& socket);
/// Names of the machines whose door answers, in their order.
[[nodiscard]] Result<std::vector<std::string>> running_machines();
/// The socket of the machine of this name; of the only one that runs when it is empty.
[[nodiscard]] Result<std::string> find_machine(const std::string& name);

} // namespace zvisor
