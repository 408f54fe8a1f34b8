#pragma once

#include "ir/node.h"

#include <string>
#include <vector>

namespace zvisor::ir {

/// A node as people read it, without a newline: "%7 = load4 [%3] data". What it has no operands for is left out.
[[nodiscard]] std::string node_text(const Program& program, Id id);

/// The state of the guest that a snapshot names: "r1=%4 w2=%5 cc=compare_s8(%1, %2)".
[[nodiscard]] std::string snapshot_text(const Program& program, u32 snapshot);

/// Every node of the program, a line each; constants stand where they are used.
[[nodiscard]] std::vector<std::string> print(const Program& program);

} // namespace zvisor::ir
