#pragma once

#include "base/types.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

namespace zvisor {

/// What a partition's console has shown: the end of it is kept, for any number of viewers, each with a place of its own.
class ConsoleBuffer {
public:
    /// Bytes that are kept at least.
    static constexpr std::size_t scroll_back = 128 * 1024;

    struct Piece {
        std::string text;
        /// Where to read on.
        u64 next { 0 };
        /// The console belongs to a partition that is gone.
        bool closed { false };
    };

    void append(std::string_view text);
    /// What was shown from place `from` on (0 is the beginning, what is no longer kept is skipped); waits up to `patience` for something.
    [[nodiscard]] Piece read(u64 from, std::chrono::milliseconds patience) const;
    /// Lets those who wait go; nothing more will come.
    void close();

private:
    mutable std::mutex m_mutex;
    mutable std::condition_variable m_changed;
    std::string m_text;
    /// Place of the first character that is kept.
    u64 m_first { 0 };
    bool m_closed { false };
};

} // namespace zvisor
