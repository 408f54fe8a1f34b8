#pragma once

#include "base/types.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zvisor {
class Cpu;
}

namespace zvisor::debug::gdb {

/// The target description: gdb's s390x features core, acr, fpr, vx and cr, with registers numbered in this order.
[[nodiscard]] const std::string& target_description();

[[nodiscard]] unsigned register_count();
/// A register's bytes in guest order; nothing for an unknown number. The CPU is paused.
[[nodiscard]] std::optional<std::vector<u8>> read_register(const Cpu& cpu, unsigned number);
/// False when the number is unknown or the size wrong.
[[nodiscard]] bool write_register(Cpu& cpu, unsigned number, std::span<const u8> bytes);

} // namespace zvisor::debug::gdb
