// zvisor top: what the partitions use, as a table that renews itself.

#include "apps/zvisor/remote.h"
#include "apps/zvisor/signal_watch.h"
#include "apps/zvisor/usage.h"
#include "base/event_fd.h"
#include "base/size.h"
#include "control/places.h"

#include <cstdio>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace zvisor {

namespace {

using std::chrono::steady_clock;

struct TopOptions : RemoteOptions {
    bool batch { false };
    unsigned iterations { 0 };
    double delay { 2 };
};

/// Before the first table, so that there is something to compare with.
constexpr std::chrono::milliseconds first_delay { 300 };

/// Keys without Enter and a hidden cursor; the terminal is as it was afterwards.
class Screen {
public:
    explicit Screen(bool used)
        : m_used(used && tcgetattr(STDIN_FILENO, &m_saved) == 0)
    {
        if (!m_used)
            return;
        termios keys = m_saved;
        keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &keys);
        // The alternate screen, without the cursor.
        fmt::print("\033[?1049h\033[?25l");
    }
    ~Screen()
    {
        if (!m_used)
            return;
        fmt::print("\033[?25h\033[?1049l");
        std::fflush(stdout);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &m_saved);
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    [[nodiscard]] bool used() const { return m_used; }
    void show(const std::string& text) const
    {
        fmt::print("{}{}{}", m_used ? "\033[H" : "", text, m_used ? "\033[J" : "");
        std::fflush(stdout);
    }

private:
    termios m_saved {};
    bool m_used;
};

[[nodiscard]] std::string head_of(const MachineInfo& machine, const Usage& usage)
{
    return fmt::format("{}  {} of {} partitions operating  {} physical CPUs, {:.1f}% of one used  storage {} of {} free\n\n", machine.name,
        machine.partitions_operating, machine.partitions, machine.physical_cpus, usage.cpu_percent(), size_text(machine.storage_free),
        size_text(machine.storage));
}

/// Waits; true when the person or a signal wants an end.
[[nodiscard]] bool pause(const EventFd& ending, const Screen& screen, std::chrono::milliseconds time)
{
    auto limit = steady_clock::now() + time;
    for (;;) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - steady_clock::now()).count();
        pollfd files[] = { { ending.fd(), POLLIN, 0 }, { screen.used() ? STDIN_FILENO : -1, POLLIN, 0 } };
        if (left <= 0 || poll(files, 2, static_cast<int>(left)) == 0)
            return false;
        char key = 'q';
        if (files[0].revents || (files[1].revents && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q')))
            return true;
    }
}

[[nodiscard]] Result<int> show_top(const TopOptions& options)
{
    Client client(TRY(find_machine(options.machine)));
    auto ending = TRY(EventFd::create());
    SignalWatch signals;
    Usage usage;
    usage.take(TRY(client.call(operations::list_partitions, {})), steady_clock::now());
    signals.start([&] { ending.ring(); });
    Screen screen(!options.batch && !options.json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
    auto delay = std::chrono::milliseconds(static_cast<i64>(options.delay * 1000));
    unsigned left = options.iterations != 0 || screen.used() || options.batch || options.json ? options.iterations : 1;
    bool over = pause(ending, screen, first_delay);
    while (!over) {
        usage.take(TRY(client.call(operations::list_partitions, {})), steady_clock::now());
        auto machine = TRY(client.call(operations::show_machine, {}));
        screen.show(options.json ? json_text(usage.json()) + "\n" : head_of(machine, usage) + usage.table() + (screen.used() ? "" : "\n"));
        over = left == 1 || pause(ending, screen, delay);
        left -= left != 0;
    }
    return ExitStatus::success;
}

} // namespace

void add_top_command(CLI::App& app, Action& action)
{
    auto options = std::make_shared<TopOptions>();
    auto* command = app.add_subcommand("top", "Show what the partitions use, renewed every other second; q ends");
    add_remote_options(*command, *options);
    command->add_flag("-b,--batch", options->batch, "Tables one after the other, for files and pipes");
    command->add_option("-n,--iterations", options->iterations, "End after so many tables (default: go on)")->type_name("NUMBER");
    command->add_option("-d,--delay", options->delay, "Seconds between tables, 0.1 to 3600")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    command->footer("Examples:\n  zvisor top\n  zvisor top -b -n 3 -d 10 > usage.txt");
    set_work(*command, action, options, show_top);
}

} // namespace zvisor
