#pragma once

#include "base/result.h"
#include "base/size.h"
#include "base/types.h"

#include <fmt/format.h>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <toml++/toml.h>

namespace zvisor {

/// One key of a TOML file that describes a T: how its value goes into it.
template<class T>
struct TomlKey {
    std::string_view name;
    /// What the value must be, for messages.
    std::string_view expected;
    /// False when the value is of another type.
    std::function<Result<bool>(T&, const toml::node&)> set;
};

/// Where a TOML value stands, for messages.
[[nodiscard]] inline std::string place_of(std::string_view path, const toml::node& node)
{
    return fmt::format("{}:{}", path, node.source().begin.line);
}

/// A key whose value is a member as it stands.
template<class T, class Value>
[[nodiscard]] TomlKey<T> plain_key(std::string_view name, std::string_view expected, Value T::* member)
{
    return { name, expected, [member](T& target, const toml::node& node) -> Result<bool> {
                auto value = node.value_exact<Value>();
                if (value)
                    target.*member = *value;
                return value.has_value();
            } };
}

template<class T>
[[nodiscard]] TomlKey<T> text_key(std::string_view name, std::string T::* member)
{
    return plain_key(name, "a string", member);
}

/// A key with a whole number of `least` to `most`.
template<class T, class Value>
[[nodiscard]] TomlKey<T> number_key(std::string_view name, i64 least, i64 most, Value T::* member)
{
    return { name, "an integer", [=](T& target, const toml::node& node) -> Result<bool> {
                auto value = node.value_exact<i64>();
                if (value && (*value < least || *value > most))
                    return fail(fmt::format("{} must be {} to {}, not {}", name, least, most, *value));
                if (value)
                    target.*member = static_cast<Value>(*value);
                return value.has_value();
            } };
}

/// A key whose text `parse` (text → Result<value>) understands.
template<class T, class Member, class Parse>
[[nodiscard]] TomlKey<T> parsed_key(std::string_view name, std::string_view expected, Member T::* member, Parse parse)
{
    return { name, expected, [=](T& target, const toml::node& node) -> Result<bool> {
                if (auto text = node.value_exact<std::string>())
                    target.*member = TRY(parse(*text));
                return node.is_string();
            } };
}

/// A key with a size such as "1G".
template<class T>
[[nodiscard]] TomlKey<T> size_key(std::string_view name, u64 T::* member)
{
    return parsed_key(name, "a string such as \"1G\"", member, [name](std::string_view text) { return parse_size(text, name); });
}

/// Gives `node` to the key of this name. Errors begin with file and line.
template<class T>
[[nodiscard]] Result<void> set_key(
    std::span<const TomlKey<T>> keys, T& target, std::string_view path, std::string_view name, const toml::node& node)
{
    std::string names;
    for (const auto& key : keys) {
        names.append(names.empty() ? "" : ", ").append(key.name);
        if (key.name != name)
            continue;
        auto done = key.set(target, node);
        if (!done)
            return fail(fmt::format("{}: {}", place_of(path, node), done.error().message));
        if (!*done)
            return fail(fmt::format("{}: '{}' must be {}", place_of(path, node), name, key.expected));
        return {};
    }
    return fail(fmt::format("{}: unknown key '{}', expected one of: {}", place_of(path, node), name, names));
}

/// Reads and parses a file; errors name it and the line.
[[nodiscard]] Result<toml::table> read_toml(const std::string& path);
/// Parses text that came from `path`.
[[nodiscard]] Result<toml::table> parse_toml(std::string_view text, const std::string& path);

} // namespace zvisor
