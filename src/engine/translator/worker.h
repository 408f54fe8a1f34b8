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

    /// Has the work done once, on what was written before. What was given before that is done, or was taken back.
    void give();
    [[nodiscard]] bool is_done() const { return m_state.load(std::memory_order_acquire) == done; }
    void wait_until_done() const;
    /// Takes the work back if it has not been begun yet, as when the host has others to run.
    [[nodiscard]] bool take_back()
    {
        u32 expected = given;
        return m_state.compare_exchange_strong(expected, done, std::memory_order_acq_rel);
    }

private:
    static constexpr u32 done = 0;
    static constexpr u32 given = 1;
    static constexpr u32 begun = 2;
    static constexpr u32 ending = 3;

    void run();
    void wait_for_work() const;

    std::function<void()> m_work;
    std::function<void()> m_tell;
    std::atomic<u32> m_state { done };
    std::jthread m_thread;
};

} // namespace zvisor
