#include "debug/symbols.h"

#include "debug/elf_file.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <numeric>
#include <utility>

namespace zvisor::debug {

namespace {

/// Beyond this a symbol without a size is not taken for the one an address belongs to.
constexpr u64 longest_without_size = 1 << 20;

[[nodiscard]] std::vector<Symbols::Symbol> from_elf(const ElfFile& file)
{
    std::vector<Symbols::Symbol> found;
    // At one address: functions, then global ones, then the rest.
    for (auto [function, global] : { std::pair(true, true), std::pair(true, false), std::pair(false, true), std::pair(false, false) })
        for (const auto& symbol : file.symbols)
            if (symbol.function == function && symbol.global == global)
                found.push_back({ symbol.address, symbol.size, symbol.name });
    return found;
}

/// "address type name", or nothing for another line.
[[nodiscard]] std::optional<Symbols::Symbol> parse_line(std::string_view line)
{
    u64 address = 0;
    auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), address, 16);
    auto rest = line.substr(static_cast<std::size_t>(end - line.data()));
    if (error != std::errc {} || rest.size() < 4 || rest[0] != ' ' || rest[2] != ' ')
        return {};
    auto name = rest.substr(3);
    return Symbols::Symbol { address, 0, std::string(name.substr(0, name.find_first_of(" \t\r"))) };
}

[[nodiscard]] Result<std::vector<Symbols::Symbol>> from_text(std::string_view text, std::string_view path)
{
    std::vector<Symbols::Symbol> found;
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty())
            continue;
        auto symbol = parse_line(line);
        if (!symbol)
            return fail(fmt::format("'{}' line {}: expected 'address type name' as in a System.map, or an s390x ELF file", path, number));
        found.push_back(std::move(*symbol));
    }
    return found;
}

} // namespace

Symbols::Symbols(std::vector<Symbol> symbols)
{
    std::vector<std::size_t> order(symbols.size());
    std::iota(order.begin(), order.end(), std::size_t { 0 });
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(symbols[i].address, i); });
    for (std::size_t i : order)
        if (m_symbols.empty() || m_symbols.back().address != symbols[i].address)
            m_symbols.push_back(std::move(symbols[i]));
}

Result<Symbols> Symbols::read(const std::string& path)
{
    auto bytes = TRY(read_bytes(path));
    return parse(bytes, path);
}

Result<Symbols> Symbols::parse(std::span<const u8> bytes, std::string_view path)
{
    std::vector<Symbol> symbols;
    if (ElfFile::is_elf(bytes))
        symbols = from_elf(TRY(ElfFile::parse(bytes, path)));
    else
        symbols = TRY(from_text({ reinterpret_cast<const char*>(bytes.data()), bytes.size() }, path));
    if (symbols.empty())
        return fail(fmt::format("'{}' has no symbols", path));
    return Symbols(std::move(symbols));
}

std::optional<Symbols::Place> Symbols::find(u64 address) const
{
    auto after = std::ranges::upper_bound(m_symbols, address, {}, &Symbol::address);
    if (after == m_symbols.begin())
        return {};
    const Symbol& symbol = *std::prev(after);
    u64 offset = address - symbol.address;
    bool inside = after != m_symbols.end() || offset < (symbol.size ? symbol.size : longest_without_size);
    if (!inside || offset >= std::max(symbol.size, longest_without_size))
        return {};
    return Place { &symbol, offset };
}

std::optional<u64> Symbols::address_of(std::string_view name) const
{
    auto found = std::ranges::find(m_symbols, name, &Symbol::name);
    if (found == m_symbols.end())
        return {};
    return found->address;
}

std::string Symbols::name(u64 address) const
{
    auto place = find(address);
    if (!place)
        return "";
    return place->offset == 0 ? place->symbol->name : fmt::format("{}+{:#x}", place->symbol->name, place->offset);
}

} // namespace zvisor::debug
