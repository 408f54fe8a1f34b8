#include "cpu/cpu_group.h"

#include "base/verify.h"
#include "cpu/cpu.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace zvisor {

CpuGroup::CpuGroup(AbsoluteStorage& storage, const FacilitySet& facilities, ChannelServices& channels, MachineServices& machine)
    : m_storage(storage)
    , m_facilities(facilities)
    , m_channels(channels)
    , m_machine(machine)
{
    storage.on_code_store([this](u64 address, u64 length) { code_stored(nullptr, address, length); });
    storage.on_updates([this](u64 page) {
        for (auto& cpu : m_cpus)
            cpu->post_drop_write_tags(page);
    });
}

CpuGroup::~CpuGroup()
{
    finish();
    m_storage.on_code_store({});
    m_storage.on_updates({});
}

Cpu& CpuGroup::add()
{
    VERIFY(m_cpus.size() < m_deconfigured.size() * 64);
    m_cpus.push_back(std::make_unique<Cpu>(*this, static_cast<u16>(m_cpus.size())));
    return *m_cpus.back();
}

Cpu* CpuGroup::find_configured(u16 address)
{
    Cpu* cpu = find(address);
    return cpu && !(m_deconfigured[address / 64] >> address % 64 & 1) ? cpu : nullptr;
}

void CpuGroup::set_configured(u16 address, bool configured)
{
    VERIFY(address < m_cpus.size());
    u64 bit = u64 { 1 } << address % 64;
    if (configured)
        m_deconfigured[address / 64] &= ~bit;
    else
        m_deconfigured[address / 64] |= bit;
}

void CpuGroup::start()
{
    m_timer_thread = std::jthread([this] { watch_timers(); });
    for (auto& cpu : m_cpus)
        m_threads.emplace_back([&cpu] { cpu->run(); });
}

void CpuGroup::finish()
{
    m_ending = true;
    for (auto& cpu : m_cpus)
        cpu->notify(Pending::state_change);
    m_threads.clear();
    {
        std::lock_guard lock(m_timer_mutex);
        m_timer.set({});
    }
    m_timer_thread = {};
}

void CpuGroup::interruption_pending()
{
    for (auto& cpu : m_cpus)
        cpu->notify(Pending::interruption);
}

void CpuGroup::channel_report_pending()
{
    m_channel_report = true;
    interruption_pending();
}

namespace {

/// Who waits longer does not execute: the host may not run the other CPU for long, and this one's physical CPU be wanted back.
constexpr std::chrono::microseconds longest_executing_wait { 200 };
constexpr std::chrono::microseconds look_again { 50 };

void wait_for_answer(Cpu& self, const Cpu& other)
{
    auto answered = [&other] { return !other.running() || !other.request_pending(); };
    auto began = std::chrono::steady_clock::now();
    while (!answered() && std::chrono::steady_clock::now() - began < longest_executing_wait) {
        // Two CPUs may wait for each other, so each answers requests meanwhile.
        self.answer_requests();
        std::this_thread::yield();
    }
    auto wait = [&] {
        // A wait that nothing ends: a partition's process may not ask the host to sleep.
        std::mutex mutex;
        std::condition_variable nothing;
        std::unique_lock lock(mutex);
        while (!answered())
            nothing.wait_for(lock, look_again);
    };
    if (!answered())
        self.running() ? self.while_not_executing(wait) : wait();
}

} // namespace

template<class Post>
void CpuGroup::post_and_wait(Cpu& self, Post post)
{
    for (auto& cpu : m_cpus)
        if (cpu.get() != &self)
            post(*cpu);
    for (auto& cpu : m_cpus) {
        if (cpu.get() == &self)
            continue;
        wait_for_answer(self, *cpu);
    }
}

void CpuGroup::purge_others(Cpu& self, const Purge& what)
{
    if (m_cpus.size() > 1)
        post_and_wait(self, [&what](Cpu& cpu) { cpu.post_purge(what); });
}

void CpuGroup::forget_storage(Cpu& self, u64 address, u64 length)
{
    // In this order, so that no code is made once the code there is goes.
    auto post = [&](Cpu& cpu) {
        cpu.post_purge({});
        cpu.post_code_stored(address, length);
    };
    post(self);
    self.answer_requests();
    post_and_wait(self, post);
}

void CpuGroup::watch_code_page(Cpu& self, u64 absolute_page)
{
    if (m_cpus.size() > 1)
        post_and_wait(self, [absolute_page](Cpu& cpu) { cpu.post_drop_write_tags(absolute_page); });
}

void CpuGroup::code_stored(Cpu* self, u64 absolute_address, u64 length)
{
    for (auto& cpu : m_cpus)
        if (cpu.get() != self)
            cpu->post_code_stored(absolute_address, length);
}

void CpuGroup::set_tod(Cpu& self, u64 value)
{
    u64 step = value - m_tod.now();
    m_tod.set(value);
    m_timer_target = TimerAlarm::never; // it was of the old clock
    set_alarm();
    for (auto& cpu : m_cpus)
        cpu->post_clock_step(step);
    self.answer_requests();
}

void CpuGroup::deadline_changed(u64 deadline)
{
    if (deadline >= m_timer_target.load())
        return;
    std::lock_guard lock(m_timer_mutex);
    if (deadline < m_timer_target.load())
        arm(deadline, m_tod.now());
}

void CpuGroup::put_alarm_off(u64 deadline)
{
    if (m_timer_target.load() < TimerAlarm::next_look(false, deadline, m_tod.now()))
        set_alarm();
}

/// Under m_timer_mutex.
void CpuGroup::arm(u64 target, u64 now)
{
    m_timer_target = target;
    if (ending())
        return;
    if (target == TimerAlarm::never)
        m_timer.cancel();
    else
        m_timer.set(std::chrono::nanoseconds(TodClock::to_nanoseconds(std::max(target, now + TimerAlarm::shortest_sleep) - now) + 1));
}

/// Rings for those that execute past their deadlines.
void CpuGroup::set_alarm()
{
    std::lock_guard lock(m_timer_mutex);
    // From here on everybody says when a deadline changes, so that none changes unseen behind the look at it.
    u64 before = m_timer_target.exchange(TimerAlarm::never);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    u64 now = m_tod.now();
    u64 target = TimerAlarm::never;
    for (auto& cpu : m_cpus) {
        bool executes = cpu->running();
        u64 deadline = cpu->timer_deadline();
        if (deadline <= now && executes)
            cpu->notify(Pending::timer);
        target = std::min(target, TimerAlarm::next_look(executes, deadline, now));
    }
    if (target == before)
        m_timer_target = before;
    else
        arm(target, now);
}

void CpuGroup::watch_timers()
{
    while (!ending()) {
        // It has rung, for what it was set to.
        m_timer_target = TimerAlarm::never;
        set_alarm();
        m_timer.wait();
    }
}

} // namespace zvisor
