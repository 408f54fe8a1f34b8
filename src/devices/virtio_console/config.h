#pragma once

#include "base/result.h"
#include "base/types.h"

#include <string>
#include <string_view>

namespace zvisor {

/// A terminal line (hvc0 in Linux).
struct VirtioConsoleConfig {
    /// Size shown to the guest; 0 when unknown.
    u16 columns { 0 };
    u16 rows { 0 };

    /// From `` or `COLUMNSxROWS`, such as 80x24.
    [[nodiscard]] static Result<VirtioConsoleConfig> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
};

} // namespace zvisor
