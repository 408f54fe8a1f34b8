#pragma once

#include "base/types.h"

#include <string_view>
#include <vector>

namespace zvisor::isolation {

/// Blocks of 1 MiB that partitions begin with and have at most.
constexpr u64 initial_blocks = 4;
constexpr u64 most_blocks = 8;

/// What a partition whose name begins with HOSTILE does when it is typed at its console, each meant to break the firmware. One whose name
/// begins with HONEST could do the same, and is not asked to.
[[nodiscard]] std::vector<std::string_view> deeds_of_the_hostile();
/// How it then answers orders.
[[nodiscard]] std::vector<std::string_view> answers_of_the_hostile();

} // namespace zvisor::isolation
