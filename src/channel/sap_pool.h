#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace zvisor {

/// Work that a system-assist processor does in turns, such as the functions of one subchannel.
class SapWork {
public:
    virtual ~SapWork() = default;
    /// Does a bounded amount of work; true when more is left.
    [[nodiscard]] virtual bool serve() = 0;
};

/// The system-assist processors: host threads that run channel programs, taking turns so that no program holds one for ever.
class SapPool {
public:
    explicit SapPool(unsigned processors);
    ~SapPool();
    SapPool(const SapPool&) = delete;
    SapPool& operator=(const SapPool&) = delete;

    /// Has `work` served soon; never by two processors at once. A request during its turn leads to another turn.
    void request(SapWork& work);
    /// Returns when `work` is neither queued nor being served. Its serve() must come to an end by itself.
    void wait_idle(SapWork& work);

private:
    enum class State { queued, serving, serving_requested };

    void run();
    void turn(std::unique_lock<std::mutex>& lock);

    std::mutex m_mutex;
    std::condition_variable m_work_available;
    std::condition_variable m_turn_ended;
    std::deque<SapWork*> m_queue;
    std::unordered_map<SapWork*, State> m_states;
    bool m_stopping { false };
    std::vector<std::thread> m_processors;
};

} // namespace zvisor
