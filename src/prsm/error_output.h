#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <functional>
#include <string>
#include <string_view>

namespace zvisor {

/// The standard error of a partition's process: a pipe, of which the firmware takes lines that anybody may look at.
class ErrorOutput {
public:
    /// Characters of a line; what is longer becomes several.
    static constexpr std::size_t longest_line = 200;

    /// The process's end of a new pipe; what came over the one before is forgotten.
    [[nodiscard]] Result<UniqueFd> open();
    /// To wait for something to read; -1 without a pipe.
    [[nodiscard]] int fd() const { return m_pipe.get(); }
    /// Takes what has come, 64 KiB at most, and calls `line` with each line that is complete. Does not wait.
    void read(const std::function<void(std::string_view line)>& line);
    /// The same to the end, which is that of the process; an incomplete line is one.
    void finish(const std::function<void(std::string_view line)>& line);

private:
    [[nodiscard]] bool read_some();
    void give(const std::function<void(std::string_view line)>& line, bool all);

    UniqueFd m_pipe;
    std::string m_text;
};

} // namespace zvisor
