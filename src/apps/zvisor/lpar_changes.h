#pragma once

#include "apps/zvisor/commands.h"

namespace zvisor {

/// The sub-commands of `zvisor lpar` that change what a partition has: set and move-storage.
void add_lpar_changes(CLI::App& lpar, Action& action);

} // namespace zvisor
