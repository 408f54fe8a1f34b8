#pragma once

#include "difference.h"

#include <span>
#include <string_view>

namespace zvisor::differential {

/// The list of differences that were ruled on: what the oracle does otherwise than the Principles of Operation, and rows that
/// cannot be compared. The head of known.txt describes its lines.
class KnownList {
public:
    [[nodiscard]] static Result<KnownList> read(const std::string& path);

    [[nodiscard]] bool skips(std::string_view mnemonic) const;
    /// Whether a line covers a trial with these differences; counts it.
    [[nodiscard]] bool covers(const Trial& trial, std::span<const std::string> differing) const;

private:
    struct Entry {
        std::string rows;
        std::vector<std::string> conditions;
    };
    [[nodiscard]] static Result<void> check(const std::string& condition);
    static bool holds(std::string_view condition, const Trial& trial, std::span<const std::string> differing);

    std::vector<std::string> m_skipped;
    std::vector<Entry> m_entries;
};

/// Shell pattern over mnemonics; several may be separated by spaces.
[[nodiscard]] bool matches(const std::string& patterns, std::string_view mnemonic);

} // namespace zvisor::differential
