#include "base/size.h"

#include <cctype>
#include <charconv>
#include <fmt/format.h>

namespace zvisor {

Result<u64> parse_size(std::string_view text, std::string_view what)
{
    u64 value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    constexpr std::string_view units = "KMGT";
    unsigned shift = 0;
    if (!unit.empty()) {
        auto index = units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0]))));
        bool suffix = unit.size() == 1 || unit.substr(1) == "iB" || unit.substr(1) == "B";
        if (index == std::string_view::npos || !suffix)
            return fail(fmt::format("{} must be a size such as 512M or 2G, not '{}'", what, text));
        shift = 10 * (static_cast<unsigned>(index) + 1);
    }
    if (error != std::errc {} || text.empty() || value > ~u64 { 0 } >> shift)
        return fail(fmt::format("{} must be a size such as 512M or 2G, not '{}'", what, text));
    return value << shift;
}

std::string size_text(u64 bytes)
{
    constexpr std::string_view units = "KMGT";
    std::size_t unit = 0;
    u64 value = bytes;
    while (value != 0 && value % 1024 == 0 && unit < units.size()) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? std::to_string(bytes) : fmt::format("{}{}", value, units[unit - 1]);
}

} // namespace zvisor
