#pragma once

#include "cpu/engine.h"
#include "engine/engine_options.h"
#include "storage/absolute_storage.h"

#include <memory>

namespace zvisor {

/// An engine for one CPU; where the host has no translator it is an interpreter.
[[nodiscard]] std::unique_ptr<Engine> make_engine(AbsoluteStorage& storage, const EngineOptions& options);

} // namespace zvisor
