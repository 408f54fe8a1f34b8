#include "cpu/engine_statistics.h"

namespace zvisor {

EngineStatistics& EngineStatistics::operator+=(const EngineStatistics& other)
{
    constexpr u64 EngineStatistics::* figures[] { &EngineStatistics::blocks, &EngineStatistics::made_again, &EngineStatistics::dropped,
        &EngineStatistics::fillings, &EngineStatistics::instructions, &EngineStatistics::host_bytes, &EngineStatistics::host_instructions,
        &EngineStatistics::nanoseconds, &EngineStatistics::executions, &EngineStatistics::executed, &EngineStatistics::executed_on_paths,
        &EngineStatistics::host_executed, &EngineStatistics::slow_accesses, &EngineStatistics::interpreted };
    for (auto figure : figures)
        this->*figure += other.*figure;
    for (const auto& [mnemonic, count] : other.handlers)
        handlers[mnemonic] += count;
    return *this;
}

} // namespace zvisor
