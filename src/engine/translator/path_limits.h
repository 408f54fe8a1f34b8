#pragma once

#include "base/types.h"

#include <cstddef>

namespace zvisor::path_limits {

/// Instructions of a round of a loop.
constexpr std::size_t most_in_round = 512;
constexpr std::size_t most_segments = 16;
/// An exit is followed when it was taken so much less often than the block was executed that a path was made of.
constexpr i32 sooner = 5;
/// What is executed that often is not followed again.
constexpr i32 most_entries = 1 << 30;

} // namespace zvisor::path_limits
