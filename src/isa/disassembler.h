#pragma once

#include "isa/table.h"

#include <functional>
#include <span>
#include <string>

namespace zvisor::isa {

/// Writes an address an instruction names relative to itself; the default is plain hex.
using AddressWriter = std::function<std::string(u64 address)>;

/// One item of a disassembly.
struct Disassembly {
    /// Lower case; ".long", ".short" or ".byte" for what is no instruction.
    std::string mnemonic;
    std::string operands;
    /// Bytes the item takes, at least 1.
    u8 length { 0 };
    /// Null for what is no instruction.
    const Row* row { nullptr };

    /// Mnemonic and operands, with `separator` between when there are operands.
    [[nodiscard]] std::string text(std::string_view separator = " ") const;
};

/// What stands at `address`, in the words of `s390x-linux-gnu-objdump -d -M zarch`; `bytes` are those there are (not none),
/// only the first six matter.
[[nodiscard]] Disassembly disassemble(std::span<const u8> bytes, u64 address, const AddressWriter& write_address = {});
/// The same for an instruction's bits left-aligned in 64.
[[nodiscard]] Disassembly disassemble(u64 bits, u64 address, const AddressWriter& write_address = {});

} // namespace zvisor::isa
