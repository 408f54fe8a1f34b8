#pragma once

#include "base/result.h"
#include "service/partition_activity.h"

#include <nlohmann/json.hpp>

namespace zvisor {

/// Adds what one order `activity` (prsm/activity_messages.h) tells to `activity`; an error when it is not of that form.
[[nodiscard]] Result<void> add_activity(const nlohmann::json& order, MachineActivity& activity);

} // namespace zvisor
