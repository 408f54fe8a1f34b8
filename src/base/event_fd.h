#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace zvisor {

/// A doorbell: any thread rings it, one thread waits for it. Rings merge.
class EventFd {
public:
    [[nodiscard]] static Result<EventFd> create();

    void ring() const;
    /// Waits for a ring and silences it.
    void wait() const;
    /// Silences it without waiting.
    void silence() const;
    [[nodiscard]] int fd() const { return m_fd.get(); }

private:
    explicit EventFd(UniqueFd fd)
        : m_fd(std::move(fd))
    {
    }

    UniqueFd m_fd;
};

} // namespace zvisor
