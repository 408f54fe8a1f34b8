#include "image/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor::image {

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at <= text.size();) {
        std::size_t end = std::min(text.find(separator, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

std::vector<std::string_view> lines_of(std::string_view text)
{
    auto lines = split(text, '\n');
    if (lines.back().empty())
        lines.pop_back(); // after the last line end
    return lines;
}

std::vector<std::string_view> words_of(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    std::vector<std::string_view> words;
    for (std::size_t at = 0; (at = text.find_first_not_of(blanks, at)) != std::string_view::npos;) {
        std::size_t end = std::min(text.find_first_of(blanks, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

std::string joined(std::span<const std::string_view> words)
{
    std::string text;
    for (auto word : words)
        text += fmt::format(" {}", word);
    return text;
}

std::string readable_size(u64 bytes)
{
    if (bytes >= 1'000'000'000)
        return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
    return fmt::format("{} MB", (bytes + 999'999) / 1'000'000);
}

} // namespace zvisor::image
