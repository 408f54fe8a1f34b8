#pragma once

#include "base/types.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace zvisor {

/// Something that happened in a machine.
struct MachineEvent {
    /// From 1, one more for each.
    u64 number { 0 };
    std::chrono::system_clock::time_point time;
    /// Empty for the machine itself.
    std::string partition;
    std::string text;
};

/// What happened in a machine, for any number of readers; the last thousand are kept.
class EventLog {
public:
    static constexpr std::size_t kept = 1000;

    void add(std::string partition, std::string text);
    /// Events after `number`, oldest first; waits up to `patience` for one.
    [[nodiscard]] std::vector<MachineEvent> after(u64 number, std::chrono::milliseconds patience) const;
    /// Called with each event, on the thread it happens on; before the first.
    void on_event(std::function<void(const MachineEvent&)> listener) { m_listener = std::move(listener); }

private:
    mutable std::mutex m_mutex;
    mutable std::condition_variable m_changed;
    std::deque<MachineEvent> m_events;
    u64 m_last { 0 };
    std::function<void(const MachineEvent&)> m_listener;
};

} // namespace zvisor
