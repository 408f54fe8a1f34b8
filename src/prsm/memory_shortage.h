#pragma once

#include "base/types.h"

#include <chrono>
#include <optional>
#include <string>

namespace zvisor {

/// Knows whether the host has lately ended processes because it had no memory.
class MemoryShortage {
public:
    using Time = std::chrono::steady_clock::time_point;
    /// What ends within this after the host ended a process counts as ended by it, too.
    static constexpr std::chrono::seconds lately { 2 };

    /// `counters`: the host's of its memory (proc(5), /proc/vmstat). A host that does not count never has a shortage.
    explicit MemoryShortage(std::string counters);

    /// To be asked every second or so: what happened longer before the first question is unknown.
    [[nodiscard]] bool there_is(Time now);

private:
    [[nodiscard]] std::optional<u64> ended_processes() const;

    std::string m_counters;
    std::optional<u64> m_seen;
    std::optional<Time> m_last;
};

} // namespace zvisor
