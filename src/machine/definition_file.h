#pragma once

#include "prsm/definition.h"

#include "base/result.h"

namespace zvisor {

/// Reads a machine of several partitions from a TOML file: `[machine]`, `[group.NAME]` and `[partition.NAME]`, where a partition takes
/// the keys of a machine file besides its own. An unknown key, a wrong type, a value out of range, or parts that do not fit together
/// are errors with file, line and what was expected.
[[nodiscard]] Result<MachineDefinition> read_machine_definition(const std::string& path);
/// The same from text that came from `path`.
[[nodiscard]] Result<MachineDefinition> parse_machine_definition(std::string_view text, const std::string& path);

} // namespace zvisor
