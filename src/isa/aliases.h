#pragma once

#include "base/result.h"
#include "isa/table.h"

#include <string>
#include <string_view>

namespace zvisor::isa {

/// An extended mnemonic: an instruction some of whose bits the mnemonic says instead of an operand (PoP appendix B and ch. 7, "Branch").
struct Alias {
    /// Upper case.
    std::string mnemonic;
    const Row* row { nullptr };
    /// The bits it stands for are those of `mask`, with `value`.
    u64 mask { 0 };
    u64 value { 0 };
    /// Operands that are not written: bit i for operand i of the row.
    u32 hidden { 0 };
    /// The last operand may be left out when it is zero.
    bool optional_last { false };
};

/// The alias binutils prefers for an instruction of `row`: the one that says most; null when none applies.
[[nodiscard]] const Alias* find_alias(const Row& row, u64 bits);
/// The alias with this mnemonic (upper case), or null.
[[nodiscard]] const Alias* find_alias(std::string_view mnemonic);
/// Every alias whose base instruction has a row.
[[nodiscard]] const std::vector<Alias>& all_aliases();

/// Encodes the operands that stay beside the alias's own.
[[nodiscard]] Result<u64> assemble(const Alias& alias, std::string_view operands, u64 address);

} // namespace zvisor::isa
