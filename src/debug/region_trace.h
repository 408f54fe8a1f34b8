#pragma once

#include "debug/symbols.h"
#include "engine/translation_observer.h"

#include <functional>
#include <mutex>
#include <string>

namespace zvisor::debug {

/// A translated block as people read it: each guest instruction, and below it what was recorded of it beside the host code of that.
[[nodiscard]] std::string list_block(const TranslatedBlock& block, const Symbols& symbols);

/// Waits for the block at one guest address to be translated, and keeps its listing.
class RegionTrace final : public TranslationObserver {
public:
    /// `path`: only what is executed often is waited for. `symbols` must outlive it.
    RegionTrace(u64 address, bool path, const Symbols& symbols);

    /// Is called once, when the block is there; before the machine runs.
    void on_found(std::function<void()> hook) { m_found_hook = std::move(hook); }
    /// The listing of the block that begins at the address; without one that of the first which has an instruction there; else empty.
    [[nodiscard]] std::string listing();

    // TranslationObserver
    void made_shared_code(std::span<const u8>) override { }
    void translated(const TranslatedBlock& block) override;

private:
    u64 m_address;
    bool m_path;
    const Symbols& m_symbols;
    std::function<void()> m_found_hook;
    std::mutex m_mutex; // what follows
    std::string m_found;
    std::string m_inside;
};

} // namespace zvisor::debug
