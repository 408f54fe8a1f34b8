#pragma once

#include <chrono>
#include <optional>

namespace zvisor {

/// Whether a CPU has executed so little for so long that the host has better use for the memory of what it knows: code and translations,
/// which it makes again when it needs them.
class Idleness {
public:
    using Duration = std::chrono::nanoseconds;
    using Time = std::chrono::steady_clock::time_point;
    static constexpr Duration window = std::chrono::seconds(10);
    /// Of a CPU whose engine rests: what that knows is little, and made again in no time.
    static constexpr Duration resting_window = std::chrono::seconds(2);

    /// A wait begins or goes on. `executed`: the CPU's time in all. True when the memory is to go.
    [[nodiscard]] bool is_due(Time now, Duration executed, bool rests);
    /// How long a wait may last until is_due is asked again; nothing when there is no need to.
    [[nodiscard]] std::optional<Duration> asks_again(Time now, Duration executed, bool rests) const;

private:
    /// Of the window: when it began, and what the CPU had executed then.
    Time m_began {};
    Duration m_executed {};
    /// What it had executed when the memory went last.
    Duration m_given_back {};
};

} // namespace zvisor
