#include "apps/zvisor/terminal.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace zvisor {

namespace {

constexpr char escape_key = 0x1d; // Ctrl-]
constexpr std::size_t longest_line = 256;

void write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (written > 0)
            text.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// A line the guest left unfinished that asks for input: "# ", "login: ", "(yes/no)? ".
[[nodiscard]] bool is_prompt(std::string_view line)
{
    if (line.size() < 2 || line.back() != ' ')
        return false;
    return std::string_view("#$>%:?").find(line[line.size() - 2]) != std::string_view::npos;
}

} // namespace

Terminal::Terminal()
    : m_interactive(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
{
}

Terminal::~Terminal()
{
    stop();
}

void Terminal::start(Actions actions)
{
    m_actions = std::move(actions);
    if (m_interactive) {
        tcgetattr(STDIN_FILENO, &m_saved);
        termios raw = m_saved;
        cfmakeraw(&raw);
        // Output lines of zvisor's own still begin at the left.
        raw.c_oflag |= OPOST;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    if (pipe(m_wake) == 0)
        m_reader = std::jthread([this](const std::stop_token& stop) { read_input(stop); });
}

void Terminal::stop()
{
    if (!m_reader.joinable())
        return;
    m_reader.request_stop();
    write_all(m_wake[1], "x");
    m_reader.join();
    close(m_wake[0]);
    close(m_wake[1]);
    if (m_interactive)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &m_saved);
}

void Terminal::say(std::string_view line)
{
    write_all(STDERR_FILENO, fmt::format("{}{}\n", m_interactive ? "\r" : "", line));
}

void Terminal::output(ConsoleKind, std::string_view text)
{
    write_all(STDOUT_FILENO, text);
    std::lock_guard lock(m_mutex);
    auto newline = text.find_last_of('\n');
    if (newline != std::string_view::npos)
        m_line.clear();
    m_line += text.substr(newline == std::string_view::npos ? 0 : newline + 1);
    if (m_line.size() > longest_line)
        m_line.erase(0, m_line.size() - longest_line);
    m_changed.notify_all();
}

void Terminal::input_room()
{
    std::lock_guard lock(m_mutex);
    m_room = true;
    m_changed.notify_all();
}

void Terminal::read_input(const std::stop_token& stop)
{
    pollfd files[] = { { STDIN_FILENO, POLLIN, 0 }, { m_wake[0], POLLIN, 0 } };
    while (!stop.stop_requested()) {
        if (poll(files, 2, -1) < 0 && errno != EINTR)
            return;
        if (!(files[0].revents & (POLLIN | POLLHUP)))
            continue;
        char buffer[4096];
        ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (count <= 0)
            return;
        std::string_view input(buffer, static_cast<std::size_t>(count));
        if (m_interactive) {
            give(without_escapes(input), stop);
            continue;
        }
        while (!input.empty() && !stop.stop_requested()) {
            auto line = input.substr(0, std::min(input.find('\n'), input.size() - 1) + 1);
            wait_for_prompt(stop);
            give(line, stop);
            input.remove_prefix(line.size());
        }
    }
}

/// Input is lost while no program of the guest reads its console, so each line of a pipe waits for a prompt.
void Terminal::wait_for_prompt(const std::stop_token& stop)
{
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, stop, [this] { return is_prompt(m_line); });
    m_line.clear();
}

void Terminal::give(std::string_view input, const std::stop_token& stop)
{
    while (!input.empty() && !stop.stop_requested()) {
        {
            std::lock_guard lock(m_mutex);
            m_room = false;
        }
        input.remove_prefix(m_actions.type(input));
        std::unique_lock lock(m_mutex);
        if (!input.empty())
            m_changed.wait_for(lock, stop, std::chrono::seconds(1), [this] { return m_room; });
    }
}

std::string Terminal::without_escapes(std::string_view input)
{
    std::string kept;
    for (char key : input) {
        if (m_escape) {
            m_escape = false;
            if (handle_escape(key))
                kept += key;
        } else if (key == escape_key) {
            m_escape = true;
        } else {
            kept += key;
        }
    }
    return kept;
}

/// True when the key itself goes to the guest.
bool Terminal::handle_escape(char key)
{
    if (key == escape_key)
        return true;
    for (const auto& each : m_actions.keys)
        if (each.key == key) {
            each.action();
            return false;
        }
    say(help());
    return false;
}

std::string Terminal::help() const
{
    std::string text = "zvisor: Ctrl-] then";
    for (const auto& each : m_actions.keys)
        text += fmt::format("  {} {}", each.key, each.help);
    return text + "  Ctrl-] send Ctrl-]  ? this help";
}

} // namespace zvisor
