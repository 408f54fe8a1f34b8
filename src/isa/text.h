#pragma once

#include "base/result.h"
#include "isa/table.h"

#include <string>
#include <string_view>

namespace zvisor::isa {

/// The operands of an instruction (bits left-aligned) at `address` as the assembler writes them: "%r1,4(%r2,%r5)" style
/// with `register_prefix`, "1,4(2,5)" without; relative operands as the absolute address in hex.
[[nodiscard]] std::string print_operands(const Row& row, u64 bits, u64 address, bool register_prefix);

/// One operand of those.
[[nodiscard]] std::string print_operand(const OperandInfo& info, u64 bits, u64 address, bool register_prefix);

/// The address a relative operand designates.
[[nodiscard]] u64 relative_target(const OperandInfo& info, u64 bits, u64 address);

/// How many operands are written: trailing ones that may be left out are not when they are zero.
[[nodiscard]] std::size_t written_operands(const Row& row, u64 bits, bool last_is_optional = false);

/// Splits at commas outside parentheses.
[[nodiscard]] std::vector<std::string_view> split_operands(std::string_view text);

/// Encodes a row with operands written as print_operands writes them without prefix.
[[nodiscard]] Result<u64> assemble(const Row& row, std::string_view operands, u64 address);
/// Encodes "MNEMONIC operands"; the mnemonic (upper case) may be an extended one.
[[nodiscard]] Result<u64> assemble(std::string_view line, u64 address);

} // namespace zvisor::isa
