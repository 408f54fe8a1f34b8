#pragma once

#include "base/types.h"

#include <atomic>
#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zvisor {

/// Sleeps while `word` is `value`, at most `limit` (null: without end); may return early. The word may be shared between processes.
inline void futex_wait(const std::atomic<u32>& word, u32 value, const std::timespec* limit = nullptr)
{
    syscall(SYS_futex, &word, FUTEX_WAIT, value, limit, nullptr, 0);
}

/// Wakes everyone who sleeps on `word`.
inline void futex_wake(const std::atomic<u32>& word)
{
    syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

} // namespace zvisor
