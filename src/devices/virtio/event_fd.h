#pragma once

#include "base/result.h"
#include "base/types.h"

#include <utility>

namespace zvisor {

/// A file descriptor that is closed at the end of its life.
class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd)
        : m_fd(fd)
    {
    }
    UniqueFd(UniqueFd&& other) noexcept
        : m_fd(std::exchange(other.m_fd, -1))
    {
    }
    UniqueFd& operator=(UniqueFd&& other) noexcept
    {
        std::swap(m_fd, other.m_fd);
        return *this;
    }
    ~UniqueFd();

    [[nodiscard]] int get() const { return m_fd; }
    [[nodiscard]] bool valid() const { return m_fd >= 0; }

private:
    int m_fd { -1 };
};

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
