#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace zvisor {

/// An entropy source that gives the guest random bytes of the host. There is nothing to choose.
struct VirtioRngConfig {
    /// From the empty text.
    [[nodiscard]] static Result<VirtioRngConfig> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const { return {}; }
};

} // namespace zvisor
