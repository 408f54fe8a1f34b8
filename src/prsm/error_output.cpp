#include "prsm/error_output.h"

#include "base/text.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace zvisor {

Result<UniqueFd> ErrorOutput::open()
{
    std::array<int, 2> ends {};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(fmt::format("the host has no pipe for a partition's messages: {}", std::strerror(errno)));
    m_pipe = UniqueFd(ends[0]);
    m_text.clear();
    fcntl(m_pipe.get(), F_SETFL, O_NONBLOCK);
    return UniqueFd(ends[1]);
}

/// False: there is nothing now. At the end there never will be, so the pipe is closed.
bool ErrorOutput::read_some()
{
    std::array<char, 4096> bytes {};
    ssize_t length = ::read(m_pipe.get(), bytes.data(), bytes.size());
    if (length > 0)
        m_text.append(bytes.data(), static_cast<std::size_t>(length));
    else if (length == 0 || (errno != EAGAIN && errno != EINTR))
        m_pipe.reset();
    return length > 0;
}

void ErrorOutput::give(const std::function<void(std::string_view line)>& line, bool all)
{
    std::string_view left = m_text;
    while (!left.empty()) {
        auto end = left.find('\n');
        if (end == std::string_view::npos && left.size() < longest_line && !all)
            break;
        auto length = std::min({ end, left.size(), longest_line });
        if (length != 0)
            line(printable(left.substr(0, length), longest_line));
        left.remove_prefix(length + (length == end ? 1 : 0));
    }
    m_text.erase(0, m_text.size() - left.size());
}

void ErrorOutput::read(const std::function<void(std::string_view line)>& line)
{
    constexpr int most_pieces = 16;
    for (int piece = 0; piece < most_pieces && m_pipe.valid() && read_some(); ++piece)
        give(line, false);
    if (!m_pipe.valid())
        give(line, true);
}

void ErrorOutput::finish(const std::function<void(std::string_view line)>& line)
{
    read(line);
    give(line, true);
    m_pipe.reset();
}

} // namespace zvisor
