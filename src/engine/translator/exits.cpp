#include "engine/translator/exits.h"

namespace zvisor {

void Exits::lead(u32 number, Incoming& to)
{
    Entry& entry = m_all[number];
    if (entry.on == &to)
        return;
    take_off(entry);
    entry.on = &to;
    entry.next = to.m_first;
    if (to.m_first != none)
        m_all[to.m_first].previous = number;
    to.m_first = number;
}

void Exits::take_off(Entry& entry)
{
    if (!entry.on)
        return;
    if (entry.next != none)
        m_all[entry.next].previous = entry.previous;
    if (entry.previous != none)
        m_all[entry.previous].next = entry.next;
    else
        entry.on->m_first = entry.next;
    entry.on = nullptr;
    entry.previous = entry.next = none;
}

} // namespace zvisor
