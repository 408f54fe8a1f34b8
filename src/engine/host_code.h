#pragma once

#include "base/types.h"

#include <cstddef>
#include <span>
#include <string>

namespace zvisor {

/// An instruction of the host (x86-64).
struct HostInstruction {
    std::size_t length { 1 };
    /// As Intel writes it.
    std::string text;
};

/// The instruction that `code` begins with and that is executed at `address`; a byte that begins none is one by itself.
[[nodiscard]] HostInstruction disassemble_host(std::span<const u8> code, u64 address);

[[nodiscard]] u64 count_host_instructions(std::span<const u8> code);
/// Those of a routine that is executed from its beginning to its first RET.
[[nodiscard]] u64 count_host_routine(std::span<const u8> code);

} // namespace zvisor
