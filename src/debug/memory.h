#pragma once

#include "base/types.h"

#include <optional>
#include <span>

namespace zvisor {
class Cpu;
}

namespace zvisor::debug {

/// Absolute address of what `address` is to a CPU's program: through its tables as the PSW has it, else through the home
/// space's, else as a real address. Nothing of the machine changes: no reference bits, no exceptions, no TLB.
[[nodiscard]] std::optional<u64> absolute_address(const Cpu& cpu, u64 address);

/// How many bytes from `address` on could be read or written, ending at the first that is not there. The CPU is paused.
[[nodiscard]] std::size_t read_memory(const Cpu& cpu, u64 address, std::span<u8> to);
[[nodiscard]] std::size_t write_memory(Cpu& cpu, u64 address, std::span<const u8> from);

} // namespace zvisor::debug
