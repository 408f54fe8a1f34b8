#pragma once

#include "isa/table.h"

#include <span>

namespace zvisor::isa {

/// Instructions of z/Architecture that no row executes, so that listings can name them: mnemonic, opcode and format, without
/// semantics. A row of all_rows() with the same opcode goes first.
[[nodiscard]] std::span<const Row> described_rows();
[[nodiscard]] const Row* find_described(u64 bits);
[[nodiscard]] const Row* find_described(std::string_view mnemonic);

} // namespace zvisor::isa
