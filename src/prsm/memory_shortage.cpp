#include "prsm/memory_shortage.h"

#include <fstream>

namespace zvisor {

MemoryShortage::MemoryShortage(std::string counters)
    : m_counters(std::move(counters))
    , m_seen(ended_processes())
{
}

std::optional<u64> MemoryShortage::ended_processes() const
{
    std::ifstream file(m_counters);
    std::string name;
    u64 value = 0;
    while (file >> name >> value)
        if (name == "oom_kill")
            return value;
    return {};
}

bool MemoryShortage::there_is(Time now)
{
    auto ended = ended_processes();
    if (ended != m_seen)
        m_last = now;
    m_seen = ended;
    return m_last && now - *m_last <= lately;
}

} // namespace zvisor
