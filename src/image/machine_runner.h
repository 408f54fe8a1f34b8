#pragma once

#include "base/result.h"
#include "image/interrupt.h"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::image {

/// What the machine of the second stage is started with.
struct MachineStart {
    std::filesystem::path kernel;
    std::filesystem::path initrd;
    std::string command_line;
    std::filesystem::path disk;
};

/// Runs a machine until it powers off.
class MachineRunner {
public:
    virtual ~MachineRunner() = default;

    /// `line` is called for each line of the guest's console.
    virtual Result<void> run(const MachineStart&, const Interrupt&, const std::function<void(std::string_view)>& line) = 0;
};

/// A machine that is a program with the console on its standard output: each word of the template is one argument, in which
/// {kernel}, {initrd}, {cmdline} and {disk} stand for the parts.
class CommandMachineRunner final : public MachineRunner {
public:
    /// An empty template is this program's own `run`.
    explicit CommandMachineRunner(std::vector<std::string> words);

    Result<void> run(const MachineStart&, const Interrupt&, const std::function<void(std::string_view)>& line) override;

private:
    std::vector<std::string> m_words;
};

/// The words of a template with the parts in their places.
[[nodiscard]] std::vector<std::string> machine_command(const std::vector<std::string>& words, const MachineStart&);

} // namespace zvisor::image
