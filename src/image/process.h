#pragma once

#include "base/result.h"
#include "base/types.h"
#include "image/interrupt.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace zvisor::image {

/// A program of the host to run: found in PATH (and the sbin folders), its arguments passed as they are, no shell.
struct Command {
    std::vector<std::string> argv;
    std::vector<std::pair<std::string, std::string>> environment {}; ///< added to ours
    std::optional<std::filesystem::path> directory {};
    std::string input {}; ///< its standard input, at most 64 KiB; empty: /dev/null
};

/// What a program left when it ended.
struct Outcome {
    int status = 0; ///< exit status, or 128 + the signal that ended it
    std::string output;
    std::string errors;

    [[nodiscard]] bool ok() const { return status == 0; }
    /// The last line of its error output that is not empty, or its status: the reason to show a user.
    [[nodiscard]] std::string reason() const;
};

/// A running program in a process group of its own, so that Ctrl-C reaches it only through us. Destroying it ends the group.
class Child {
public:
    static Result<Child> start(const Command&, const Interrupt&);

    Child(Child&&) noexcept;
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    /// Reads some of its standard output; 0 is its end. Fails when interrupted or after `timeout_ms` of silence (-1: never).
    Result<std::size_t> read(std::span<char> buffer, int timeout_ms = -1);
    /// Waits for its end. `output` of the outcome is what was not read.
    Result<Outcome> wait();

private:
    Child(pid_t pid, int output, int errors, std::string name, const Interrupt& interrupt);
    void collect_errors();

    pid_t m_pid;
    int m_output;
    int m_errors;
    std::string m_name;
    const Interrupt* m_interrupt;
    std::string m_error_text;
};

/// Runs a program to its end and gives its whole output.
Result<Outcome> run(const Command&, const Interrupt&);

/// Runs a program to its end; a status other than 0 is a failure "<what>: <its reason>".
Result<std::string> run_checked(std::string_view what, const Command&, const Interrupt&);

/// Calls `line` for each line of a child's output, without its end; `\r` is dropped.
Result<void> for_each_line(Child&, int timeout_ms, const std::function<void(std::string_view)>& line);

/// Fails with the name of the Debian package when `program` is not in PATH or the sbin folders.
Result<void> require_tool(std::string_view program, std::string_view package);

} // namespace zvisor::image
