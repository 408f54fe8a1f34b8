#pragma once

#include "base/types.h"

#include <map>
#include <string_view>

namespace zvisor {

/// What an engine that translates did, for people.
struct EngineStatistics {
    // Blocks as they were made:
    u64 blocks { 0 };
    /// Of these, made at a place where there had been one.
    u64 made_again { 0 };
    u64 dropped { 0 };
    /// How often all were forgotten because the memory for code was used up.
    u64 fillings { 0 };
    u64 instructions { 0 };
    u64 host_bytes { 0 };
    u64 host_instructions { 0 };
    u64 nanoseconds { 0 };

    // As they were executed; what handlers and slow accesses execute is not counted as host instructions:
    u64 executions { 0 };
    u64 executed { 0 };
    /// Of these, on paths.
    u64 executed_on_paths { 0 };
    u64 host_executed { 0 };
    /// Accesses to storage that took more than a look into the TLB.
    u64 slow_accesses { 0 };
    /// Instructions that the interpreter executed.
    u64 interpreted { 0 };
    /// Instructions of translated code that their handlers executed, by mnemonic.
    std::map<std::string_view, u64> handlers;

    EngineStatistics& operator+=(const EngineStatistics& other);
};

} // namespace zvisor
