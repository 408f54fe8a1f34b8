#include "apps/zvisor/event_echo.h"

#include <cstdio>
#include <fmt/format.h>

namespace zvisor {

namespace {

constexpr u16 long_look = 30;

} // namespace

EventEcho::EventEcho(const std::string& socket, std::string prefix)
    : m_prefix(std::move(prefix))
    , m_client(socket)
    , m_last_look(socket)
{
    if (auto known = m_client.call(operations::list_events, { .wait = 0 }))
        m_shown = known->next;
    m_thread = std::jthread([this](const std::stop_token& stop) { follow(stop); });
}

EventEcho::~EventEcho()
{
    m_thread.request_stop();
    m_client.cancel();
    m_thread.join();
    // What happened last, and was under way to the thread.
    (void)show(m_last_look, 0);
}

void EventEcho::follow(const std::stop_token& stop)
{
    while (!stop.stop_requested() && show(m_client, long_look))
        ;
}

bool EventEcho::show(Client& client, u16 wait)
{
    auto list = client.call(operations::list_events, { .after = m_shown, .wait = wait });
    if (!list)
        return false;
    for (const auto& event : list->events)
        if (event.text.starts_with(m_prefix))
            fmt::print(stderr, "{}\n", event.text.substr(m_prefix.size()));
    m_shown = list->next;
    return true;
}

} // namespace zvisor
