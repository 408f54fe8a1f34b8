#include "debug/debugger.h"

#include "cpu/cpu.h"
#include "debug/memory.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace zvisor::debug {

namespace {

/// How often a paused CPU looks for requests of the others, and the controller for CPUs that were stopped otherwise.
constexpr std::chrono::milliseconds look_again { 2 };

} // namespace

void Debugger::attach(CpuGroup& group, std::function<void()> on_stop, bool hold)
{
    std::lock_guard lock(m_mutex);
    m_group = &group;
    m_on_stop = std::move(on_stop);
    m_cpus.resize(group.size());
    if (hold)
        hold_all_locked();
}

// ---- The controlling thread ----------------------------------------------------------------------------------

void Debugger::hold_all_locked()
{
    for (std::size_t i = 0; i < m_cpus.size(); ++i) {
        m_cpus[i].hold = true;
        m_group->cpus()[i]->notify(Pending::pause);
    }
}

bool Debugger::all_paused_locked()
{
    for (std::size_t i = 0; i < m_cpus.size(); ++i)
        if (!m_cpus[i].paused && m_group->cpus()[i]->running())
            return false;
    return true;
}

void Debugger::stop()
{
    std::unique_lock lock(m_mutex);
    if (!std::ranges::all_of(m_cpus, &CpuState::hold))
        m_stop = { .cpu = m_stop.cpu, .reason = Reason::request };
    hold_all_locked();
    while (!all_paused_locked() && !m_group->ending())
        m_changed.wait_for(lock, look_again);
}

Debugger::Stop Debugger::wait_until_stopped()
{
    std::unique_lock lock(m_mutex);
    while (!all_paused_locked() && !m_group->ending())
        m_changed.wait_for(lock, look_again);
    return m_stop;
}

bool Debugger::stopped()
{
    std::lock_guard lock(m_mutex);
    return std::ranges::all_of(m_cpus, &CpuState::hold);
}

void Debugger::resume(const std::vector<Action>& actions)
{
    std::lock_guard lock(m_mutex);
    for (auto& watchpoint : m_watchpoints)
        std::memcpy(watchpoint.contents.data(), m_group->storage().host() + watchpoint.absolute, watchpoint.contents.size());
    for (std::size_t i = 0; i < m_cpus.size(); ++i) {
        auto& state = m_cpus[i];
        state.hold = actions[i] == Action::stay;
        state.stepping = actions[i] == Action::step;
        state.stepped = false;
        state.passes = m_group->cpus()[i]->next;
    }
    m_changed.notify_all();
}

void Debugger::set_breakpoint(u64 address)
{
    std::lock_guard lock(m_mutex);
    m_breakpoints.insert(address);
}

void Debugger::clear_breakpoint(u64 address)
{
    std::lock_guard lock(m_mutex);
    m_breakpoints.erase(address);
}

bool Debugger::set_watchpoint(Cpu& cpu, u64 address, u64 length)
{
    auto absolute = absolute_address(cpu, address);
    if (!absolute || length == 0 || address % page_size + length > page_size)
        return false;
    std::lock_guard lock(m_mutex);
    m_watchpoints.push_back({ address, *absolute, std::vector<u8>(length) });
    return true;
}

void Debugger::clear_watchpoint(u64 address, u64 length)
{
    std::lock_guard lock(m_mutex);
    std::erase_if(
        m_watchpoints, [&](const auto& watchpoint) { return watchpoint.address == address && watchpoint.contents.size() == length; });
}

void Debugger::detach()
{
    std::lock_guard lock(m_mutex);
    m_breakpoints.clear();
    m_watchpoints.clear();
    for (std::size_t i = 0; i < m_cpus.size(); ++i) {
        bool paused = m_cpus[i].paused;
        m_cpus[i] = {};
        m_cpus[i].paused = paused;
        m_group->cpus()[i]->notify(Pending::pause); // to leave careful mode
    }
    m_changed.notify_all();
}

// ---- The CPUs' threads -----------------------------------------------------------------------------------------

bool Debugger::wants_careful(const Cpu& cpu)
{
    std::lock_guard lock(m_mutex);
    return cpu.address() < m_cpus.size() && (m_cpus[cpu.address()].stepping || !m_breakpoints.empty() || !m_watchpoints.empty());
}

void Debugger::paused(Cpu& cpu)
{
    std::unique_lock lock(m_mutex);
    auto& state = m_cpus[cpu.address()];
    state.paused = true;
    m_changed.notify_all();
    while (state.hold && !m_group->ending() && !cpu.has_orders()) {
        m_changed.wait_for(lock, look_again);
        lock.unlock();
        cpu.answer_requests();
        lock.lock();
    }
    state.paused = false;
    if (state.hold)
        cpu.notify(Pending::pause); // an order comes first
}

void Debugger::stop_here(Cpu& cpu, Reason reason, u64 address)
{
    std::lock_guard lock(m_mutex);
    if (m_cpus[cpu.address()].hold)
        return; // another CPU was first
    m_stop = { .cpu = cpu.address(), .reason = reason, .address = address };
    hold_all_locked();
    m_on_stop();
}

std::optional<u64> Debugger::changed_watchpoint() const
{
    for (const auto& watchpoint : m_watchpoints) {
        const u8* now = m_group->storage().host() + watchpoint.absolute;
        if (std::memcmp(watchpoint.contents.data(), now, watchpoint.contents.size()) != 0)
            return watchpoint.address;
    }
    return {};
}

bool Debugger::before_instruction(Cpu& cpu, u64 address, u64, const isa::Row*)
{
    // No lock: what this looks at changes only while the CPU is paused.
    auto& state = m_cpus[cpu.address()];
    std::optional<Reason> reason;
    u64 watched = 0;
    if (auto changed = changed_watchpoint()) {
        reason = Reason::watchpoint;
        watched = *changed;
    } else if (state.stepping && state.stepped) {
        reason = Reason::step;
    } else if (state.passes != address && m_breakpoints.contains(address)) {
        reason = Reason::breakpoint;
    }
    if (reason) {
        stop_here(cpu, *reason, watched);
        return false;
    }
    if (state.passes == address)
        state.passes.reset();
    state.stepped = true;
    return true;
}

} // namespace zvisor::debug
