#pragma once

#include "service/console.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <termios.h>
#include <thread>
#include <vector>

namespace zvisor {

/// The guest's console on this process's standard input and output. A terminal is put into raw mode, with Ctrl-] as the
/// escape to zvisor; a pipe is passed through plainly, its input held back until the guest shows a prompt.
class Terminal final : public ConsoleSink {
public:
    /// What a key does behind Ctrl-].
    struct EscapeKey {
        char key;
        std::string help;
        std::function<void()> action;
    };
    struct Actions {
        /// Gives input to the guest; returns how many bytes it took.
        std::function<std::size_t(std::string_view)> type;
        std::vector<EscapeKey> keys;
    };

    Terminal();
    ~Terminal() override;
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    [[nodiscard]] bool is_interactive() const { return m_interactive; }
    /// Begins to read input.
    void start(Actions actions);
    /// Stops reading and gives the terminal back as it was.
    void stop();
    /// A line of zvisor's own, on standard error, that fits a raw terminal.
    void say(std::string_view line);

    // ConsoleSink
    void output(ConsoleKind console, std::string_view text) override;
    void input_room() override;

private:
    void read_input(const std::stop_token& stop);
    void give(std::string_view input, const std::stop_token& stop);
    [[nodiscard]] bool handle_escape(char key);
    [[nodiscard]] std::string help() const;
    void wait_for_prompt(const std::stop_token& stop);
    [[nodiscard]] std::string without_escapes(std::string_view input);

    bool m_interactive;
    termios m_saved {};
    Actions m_actions;
    bool m_escape { false };
    int m_wake[2] { -1, -1 };
    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    bool m_room { false };
    /// The last characters the guest wrote on its current line.
    std::string m_line;
    std::jthread m_reader;
};

} // namespace zvisor
