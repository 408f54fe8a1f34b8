// zvisor events: what happened in a running machine.

#include "apps/zvisor/remote.h"
#include "control/listeners.h"
#include "control/places.h"

#include <cstdio>

namespace zvisor {

namespace {

struct EventsOptions : RemoteOptions {
    bool follow { false };
};

constexpr u16 long_look = 30;

void print(const EventInfo& event, bool json)
{
    if (json)
        fmt::print("{}\n", json_text(to_wire(event)));
    else
        fmt::print("{} {:8} {}\n", event.time, event.partition, event.text);
}

[[nodiscard]] Result<int> show_events(const EventsOptions& options)
{
    auto socket = TRY(find_machine(options.machine));
    Client client(socket);
    EventQuery query { .wait = 0 };
    do {
        auto list = client.call(operations::list_events, query);
        // Who follows a machine to its end has seen all there was.
        if (!list && query.wait != 0 && !connect_to_path(socket).valid())
            return ExitStatus::success;
        if (!list)
            return std::unexpected(list.error());
        for (const auto& event : list->events)
            print(event, options.json);
        std::fflush(stdout);
        query = { .after = list->next, .wait = long_look };
    } while (options.follow);
    return ExitStatus::success;
}

} // namespace

void add_events_command(CLI::App& app, Action& action)
{
    auto options = std::make_shared<EventsOptions>();
    auto* command = app.add_subcommand("events", "Show what happened in a running machine");
    add_remote_options(*command, *options);
    command->add_flag("-f,--follow", options->follow, "Go on with what happens, until the machine ends");
    command->footer("Examples:\n  zvisor events\n  zvisor events --follow --json | jq -r .text");
    set_work(*command, action, options, show_events);
}

} // namespace zvisor
