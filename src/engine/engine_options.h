#pragma once

#include "base/types.h"

#include <cstddef>

namespace zvisor {

class Observer;
class TranslationObserver;

/// Ways to execute instructions: one at a time, as host code made from what they do, or both with their results compared.
enum class EngineKind : u8 { interpreter, translator, lockstep };

/// How often a block is interpreted before the CPU's thread translates it.
constexpr u8 executions_before_translation = 50;
/// The same when that is done beside it, and there is much memory for code.
constexpr u8 executions_before_translation_beside = 12;
constexpr std::size_t much_memory_for_code = std::size_t { 64 } << 20;

/// How an engine works. What is pointed to must outlive it.
struct EngineOptions {
    EngineKind kind { EngineKind::translator };
    /// Bytes of memory for the translated code of one CPU; a multiple of 1 MiB.
    std::size_t code_bytes { std::size_t { 96 } << 20 };
    /// Host code is made on a thread beside the CPU's, which goes on meanwhile.
    bool beside { false };
    /// Sees every instruction while a CPU is in careful mode.
    Observer* observer { nullptr };
    /// Counts for Engine::statistics; translated code is slower for it.
    bool statistics { false };
    /// Sees every block that is translated.
    TranslationObserver* translations { nullptr };
};

} // namespace zvisor
