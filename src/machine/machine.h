#pragma once

#include "machine/config.h"
#include "partition/partition.h"

namespace zvisor {

class VirtioConsole;

/// What looks at a machine from outside; what is pointed to must outlive it.
struct MachineWatch {
    Observer* instructions { nullptr };
    TranslationObserver* translations { nullptr };
    /// Engines count for Engine::statistics.
    bool statistics { false };
};

/// A machine of one partition assembled from its configuration: the only place that knows every part.
class Machine {
public:
    /// Opens the files and devices the configuration names. `console` must outlive the machine.
    [[nodiscard]] static Result<std::unique_ptr<Machine>> create(
        const MachineConfig& config, ConsoleSink& console, bool console_is_terminal, const MachineWatch& watch);

    [[nodiscard]] Partition& partition() { return *m_partition; }
    /// One line on what the model has and this machine masks; empty when nothing.
    [[nodiscard]] const std::string& model_message() const { return m_model_message; }
    /// Types at the guest's console; returns how many bytes it took.
    std::size_t type(std::string_view text);
    /// Runs to the end; see Partition::run.
    [[nodiscard]] Result<Outcome> run() { return m_partition->run(m_program); }

private:
    Machine() = default;
    [[nodiscard]] Result<void> attach_devices(const MachineConfig& config, ConsoleSink& sink);

    std::string m_model_message;
    IplProgram m_program;
    std::unique_ptr<Partition> m_partition;
    /// Owned by the channel subsystem; null when what is typed goes to SCLP.
    VirtioConsole* m_console { nullptr };
};

} // namespace zvisor
