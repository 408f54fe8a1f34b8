#pragma once

#include "base/types.h"

#include <cstddef>

namespace zvisor {

class Cpu;

/// One decoded instruction, as engines keep it in their blocks. `run` executes it and goes on with the op behind it;
/// the last op of a block returns with Cpu::next set.
struct Op {
    using Run = void (*)(Cpu&, const Op*);
    static constexpr std::size_t operand_bytes = 23;

    Run run { nullptr };
    /// Address of the instruction (of the EXECUTE that names it, when executed as a target).
    u64 address { 0 };
    /// Operand values in the form the instruction's format defines.
    alignas(8) std::byte operands[operand_bytes] {};
    /// Instruction length in bytes: 2, 4 or 6.
    u8 length { 0 };
};

} // namespace zvisor
