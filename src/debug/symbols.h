#pragma once

#include "base/result.h"
#include "base/types.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::debug {

/// Names of addresses, from an ELF file or a System.map. Immutable once made, so any thread may ask.
class Symbols {
public:
    struct Symbol {
        u64 address { 0 };
        /// 0 when it is not known: the symbol goes to the next one.
        u64 size { 0 };
        std::string name;
    };
    struct Place {
        const Symbol* symbol { nullptr };
        u64 offset { 0 };
    };

    Symbols() = default;
    /// Of several symbols at one address the first is told.
    explicit Symbols(std::vector<Symbol> symbols);

    /// Reads an s390x ELF file, or text with lines "address type name" as `nm` writes them.
    [[nodiscard]] static Result<Symbols> read(const std::string& path);
    [[nodiscard]] static Result<Symbols> parse(std::span<const u8> bytes, std::string_view path);

    [[nodiscard]] bool empty() const { return m_symbols.empty(); }
    /// By ascending address.
    [[nodiscard]] const std::vector<Symbol>& all() const { return m_symbols; }

    /// The symbol `address` belongs to.
    [[nodiscard]] std::optional<Place> find(u64 address) const;
    [[nodiscard]] std::optional<u64> address_of(std::string_view name) const;
    /// "name" or "name+0x12"; empty when no symbol is there.
    [[nodiscard]] std::string name(u64 address) const;

private:
    std::vector<Symbol> m_symbols;
};

} // namespace zvisor::debug
