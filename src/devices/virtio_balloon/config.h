#pragma once

#include "base/result.h"
#include "base/types.h"

#include <string>
#include <string_view>

namespace zvisor {

/// A balloon through which the guest gives storage back to the host.
struct VirtioBalloonConfig {
    /// Bytes the guest is asked to give back, a multiple of 4096.
    u64 target { 0 };

    /// From `` or `target=SIZE`, SIZE with an optional suffix K, M or G.
    [[nodiscard]] static Result<VirtioBalloonConfig> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
};

} // namespace zvisor
