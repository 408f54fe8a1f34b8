#pragma once

#include "base/types.h"
#include "prsm/allowance.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
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
    /// What a partition has the power to cause at will: a burst of them, then one a second; the others are counted.
    void add_told(const std::string& partition, std::string text);
    /// Events after `number`, oldest first; waits up to `patience` for one.
    [[nodiscard]] std::vector<MachineEvent> after(u64 number, std::chrono::milliseconds patience) const;
    /// Called with each event, on the thread it happens on; before the first.
    void on_event(std::function<void(const MachineEvent&)> listener) { m_listener = std::move(listener); }

private:
    struct Told {
        Allowance allowance { 1, 100 };
        u64 left_out { 0 };
    };
    /// How many events were left out before this one; nothing: this one is, too.
    [[nodiscard]] std::optional<u64> may_tell(const std::string& partition);

    mutable std::mutex m_mutex;
    std::map<std::string, Told> m_told;
    mutable std::condition_variable m_changed;
    std::deque<MachineEvent> m_events;
    u64 m_last { 0 };
    std::function<void(const MachineEvent&)> m_listener;
};

} // namespace zvisor
