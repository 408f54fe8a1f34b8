#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace zvisor {

/// A disk: an image file or a block device, seen by the guest as it is.
struct VirtioBlockConfig {
    std::string path;
    bool read_only { false };
    /// Shown as the disk's serial, at most 20 characters.
    std::string serial {};

    /// From `FILE[,ro][,serial=TEXT]`.
    [[nodiscard]] static Result<VirtioBlockConfig> parse(std::string_view text);
    /// What `parse` accepts.
    [[nodiscard]] std::string to_string() const;
};

} // namespace zvisor
