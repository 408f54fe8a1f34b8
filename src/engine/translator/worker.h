#pragma once

#include "base/types.h"

#include <atomic>
#include <functional>
#include <thread>

namespace zvisor {

/// A thread beside another one, for which it does the same work again and again when told to.
class Worker {
public:
    /// `work` is done on the thread; `tell` is called there behind it, when the work may already be seen to be done.
    Worker(std::function<void()> work, std::function<void()> tell);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Has the work done once, on what was written before. It is done, or was never begun.
    void begin();
    [[nodiscard]] bool is_done() const { return m_state.load(std::memory_order_acquire) == done; }
    void wait_until_done() const;

private:
    static constexpr u32 done = 0;
    static constexpr u32 begun = 1;
    static constexpr u32 ending = 2;

    void run();
    [[nodiscard]] u32 wait_for_work() const;

    std::function<void()> m_work;
    std::function<void()> m_tell;
    std::atomic<u32> m_state { done };
    std::jthread m_thread;
};

} // namespace zvisor
