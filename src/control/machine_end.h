#pragma once

#include "prsm/firmware.h"

#include <condition_variable>
#include <functional>
#include <mutex>

namespace zvisor {

/// How a machine ends: the first request asks every running program to shut down and the machine ends when they have, a second one ends
/// it at once.
class MachineEnd {
public:
    explicit MachineEnd(Firmware& firmware)
        : m_firmware(firmware)
    {
    }

    /// From any thread. With `now` it is the second one already.
    void request(bool now);
    [[nodiscard]] bool requested() const;
    /// Waits for the first request, then for the programs that could be asked; `say` is told how that goes.
    void wait(const std::function<void(const std::string&)>& say);

private:
    [[nodiscard]] std::vector<std::string> ask_programs(const std::function<void(const std::string&)>& say);
    [[nodiscard]] std::string still_operating(const std::vector<std::string>& asked) const;
    /// True when the machine ends at once.
    [[nodiscard]] bool pause(std::chrono::milliseconds time);

    Firmware& m_firmware;
    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    unsigned m_requests { 0 };
};

} // namespace zvisor
