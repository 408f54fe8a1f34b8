#include "prsm/virtual_world.h"

#include "base/verify.h"

#include <algorithm>

namespace zvisor::prsm {

void VirtualWorld::add(PartitionId id, u32 cpus, PartitionShare share, const Behaviour& behaviour)
{
    VERIFY(policy.add(now, id, cpus, cpus, std::move(share)).has_value());
    for (u16 i = 0; i < cpus; ++i)
        start({ id, i }, behaviour);
}

void VirtualWorld::start(LogicalCpu id, Behaviour behaviour)
{
    Cpu& cpu = m_cpus[id];
    cpu.behaviour = std::move(behaviour);
    if (!cpu.runs && !cpu.ready)
        cpu.wakes_at = now;
}

void VirtualWorld::stop(LogicalCpu id)
{
    Cpu& cpu = m_cpus.at(id);
    policy.became_idle(now, id);
    cpu.runs = cpu.ready = false;
    cpu.wakes_at = cpu.gives_back_at = endless;
}

void VirtualWorld::decide()
{
    ++decisions;
    auto result = policy.decide(now);
    for (LogicalCpu id : result.displaced) {
        // The host runs who came in its place.
        VERIFY(m_cpus.at(id).runs);
        m_cpus.at(id).runs = false;
        m_cpus.at(id).gives_back_at = std::min(m_cpus.at(id).gives_back_at, now + give_back_time);
    }
    for (LogicalCpu id : result.resumed) {
        VERIFY(!m_cpus.at(id).runs && m_cpus.at(id).gives_back_at > now);
        m_cpus.at(id).runs = true;
        m_cpus.at(id).gives_back_at = endless;
    }
    for (const auto& grant : result.grants) {
        Cpu& cpu = m_cpus.at(grant.cpu);
        VERIFY(cpu.ready && !cpu.runs);
        cpu.ready = false;
        cpu.runs = true;
        if (cpu.woke)
            cpu.latencies.push_back(now - cpu.ready_since);
        cpu.woke = false;
        cpu.moves += cpu.physical && cpu.physical != grant.physical;
        cpu.physical = grant.physical;
    }
    for (LogicalCpu id : result.take_back) {
        VERIFY(m_cpus.at(id).runs);
        ++take_backs;
        m_cpus.at(id).gives_back_at = now + give_back_time;
    }
}

nanoseconds VirtualWorld::next_event() const
{
    nanoseconds next = policy.next_decision().value_or(endless);
    for (const auto& [id, cpu] : m_cpus) {
        next = std::min({ next, cpu.wakes_at, cpu.gives_back_at });
        if (cpu.runs)
            next = std::min(next, now + cpu.work_left);
    }
    return next;
}

void VirtualWorld::pass_to(nanoseconds time)
{
    for (auto& [id, cpu] : m_cpus)
        if (cpu.runs) {
            cpu.used += time - now;
            cpu.work_left -= time - now;
        }
    now = time;
}

void VirtualWorld::act(LogicalCpu id, Cpu& cpu)
{
    if (cpu.wakes_at <= now) {
        cpu.wakes_at = endless;
        cpu.work_left = cpu.behaviour.runs();
        cpu.ready = cpu.woke = true;
        cpu.ready_since = now;
        policy.became_ready(now, id);
    } else if (cpu.runs && cpu.work_left.count() <= 0) {
        cpu.runs = false;
        cpu.gives_back_at = endless;
        bool yields = cpu.behaviour.yield.yields || cpu.behaviour.yield.to;
        if (yields) {
            cpu.ready = true;
            cpu.work_left = cpu.behaviour.runs();
            policy.gave_back(now, id, cpu.behaviour.yield);
        } else {
            cpu.wakes_at = now + cpu.behaviour.sleeps();
            policy.became_idle(now, id);
        }
    } else if (cpu.gives_back_at <= now) {
        cpu.gives_back_at = endless;
        cpu.runs = false;
        cpu.ready = true;
        policy.gave_back(now, id);
    }
}

void VirtualWorld::run_for(nanoseconds time)
{
    nanoseconds end = now + time;
    for (;;) {
        for (auto& [id, cpu] : m_cpus)
            act(id, cpu);
        decide();
        nanoseconds next = next_event();
        if (next >= end)
            break;
        pass_to(std::max(next, now));
    }
    pass_to(end);
}

nanoseconds VirtualWorld::used(PartitionId id) const
{
    nanoseconds sum {};
    for (const auto& [cpu, state] : m_cpus)
        if (cpu.partition == id)
            sum += state.used;
    return sum;
}

} // namespace zvisor::prsm
