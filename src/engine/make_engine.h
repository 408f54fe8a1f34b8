#pragma once

#include "cpu/engine.h"
#include "engine/observer.h"
#include "storage/absolute_storage.h"

#include <memory>

namespace zvisor {

/// Ways to execute instructions: one at a time, as host code made from what they do, or both with their results compared.
enum class EngineKind : u8 { interpreter, translator, lockstep };

/// An engine for one CPU; where the host has no translator it is an interpreter. `observer`, if any, must outlive it.
[[nodiscard]] std::unique_ptr<Engine> make_engine(EngineKind kind, AbsoluteStorage& storage, Observer* observer);

} // namespace zvisor
