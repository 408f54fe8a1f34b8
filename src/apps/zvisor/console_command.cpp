// zvisor console: the console of one partition on this terminal.

#include "apps/zvisor/remote.h"
#include "apps/zvisor/signal_watch.h"
#include "apps/zvisor/terminal.h"
#include "control/listeners.h"
#include "control/places.h"
#include "prsm/managed_partition.h"

#include <atomic>

namespace zvisor {

namespace {

struct ConsoleOptions {
    std::string machine;
    std::string name;
    bool follow { false };
};

/// Seconds a look at the console lasts; while a program that ends is the end of the viewer, it looks more often.
constexpr u16 long_look = 30;
constexpr u16 short_look = 1;

/// Shows a partition's console and types at it until the viewer leaves.
class ConsoleViewer {
public:
    ConsoleViewer(const std::string& socket, const ConsoleOptions& options)
        : m_socket(socket)
        , m_reader(socket)
        , m_typist(socket)
        , m_options(options)
    {
    }

    [[nodiscard]] Result<int> view()
    {
        // Before the terminal is touched: is there such a partition?
        TRY_VOID(m_reader.call(operations::show_partition, { m_options.name }));
        m_signals.start([this] { leave(); });
        m_terminal.start({ .type = [this](std::string_view text) { return type(text); },
            .keys = { { 'd', "detach", [this] { leave(); } }, { 's', "shut the program down", [this] { shut_down(); } } } });
        if (m_terminal.is_interactive())
            m_terminal.say(fmt::format("zvisor: console of {}; Ctrl-] d detaches, Ctrl-] ? shows more", m_options.name));
        auto end = show();
        // What is being typed now is given up.
        m_typist.cancel();
        m_terminal.stop();
        m_signals.stop();
        if (!end && (m_left || !connect_to_path(m_socket).valid()))
            return say_why();
        return end;
    }

private:
    /// A person stays until they leave, a pipe until the program ends.
    [[nodiscard]] bool stays() const { return m_terminal.is_interactive() || m_options.follow; }

    [[nodiscard]] Result<int> show()
    {
        ConsoleQuery query { .name = m_options.name, .wait = stays() ? long_look : short_look };
        for (;;) {
            // In this order, so that all it wrote is shown.
            bool ended = !stays() && !TRY(operates());
            if (ended)
                query.wait = 0;
            auto piece = TRY(m_reader.read_console(query));
            m_terminal.output(ConsoleKind::ascii, piece.text);
            query.from = piece.next;
            if (piece.closed || (ended && piece.text.empty()))
                return ExitStatus::success;
        }
    }

    [[nodiscard]] Result<bool> operates()
    {
        auto state = TRY(m_reader.call(operations::show_partition, { m_options.name })).state;
        return state == name_of(PartitionState::operating) || state == name_of(PartitionState::stopped);
    }

    [[nodiscard]] std::size_t type(std::string_view text)
    {
        auto piece = text.substr(0, longest_input);
        if (auto typed = m_typist.call(operations::type_at_console, { m_options.name, std::string(piece) }); !typed)
            m_terminal.say("zvisor: " + typed.error().message);
        return piece.size();
    }

    void shut_down()
    {
        auto asked = m_typist.call(operations::shut_down, { m_options.name });
        m_terminal.say("zvisor: " + (asked ? "asked the program to shut down" : asked.error().message));
    }

    void leave()
    {
        m_left = true;
        m_reader.cancel();
    }

    [[nodiscard]] int say_why()
    {
        if (m_terminal.is_interactive())
            m_terminal.say(m_left ? "\nzvisor: detached" : "\nzvisor: the machine ended");
        return ExitStatus::success;
    }

    std::string m_socket;
    Client m_reader;
    Client m_typist;
    const ConsoleOptions& m_options;
    SignalWatch m_signals;
    Terminal m_terminal;
    std::atomic<bool> m_left { false };
};

[[nodiscard]] Result<int> view_console(const ConsoleOptions& options)
{
    return ConsoleViewer(TRY(find_machine(options.machine)), options).view();
}

} // namespace

void add_console_command(CLI::App& app, Action& action)
{
    auto options = std::make_shared<ConsoleOptions>();
    auto* command = app.add_subcommand("console", "Show a partition's console and type at it; what it showed before comes first");
    command->add_option("name", options->name, "Name of the partition")->type_name(partition_type)->required();
    add_machine_option(*command, options->machine);
    command->add_flag("--follow", options->follow, "Go on when the program ends, which else ends a viewer that is no terminal");
    command->footer("On a terminal: Ctrl-] d detaches, Ctrl-] ? shows more. Lines of a pipe wait until the program shows a prompt.\n"
                    "Examples:\n  zvisor console LP1\n  printf 'uname -a\\npoweroff\\n' | zvisor console LP1\n"
                    "  zvisor console LP1 --follow < /dev/null > lp1.log");
    set_work(*command, action, options, view_console);
}

} // namespace zvisor
