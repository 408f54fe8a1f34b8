#pragma once

#include "base/result.h"
#include "base/types.h"

#include <string_view>

namespace zvisor::debug {

/// What is traced.
struct TraceOptions {
    bool instructions { false };
    /// Instructions at [from, to) only.
    u64 from { 0 };
    u64 to { ~u64 { 0 } };
    bool interruptions { false };
    bool channel { false };
    bool service { false };

    /// "instructions[:FROM-TO],interruptions,channel,service": any of them, addresses in hexadecimal.
    [[nodiscard]] static Result<TraceOptions> parse(std::string_view text);
};

} // namespace zvisor::debug
