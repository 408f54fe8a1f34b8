#include "engine/translator/worker.h"

#include <chrono>
#include <utility>

namespace zvisor {

namespace {

/// More work comes soon where some came; it begins sooner, and costs those who give it less, while this thread looks for it.
constexpr std::chrono::microseconds looking { 500 };

} // namespace

Worker::Worker(std::function<void()> work, std::function<void()> tell)
    : m_work(std::move(work))
    , m_tell(std::move(tell))
    , m_thread([this] { run(); })
{
}

Worker::~Worker()
{
    wait_until_done();
    m_state.store(ending, std::memory_order_release);
    m_state.notify_one();
}

void Worker::give()
{
    m_state.store(given, std::memory_order_release);
    m_state.notify_one();
}

void Worker::wait_until_done() const
{
    u32 state = m_state.load(std::memory_order_acquire);
    while (state != done) {
        m_state.wait(state, std::memory_order_acquire);
        state = m_state.load(std::memory_order_acquire);
    }
}

void Worker::wait_for_work() const
{
    using Clock = std::chrono::steady_clock;
    for (auto until = Clock::now() + looking; Clock::now() < until; std::this_thread::yield())
        if (m_state.load(std::memory_order_relaxed) != done)
            return;
    m_state.wait(done, std::memory_order_acquire);
}

void Worker::run()
{
    for (;;) {
        wait_for_work();
        u32 state = given;
        if (!m_state.compare_exchange_strong(state, begun, std::memory_order_acq_rel)) {
            if (state == ending)
                return;
            continue; // it was taken back
        }
        m_work();
        m_state.store(done, std::memory_order_release);
        m_state.notify_all();
        m_tell();
    }
}

} // namespace zvisor
