#include "channel/sap_pool.h"

namespace zvisor {

SapPool::SapPool(unsigned processors)
{
    for (unsigned i = 0; i < processors; ++i)
        m_processors.emplace_back([this] { run(); });
}

SapPool::~SapPool()
{
    {
        std::lock_guard lock(m_mutex);
        m_stopping = true;
    }
    m_work_available.notify_all();
    for (auto& processor : m_processors)
        processor.join();
}

void SapPool::request(SapWork& work)
{
    std::lock_guard lock(m_mutex);
    auto [position, fresh] = m_states.try_emplace(&work, State::queued);
    if (fresh) {
        m_queue.push_back(&work);
        m_work_available.notify_one();
    } else if (position->second == State::serving) {
        position->second = State::serving_requested;
    }
}

void SapPool::wait_idle(SapWork& work)
{
    std::unique_lock lock(m_mutex);
    m_turn_ended.wait(lock, [&] { return !m_states.contains(&work); });
}

void SapPool::run()
{
    std::unique_lock lock(m_mutex);
    for (;;) {
        m_work_available.wait(lock, [&] { return m_stopping || !m_queue.empty(); });
        if (m_stopping)
            return;
        turn(lock);
    }
}

void SapPool::turn(std::unique_lock<std::mutex>& lock)
{
    SapWork* work = m_queue.front();
    m_queue.pop_front();
    m_states[work] = State::serving;
    lock.unlock();
    bool more = work->serve();
    lock.lock();
    if (more || m_states[work] == State::serving_requested) {
        m_states[work] = State::queued;
        m_queue.push_back(work);
    } else {
        m_states.erase(work);
    }
    m_turn_ended.notify_all();
}

} // namespace zvisor
