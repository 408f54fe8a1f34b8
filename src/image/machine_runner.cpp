#include "image/machine_runner.h"

#include "image/process.h"

#include <fmt/format.h>

namespace zvisor::image {

namespace {

/// A guest that writes nothing for this long has stopped: generating keys or compiling a package's scripts takes minutes at most.
constexpr int longest_silence_ms = 30 * 60 * 1000;

std::vector<std::string> own_program()
{
    return { "/proc/self/exe", "run", "--kernel", "{kernel}", "--initrd", "{initrd}", "--cmdline", "{cmdline}", "--disk", "{disk}",
        "--memory", "1G" };
}

void replace_all(std::string& text, std::string_view what, std::string_view by)
{
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
        text.replace(at, what.size(), by);
}

} // namespace

std::vector<std::string> machine_command(const std::vector<std::string>& words, const MachineStart& start)
{
    std::vector<std::string> command = words;
    for (auto& word : command) {
        replace_all(word, "{kernel}", start.kernel.string());
        replace_all(word, "{initrd}", start.initrd.string());
        replace_all(word, "{cmdline}", start.command_line);
        replace_all(word, "{disk}", start.disk.string());
    }
    return command;
}

CommandMachineRunner::CommandMachineRunner(std::vector<std::string> words)
    : m_words(words.empty() ? own_program() : std::move(words))
{
}

Result<void> CommandMachineRunner::run(
    const MachineStart& start, const Interrupt& interrupt, const std::function<void(std::string_view)>& line)
{
    auto child = TRY(Child::start({ machine_command(m_words, start) }, interrupt));
    TRY(for_each_line(child, longest_silence_ms, line));
    auto outcome = TRY(child.wait());
    if (!outcome.ok())
        return fail(fmt::format("the machine of the second stage ended with an error: {}", outcome.reason()));
    return {};
}

} // namespace zvisor::image
