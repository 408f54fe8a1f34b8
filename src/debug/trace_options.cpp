#include "debug/trace_options.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>

namespace zvisor::debug {

namespace {

struct Kind {
    std::string_view name;
    bool TraceOptions::* on;
};
constexpr Kind kinds[] = { { "instructions", &TraceOptions::instructions }, { "interruptions", &TraceOptions::interruptions },
    { "channel", &TraceOptions::channel }, { "service", &TraceOptions::service } };

[[nodiscard]] bool parse_hex(std::string_view text, u64& value)
{
    if (text.starts_with("0x"))
        text.remove_prefix(2);
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return error == std::errc {} && end == text.data() + text.size();
}

[[nodiscard]] Result<void> parse_range(TraceOptions& options, std::string_view text)
{
    auto dash = text.find('-');
    bool valid = dash != std::string_view::npos && parse_hex(text.substr(0, dash), options.from)
        && parse_hex(text.substr(dash + 1), options.to) && options.from < options.to;
    if (!valid)
        return fail(fmt::format("--trace instructions:{}: expected FROM-TO, two hexadecimal addresses, the first below the second", text));
    return {};
}

} // namespace

Result<TraceOptions> TraceOptions::parse(std::string_view text)
{
    TraceOptions options;
    for (std::size_t start = 0; start <= text.size();) {
        auto comma = std::min(text.find(',', start), text.size());
        auto word = text.substr(start, comma - start);
        start = comma + 1;
        auto colon = std::min(word.find(':'), word.size());
        auto kind = std::ranges::find(kinds, word.substr(0, colon), &Kind::name);
        if (kind == std::end(kinds) || (colon < word.size() && kind->on != &TraceOptions::instructions))
            return fail(fmt::format("--trace '{}' is not known, expected instructions[:FROM-TO], interruptions, channel or service", word));
        options.*kind->on = true;
        if (colon < word.size())
            TRY_VOID(parse_range(options, word.substr(colon + 1)));
    }
    return options;
}

} // namespace zvisor::debug
