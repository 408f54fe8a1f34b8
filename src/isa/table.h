#pragma once

#include "isa/insn.h"

#include <string_view>
#include <vector>

namespace zvisor::isa {

/// A group with the name its file gives it, such as general_add.
struct NamedGroup {
    const char* name;
    const Group* group;
};
[[nodiscard]] const std::vector<NamedGroup>& all_groups();

/// Every row of every group, in the order of the groups.
[[nodiscard]] const std::vector<const Row*>& all_rows();

/// Length of an instruction from its first byte (PoP ch. 5, "Instruction Length").
[[nodiscard]] constexpr u8 instruction_length(u8 first_byte)
{
    return first_byte < 0x40 ? 2 : first_byte < 0xc0 ? 4 : 6;
}

/// The row of an instruction (bits left-aligned in 64), or null when no row has its opcode.
[[nodiscard]] const Row* find_row(u64 bits);
/// The row with this mnemonic (upper case), or null.
[[nodiscard]] const Row* find_row(std::string_view mnemonic);

/// The opcode of a row at its places in the instruction.
[[nodiscard]] u64 opcode_bits(const Row& row);

/// Fills in `op` for the instruction at `address`: its row's `run`, or one that raises the exception the instruction
/// gives under `mode` and `facilities` (operation, privileged operation, data, specification).
/// `row` receives the row, null when there is none.
void decode(Op& op, u64 bits, u64 address, u8 mode, const FacilitySet& facilities, const Row*& row);

/// The op that ends a block: leaves with Cpu::next at its own address.
void run_end_of_block(Cpu& c, const Op* op);

} // namespace zvisor::isa
