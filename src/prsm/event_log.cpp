#include "prsm/event_log.h"

#include <fmt/format.h>
#include <utility>

namespace zvisor {

void EventLog::add(std::string partition, std::string text)
{
    MachineEvent event { .time = std::chrono::system_clock::now(), .partition = std::move(partition), .text = std::move(text) };
    {
        std::lock_guard lock(m_mutex);
        event.number = ++m_last;
        m_events.push_back(event);
        if (m_events.size() > kept)
            m_events.pop_front();
        m_changed.notify_all();
    }
    if (m_listener)
        m_listener(event);
}

std::optional<u64> EventLog::may_tell(const std::string& partition)
{
    std::lock_guard lock(m_mutex);
    Told& told = m_told[partition];
    if (told.allowance.take(std::chrono::steady_clock::now()))
        return std::exchange(told.left_out, 0);
    ++told.left_out;
    return {};
}

void EventLog::add_told(const std::string& partition, std::string text)
{
    auto left_out = may_tell(partition);
    if (!left_out)
        return;
    if (*left_out != 0)
        add(partition, fmt::format("{} events were left out: it caused too many", *left_out));
    add(partition, std::move(text));
}

std::vector<MachineEvent> EventLog::after(u64 number, std::chrono::milliseconds patience) const
{
    std::unique_lock lock(m_mutex);
    m_changed.wait_for(lock, patience, [&] { return m_last > number; });
    std::vector<MachineEvent> events;
    for (const auto& event : m_events)
        if (event.number > number)
            events.push_back(event);
    return events;
}

} // namespace zvisor
