#include "channel/interruption_queue.h"

#include <algorithm>
#include <utility>

namespace zvisor {

namespace {

constexpr u32 adapter_bit = word_mask<0>;

constexpr u32 identification(u8 isc)
{
    return u32 { isc } << 27;
}

} // namespace

void InterruptionQueue::note(u8 isc)
{
    u8 mask = mask_of(isc);
    if (m_subclasses[isc].empty())
        m_pending.fetch_and(static_cast<u8>(~mask));
    else
        m_pending.fetch_or(mask);
}

void InterruptionQueue::add(SubsystemId id, u8 isc, u32 parameter)
{
    {
        std::lock_guard lock(m_mutex);
        auto& entries = m_subclasses[isc].subchannels;
        if (std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.subsystem_id == id.word; }))
            return;
        entries.push_back({ id.word, parameter, identification(isc) });
        note(isc);
    }
    if (m_listener)
        m_listener();
}

void InterruptionQueue::remove(SubsystemId id)
{
    std::lock_guard lock(m_mutex);
    for (u8 isc = 0; isc < subclasses; ++isc) {
        if (std::erase_if(m_subclasses[isc].subchannels, [&](const auto& entry) { return entry.subsystem_id == id.word; }))
            note(isc);
    }
}

void InterruptionQueue::add_adapter(u8 isc, bool suppressible)
{
    {
        std::lock_guard lock(m_mutex);
        Subclass& subclass = m_subclasses[isc];
        if (suppressible && subclass.mode == Mode::single) {
            if (subclass.suppressing)
                return;
            subclass.suppressing = true;
        }
        if (subclass.adapter)
            return;
        subclass.adapter = true;
        note(isc);
    }
    if (m_listener)
        m_listener();
}

void InterruptionQueue::set_mode(u8 isc, Mode mode)
{
    std::lock_guard lock(m_mutex);
    m_subclasses[isc].mode = mode;
    m_subclasses[isc].suppressing = false;
}

std::optional<IoInterruption> InterruptionQueue::take(u8 isc_mask)
{
    if (!pending(isc_mask))
        return {};
    std::lock_guard lock(m_mutex);
    for (u8 isc = 0; isc < subclasses; ++isc) {
        Subclass& subclass = m_subclasses[isc];
        if (!(mask_of(isc) & isc_mask) || subclass.empty())
            continue;
        IoInterruption interruption { 0, 0, adapter_bit | identification(isc) };
        if (!std::exchange(subclass.adapter, false)) {
            interruption = subclass.subchannels.front();
            subclass.subchannels.pop_front();
        }
        note(isc);
        return interruption;
    }
    return {};
}

void InterruptionQueue::clear()
{
    std::lock_guard lock(m_mutex);
    m_subclasses = {};
    m_pending = 0;
}

} // namespace zvisor
