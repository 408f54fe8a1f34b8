// CPU states, resets, timers and the run loop (PoP ch. 4).

#include "arch/control.h"
#include "arch/lowcore.h"
#include "cpu/cpu.h"
#include "cpu/cpu_group.h"
#include "cpu/engine.h"

#include <algorithm>
#include <chrono>
#include <malloc.h>
#include <thread>
#include <utility>

namespace zvisor {

namespace {

/// Absolute location of the architectural-mode identification that store status places: 1 is z/Architecture.
constexpr u64 architectural_mode_at = 163;

} // namespace

// ---- Timers ------------------------------------------------------------------------------------------------

u64 Cpu::tod() const
{
    return m_group.tod().now();
}

void Cpu::set_clock_comparator(u64 value)
{
    m_clock_comparator = value;
    update_timer_deadline();
}

void Cpu::set_cpu_timer(u64 value)
{
    m_cpu_timer_deadline = tod() + value;
    update_timer_deadline();
}

u64 Cpu::cpu_timer() const
{
    return m_cpu_timer_deadline - tod();
}

u64 Cpu::cpu_timer_expiry() const
{
    u64 now = tod();
    u64 left = m_cpu_timer_deadline - now;
    if (left >> 63)
        return 0;
    return m_cpu_timer_deadline < now ? ~u64 { 0 } : m_cpu_timer_deadline;
}

void Cpu::update_timer_deadline()
{
    u64 deadline = ~u64 { 0 };
    if (cr[0] & cr0::clock_comparator)
        deadline = m_clock_comparator;
    if (cr[0] & cr0::cpu_timer)
        deadline = std::min(deadline, cpu_timer_expiry());
    m_timer_subclasses = cr[0] & timer_subclasses;
    // What is due already interrupts before the next instruction; the alarm would come later.
    if (deadline <= tod()) {
        m_timer_deadline = ~u64 { 0 };
        notify(Pending::timer);
        return;
    }
    m_timer_deadline = deadline;
    m_group.deadline_changed(deadline);
}

// ---- Pending work ------------------------------------------------------------------------------------------

void Cpu::notify(u32 reason)
{
    if (reason & (Pending::interruption | Pending::timer))
        m_attention = true;
    m_pending.fetch_or(reason);
    if (!m_executing.load()) {
        std::lock_guard lock(m_mutex);
        m_wake.notify_all();
    }
    if ((reason & Pending::state_change) && m_group.dispatching())
        m_group.dispatching()->interrupt(*this);
}

bool Cpu::leaving() const
{
    return m_group.ending() || m_stop_requested.load() || m_reset_requested.load();
}

bool Cpu::handle_pending()
{
    bool wanted_back = false;
    for (;;) {
        u32 reasons = m_pending.exchange(0);
        answer_requests();
        if (leaving())
            return false;
        wanted_back |= (reasons & Pending::give_back) != 0;
        if ((reasons & Pending::pause) && m_group.observer()) {
            pause();
            continue;
        }
        // The alarm rings once for a deadline; a masked timer stays in m_attention.
        if ((reasons & Pending::timer) && m_timer_deadline.load() <= tod())
            m_timer_deadline = ~u64 { 0 };
        if (m_early_exception) {
            early_exceptions();
            continue;
        }
        if (m_attention.load() && take_interruption()) {
            continue;
        }
        if (m_psw.wait()) {
            if (!wait_for_work())
                return false;
        } else if (std::exchange(wanted_back, false)) {
            hand_over();
        } else {
            return true;
        }
    }
}

// ---- Dispatching -------------------------------------------------------------------------------------------

/// Since when the CPU is dispatched; nothing when it is leaving before that.
Dispatching::Held Cpu::get_dispatched()
{
    auto* dispatching = m_group.dispatching();
    if (!dispatching)
        return std::chrono::steady_clock::now();
    for (;;) {
        auto held = dispatching->acquire(*this);
        if (held || leaving())
            return held;
    }
}

void Cpu::execute_since(std::chrono::steady_clock::time_point time)
{
    m_times.executing.start(time);
    m_executing = true;
    m_attention = true;
    // The alarm looks at the deadlines of those that execute. What is due already is found with the attention.
    u64 deadline = m_timer_deadline.load();
    if (deadline > tod())
        m_group.deadline_changed(deadline);
    else
        m_timer_deadline = ~u64 { 0 };
}

/// False when the CPU is leaving before it was dispatched.
bool Cpu::start_executing()
{
    auto held = get_dispatched();
    if (held)
        execute_since(*held);
    return held.has_value();
}

/// True when the CPU may look for work for a moment.
bool Cpu::stop_executing(Dispatching::Idle idle)
{
    m_executing = false;
    auto* dispatching = m_group.dispatching();
    m_times.executing.stop(dispatching ? dispatching->held_until(*this) : std::chrono::steady_clock::now());
    return !dispatching || dispatching->release(*this, idle);
}

/// As in `hand_over`, the program of a CPU that is dispatched sees that it did not run.
void Cpu::while_not_executing(const std::function<void()>& work)
{
    auto began = std::chrono::steady_clock::now();
    auto executed = m_times.executing.read();
    stop_executing(Dispatching::Idle::waiting);
    work();
    // One that leaves ends its instruction first.
    if (!start_executing())
        m_executing = true;
    if (m_group.dispatching()) {
        std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - began - (m_times.executing.read() - executed);
        m_cpu_timer_deadline += TodClock::from_nanoseconds(static_cast<u64>(std::max<i64>(taken.count(), 0)));
        update_timer_deadline();
    }
    answer_requests();
}

/// The program sees that it did not run: the CPU timer stands still while the clock goes on.
void Cpu::hand_over()
{
    auto* dispatching = m_group.dispatching();
    if (!dispatching)
        return;
    auto until = dispatching->held_until(*this);
    m_executing = false;
    m_times.executing.stop(until);
    auto held = dispatching->give_back(*this);
    if (!held)
        held = get_dispatched();
    if (!held)
        return;
    auto since = std::max(*held, until);
    execute_since(since);
    std::chrono::nanoseconds taken = since - until;
    m_cpu_timer_deadline += TodClock::from_nanoseconds(static_cast<u64>(taken.count()));
    update_timer_deadline();
}

void Cpu::pause()
{
    stop_executing(Dispatching::Idle::waiting);
    m_group.observer()->paused(*this);
    start_executing();
    set_careful(m_group.observer()->wants_careful(*this));
}

bool Cpu::wait_for_work()
{
    constexpr u64 enables = Psw::io_bit | Psw::external_bit | Psw::machine_check_bit;
    if (!(m_psw.mask & enables)) {
        m_state = RunState::disabled_wait;
        m_group.machine().cpu_halted(*this);
        return false;
    }
    auto began = std::chrono::steady_clock::now();
    bool polls = stop_executing(Dispatching::Idle::waiting);
    m_times.waiting.start(began);
    sleep_until_work(polls);
    auto ended = std::chrono::steady_clock::now();
    m_times.waiting.stop(ended);
    m_polling.waited(ended - began);
    start_executing();
    return true;
}

/// The TOD clock when a timer ends the current wait.
u64 Cpu::wait_deadline() const
{
    u64 deadline = ~u64 { 0 };
    if (!m_psw.external())
        return deadline;
    if (cr[0] & cr0::clock_comparator)
        deadline = m_clock_comparator;
    if (cr[0] & cr0::cpu_timer)
        deadline = std::min(deadline, cpu_timer_expiry());
    return deadline;
}

void Cpu::sleep_until_work(bool polls)
{
    constexpr u32 looked_into
        = Pending::interruption | Pending::timer | Pending::request | Pending::wait | Pending::give_back | Pending::engine;
    // Other CPUs of the group may have work soon; what a lone CPU waits for comes from threads that need the host.
    if (polls && m_group.size() > 1)
        m_polling.poll([this] { return m_pending.load() != 0; });
    for (;;) {
        look_at_idleness();
        sleep_until(wait_deadline());
        if (!m_group.dispatching())
            return;
        // Requests, and interruptions that other CPUs take, are no reason to ask for a physical CPU.
        u32 reasons = m_pending.exchange(0);
        answer_requests();
        if (leaving() || m_early_exception || (reasons & ~looked_into) || interruption_waits()) {
            m_pending.fetch_or(reasons);
            return;
        }
    }
}

void Cpu::sleep_until(u64 deadline)
{
    constexpr std::chrono::nanoseconds longest = std::chrono::minutes(1);
    u64 now = tod();
    if (deadline <= now)
        return;
    auto looks_again = idleness_looks_again().value_or(longest);
    auto most = TodClock::from_nanoseconds(static_cast<u64>(std::min(longest, looks_again).count()));
    auto sleep = std::chrono::nanoseconds(TodClock::to_nanoseconds(std::min(deadline - now, most)));
    m_group.put_alarm_off(deadline);
    std::unique_lock lock(m_mutex);
    m_wake.wait_for(lock, sleep, [this] { return m_pending.load() != 0; });
}

/// Only in a wait: nothing the engine has made is being executed.
void Cpu::look_at_idleness()
{
    if (m_idleness.is_due(std::chrono::steady_clock::now(), m_times.executing.read(), m_engine && m_engine->rests()))
        give_memory_back();
}

std::optional<Idleness::Duration> Cpu::idleness_looks_again() const
{
    return m_idleness.asks_again(std::chrono::steady_clock::now(), m_times.executing.read(), m_engine && m_engine->rests());
}

void Cpu::give_memory_back()
{
    // A watcher remembers spaces.
    if (!m_store_watcher) {
        m_spaces.clear();
        select_spaces();
    }
    if (m_engine)
        m_engine->give_memory_back();
    m_group_storage->forget_unused_code();
    malloc_trim(0);
}

/// One that stays stopped needs no memory either.
void Cpu::sleep_until_orders()
{
    auto wakes_up = [this] { return m_group.ending() || m_request.load() || has_orders_locked(); };
    std::unique_lock lock(m_mutex);
    m_settled.notify_all();
    while (auto looks_again = idleness_looks_again()) {
        if (m_wake.wait_for(lock, *looks_again, wakes_up))
            return;
        lock.unlock();
        look_at_idleness();
        lock.lock();
    }
    m_wake.wait(lock, wakes_up);
}

void Cpu::run()
{
    if (auto* observer = m_group.observer())
        set_careful(observer->wants_careful(*this));
    while (!m_group.ending()) {
        stop_executing(Dispatching::Idle::stopped);
        sleep_until_orders();
        if (m_group.ending())
            return;
        answer_requests();
        if (!settle_orders())
            continue;
        if (!start_executing())
            continue;
        notify(Pending::interruption);
        m_engine->run(*this);
    }
}

bool Cpu::settle_orders()
{
    std::unique_lock lock(m_mutex);
    // An order stays noted until it is carried out: meanwhile the CPU is busy for others.
    if (m_reset) {
        bool initial = *m_reset;
        lock.unlock();
        initial ? initial_reset() : cpu_reset();
        lock.lock();
        m_reset = std::nullopt;
        m_reset_requested = false;
        return false;
    }
    if (m_stop_requested.load()) {
        m_state = RunState::stopped;
        bool status = m_store_status;
        lock.unlock();
        if (status) {
            m_host[architectural_mode_at] = 1;
            store_status(0);
        }
        lock.lock();
        m_stop_requested = m_store_status = false;
        lock.unlock();
        m_group.machine().cpu_halted(*this);
        return false;
    }
    if (m_start || m_restart) {
        m_start = false;
        m_state = RunState::operating;
    }
    return m_state.load() == RunState::operating;
}

bool Cpu::has_orders_locked() const
{
    return m_reset || m_start || m_restart || m_store_status || m_stop_requested.load();
}

bool Cpu::has_orders()
{
    std::lock_guard lock(m_mutex);
    return has_orders_locked();
}

void Cpu::wait_for_orders()
{
    std::unique_lock lock(m_mutex);
    m_settled.wait(lock, [this] { return !m_executing.load() && !has_orders_locked(); });
}

// ---- SIGP orders (PoP ch. 4, "CPU Signaling and Response") -----------------------------------------------------

void Cpu::order_start()
{
    std::lock_guard lock(m_mutex);
    if (m_state.load() == RunState::operating)
        return;
    m_start = true;
    m_wake.notify_all();
}

void Cpu::order_restart()
{
    {
        std::lock_guard lock(m_mutex);
        m_restart = true;
        m_wake.notify_all();
    }
    notify(Pending::interruption);
}

void Cpu::order_stop(bool with_status)
{
    {
        std::lock_guard lock(m_mutex);
        if (with_status)
            m_store_status = true;
        m_stop_requested = true;
        m_wake.notify_all();
    }
    notify(Pending::state_change);
}

void Cpu::order_reset(bool initial)
{
    {
        std::lock_guard lock(m_mutex);
        m_reset = initial;
        m_reset_requested = true;
        m_wake.notify_all();
    }
    notify(Pending::state_change);
}

void Cpu::order_set_prefix(u64 value)
{
    std::lock_guard lock(m_mutex);
    prefix = value;
    m_purges.assign(1, Purge {});
    m_request = true;
    m_wake.notify_all();
}

void Cpu::order_external_call(u16 from)
{
    m_external_call = from;
    notify(Pending::interruption);
}

void Cpu::order_emergency(u16 from)
{
    {
        std::lock_guard lock(m_mutex);
        m_emergency[from % m_emergency.size()] = true;
    }
    notify(Pending::interruption);
}

// ---- Resets and status ---------------------------------------------------------------------------------------

void Cpu::cpu_reset()
{
    m_state = RunState::stopped;
    m_external_call = -1;
    m_early_exception = false;
    {
        std::lock_guard lock(m_mutex);
        m_emergency.reset();
        m_restart = m_start = m_store_status = false;
        m_stop_requested = false;
    }
    purge_all();
    if (m_engine)
        m_engine->forget_all();
}

void Cpu::cpu_reset_running()
{
    cpu_reset();
    m_state = RunState::operating;
}

void Cpu::initial_reset_running()
{
    initial_reset();
    m_state = RunState::operating;
}

void Cpu::initial_reset()
{
    cpu_reset();
    cr.fill(0);
    cr[0] = 0xe0;
    cr[14] = 0xc2000000;
    prefix = 0;
    fpc = 0;
    tod_programmable = 0;
    breaking_event = 1;
    m_psw = {};
    m_cc = m_program_mask = 0;
    next = 0;
    m_clock_comparator = 0;
    m_cpu_timer_deadline = tod();
    update_mode();
    select_spaces();
    update_timer_deadline();
}

void Cpu::clear_reset()
{
    initial_reset();
    gr.fill(0);
    ar.fill(0);
    vr.fill({});
}

void Cpu::store_status_at(u64 at)
{
    if (!m_group_storage->contains(at, 512))
        return;
    u8* area = m_host + at;
    Psw current = psw();
    for (unsigned r = 0; r < 16; ++r) {
        store_be<u64>(area + lowcore::save::floating_point + r * 8, vr[r].hi);
        store_be<u64>(area + lowcore::save::general + r * 8, gr[r]);
        store_be<u32>(area + lowcore::save::access + r * 4, ar[r]);
        store_be<u64>(area + lowcore::save::control + r * 8, cr[r]);
    }
    store_be<u64>(area + lowcore::save::psw, current.mask);
    store_be<u64>(area + lowcore::save::psw + 8, current.address);
    store_be<u32>(area + lowcore::save::prefix, static_cast<u32>(prefix));
    store_be<u32>(area + lowcore::save::fpc, fpc);
    store_be<u32>(area + lowcore::save::tod_programmable, tod_programmable);
    store_be<u64>(area + lowcore::save::cpu_timer, cpu_timer());
    u8 comparator[8];
    store_be<u64>(comparator, m_clock_comparator);
    std::copy_n(comparator, 7, area + lowcore::save::clock_comparator);
    m_group_storage->stored(at, 512);
}

} // namespace zvisor
