#pragma once

#include "control/operation.h"

#include <span>

namespace zvisor {

/// The OpenAPI 3 document that describes these operations.
[[nodiscard]] nlohmann::ordered_json openapi_document(std::span<const AnyOperation> operations);

} // namespace zvisor
