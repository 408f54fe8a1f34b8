#pragma once

#include "cpu/cpu.h"

#include <expected>

namespace zvisor {

/// An access to storage for translated code, with all that may happen: address, base register, and for those that have them a value and
/// what is expected to be replaced by it. Returns what storage held. Program interruptions are those of `Cpu::op`, and may be thrown too.
using SlowResult = std::expected<u64, ProgramInterruption>;
using SlowAccess = SlowResult(Cpu& cpu, u64 at, u8 base, u64 value, u64 expected);

// By log2 of the bytes. `in_code`: in the space of instructions.
[[nodiscard]] SlowAccess* slow_load(bool in_code, std::size_t size);
[[nodiscard]] SlowAccess* slow_store(bool in_code, std::size_t size);
/// None of 2 bytes.
[[nodiscard]] SlowAccess* slow_update(StorageUpdate update, std::size_t size);
/// Of 4 or 8 bytes.
[[nodiscard]] SlowAccess* slow_swap(std::size_t size);

} // namespace zvisor
