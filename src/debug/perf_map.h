#pragma once

#include "base/result.h"
#include "debug/symbols.h"
#include "engine/translation_observer.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace zvisor::debug {

/// Tells `perf` of the host what translated code is: a line "START SIZE NAME" for each block, in the file where it looks.
/// Memory that is used again has a line for each use.
class PerfMap final : public TranslationObserver {
public:
    /// Takes lines of zvisor's own to the user.
    using Say = std::function<void(std::string_view line)>;

    /// Creates `path`, or writes it anew when it is a file of this user's alone: of an earlier process of the same number.
    /// `symbols` must outlive it.
    [[nodiscard]] static Result<std::unique_ptr<PerfMap>> create(const std::string& path, const Symbols& symbols, Say say);
    /// Where perf looks for the map of this process.
    [[nodiscard]] static std::string path_of_process();
    ~PerfMap() override;

    // TranslationObserver
    void made_shared_code(std::span<const u8> code) override;
    void translated(const TranslatedBlock& block) override;

private:
    PerfMap(int file, std::string path, const Symbols& symbols, Say say);
    void write(std::span<const u8> code, std::string_view name);

    int m_file;
    std::string m_path;
    const Symbols& m_symbols;
    Say m_say;
    /// Nothing is written after an error.
    std::atomic<bool> m_failed { false };
};

} // namespace zvisor::debug
