#pragma once

#include "base/result.h"
#include "base/types.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace zvisor {

/// Where an argument of an operation stands in its request. Members of answers are all in the body.
enum class Place : u8 { body, path, query };

/// What a member must be like, beyond its type.
struct FieldRules {
    Place place { Place::body };
    bool required { false };
    /// Range of a number; of a text's length in bytes.
    u64 least { 0 };
    u64 most { ~u64 { 0 } };
    /// A body of application/octet-stream is this member's value.
    bool whole_body { false };
};

/// One member of a struct that goes over the wire.
template<class T, class M>
struct Field {
    std::string_view name;
    M T::* member;
    std::string_view help;
    FieldRules rules;
};

template<class T, class M>
[[nodiscard]] constexpr Field<T, M> field(std::string_view name, M T::* member, std::string_view help, FieldRules rules = {})
{
    return { name, member, help, rules };
}

/// A struct that goes over the wire: `fields()` is a tuple of its members and `schema_name` its name in the OpenAPI document. From these
/// follow its JSON form in both directions, the checks of arguments, and the schema.
template<class T>
concept Wire = requires {
    T::fields();
    T::schema_name;
};

template<class M>
struct IsOptional : std::false_type { };
template<class M>
struct IsOptional<std::optional<M>> : std::true_type { };
template<class M>
struct IsVector : std::false_type { };
template<class M>
struct IsVector<std::vector<M>> : std::true_type { };

// ---- Writing ---------------------------------------------------------------------------------------------------------

template<class M>
[[nodiscard]] nlohmann::ordered_json to_wire(const M& value)
{
    if constexpr (Wire<M>) {
        auto object = nlohmann::ordered_json::object();
        auto add = [&](const auto& each) {
            // What is nothing is not said.
            if (auto member = to_wire(value.*each.member); !member.is_null())
                object[std::string(each.name)] = std::move(member);
        };
        std::apply([&](const auto&... each) { (add(each), ...); }, M::fields());
        return object;
    } else if constexpr (IsOptional<M>::value) {
        return value ? to_wire(*value) : nlohmann::ordered_json();
    } else if constexpr (IsVector<M>::value) {
        auto array = nlohmann::ordered_json::array();
        for (const auto& item : value)
            array.push_back(to_wire(item));
        return array;
    } else {
        return value;
    }
}

/// JSON text; what a guest wrote that is no UTF-8 is replaced.
[[nodiscard]] inline std::string json_text(const nlohmann::ordered_json& value, int indent = -1)
{
    return value.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// ---- Reading ---------------------------------------------------------------------------------------------------------

template<Wire T>
[[nodiscard]] Result<void> read_wire(const nlohmann::json& object, T& target);

namespace detail {

[[nodiscard]] inline std::unexpected<Error> not_in_range(std::string_view name, std::string_view what, const FieldRules& rules)
{
    if (rules.most == ~u64 { 0 })
        return fail(fmt::format("'{}' must be {} of at least {}", name, what, rules.least));
    return fail(fmt::format("'{}' must be {} of {} to {}", name, what, rules.least, rules.most));
}

template<class M>
[[nodiscard]] Result<void> read_number(const nlohmann::json& value, M& target, std::string_view name, const FieldRules& rules)
{
    u64 most = std::min<u64>(rules.most, std::numeric_limits<M>::max());
    if (!value.is_number_unsigned() || value.get<u64>() < rules.least || value.get<u64>() > most)
        return not_in_range(name, "a whole number", { .least = rules.least, .most = most });
    target = value.get<M>();
    return {};
}

[[nodiscard]] inline Result<void> read_text(
    const nlohmann::json& value, std::string& target, std::string_view name, const FieldRules& rules)
{
    if (!value.is_string())
        return fail(fmt::format("'{}' must be a text", name));
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() < rules.least || text.size() > rules.most)
        return not_in_range(name, "a text with a length", rules);
    target = text;
    return {};
}

template<class M>
[[nodiscard]] Result<void> read_value(const nlohmann::json& value, M& target, std::string_view name, const FieldRules& rules)
{
    if constexpr (std::is_same_v<M, bool>) {
        if (!value.is_boolean())
            return fail(fmt::format("'{}' must be true or false", name));
        target = value.get<bool>();
    } else if constexpr (std::is_floating_point_v<M>) {
        auto in_range
            = [&](double number) { return number >= static_cast<double>(rules.least) && number <= static_cast<double>(rules.most); };
        if (!value.is_number() || !in_range(value.get<double>()))
            return not_in_range(name, "a number", rules);
        target = value.get<M>();
    } else if constexpr (IsOptional<M>::value) {
        return read_value(value, target.emplace(), name, rules);
    } else if constexpr (std::is_unsigned_v<M>) {
        return read_number(value, target, name, rules);
    } else if constexpr (std::is_same_v<M, std::string>) {
        return read_text(value, target, name, rules);
    } else if constexpr (Wire<M>) {
        return read_wire(value, target);
    } else {
        static_assert(IsVector<M>::value);
        if (!value.is_array())
            return fail(fmt::format("'{}' must be an array", name));
        for (const auto& item : value)
            TRY_VOID(read_value(item, target.emplace_back(), name, FieldRules {}));
    }
    return {};
}

template<class T, class M>
[[nodiscard]] Result<void> read_field(const nlohmann::json& object, T& target, const Field<T, M>& field)
{
    auto found = object.find(field.name);
    if (found != object.end())
        return read_value(*found, target.*field.member, field.name, field.rules);
    if (field.rules.required)
        return fail(fmt::format("'{}' is missing", field.name));
    return {};
}

} // namespace detail

/// Reads members from an object; those it does not have keep their values in `target`, those that are unknown are ignored.
template<Wire T>
Result<void> read_wire(const nlohmann::json& object, T& target)
{
    if (!object.is_object())
        return fail("expected a JSON object");
    Result<void> done;
    auto read = [&](const auto& each) { return (done = detail::read_field(object, target, each)).has_value(); };
    std::apply([&](const auto&... each) { return (read(each) && ...); }, T::fields());
    return done;
}

// ---- Describing ------------------------------------------------------------------------------------------------------

/// A member without its type, for whoever walks over the members of all structs.
struct FieldInfo {
    std::string_view name;
    std::string_view help;
    FieldRules rules;
    nlohmann::ordered_json schema;
};

template<class M>
[[nodiscard]] nlohmann::ordered_json schema_of(const FieldRules& rules = {})
{
    if constexpr (Wire<M>) {
        return { { "$ref", fmt::format("#/components/schemas/{}", M::schema_name) } };
    } else if constexpr (IsVector<M>::value) {
        return { { "type", "array" }, { "items", schema_of<typename M::value_type>() } };
    } else if constexpr (std::is_same_v<M, bool>) {
        return { { "type", "boolean" } };
    } else if constexpr (IsOptional<M>::value) {
        return schema_of<typename M::value_type>(rules);
    } else if constexpr (std::is_floating_point_v<M>) {
        nlohmann::ordered_json schema { { "type", "number" }, { "minimum", rules.least } };
        if (rules.most != ~u64 { 0 })
            schema["maximum"] = rules.most;
        return schema;
    } else if constexpr (std::is_unsigned_v<M>) {
        u64 most = std::min<u64>(rules.most, std::numeric_limits<M>::max());
        return { { "type", "integer" }, { "minimum", rules.least }, { "maximum", most } };
    } else {
        static_assert(std::is_same_v<M, std::string>);
        nlohmann::ordered_json schema { { "type", "string" } };
        if (rules.least != 0)
            schema["minLength"] = rules.least;
        if (rules.most != ~u64 { 0 })
            schema["maxLength"] = rules.most;
        return schema;
    }
}

template<Wire T>
[[nodiscard]] std::vector<FieldInfo> describe_fields()
{
    std::vector<FieldInfo> fields;
    auto add = [&]<class M>(const Field<T, M>& each) { fields.push_back({ each.name, each.help, each.rules, schema_of<M>(each.rules) }); };
    std::apply([&](const auto&... each) { (add(each), ...); }, T::fields());
    return fields;
}

/// Adds the schema of a struct, and of those in it, to the schemas of a document.
template<class M>
void add_schemas(nlohmann::ordered_json& schemas)
{
    if constexpr (IsVector<M>::value) {
        add_schemas<typename M::value_type>(schemas);
    } else if constexpr (Wire<M>) {
        auto properties = nlohmann::ordered_json::object();
        for (const auto& each : describe_fields<M>()) {
            properties[std::string(each.name)] = each.schema;
            if (!each.schema.contains("$ref"))
                properties[std::string(each.name)]["description"] = each.help;
        }
        schemas[std::string(M::schema_name)] = { { "type", "object" }, { "properties", properties } };
        auto add = [&]<class T, class N>(const Field<T, N>&) { add_schemas<N>(schemas); };
        std::apply([&](const auto&... each) { (add(each), ...); }, M::fields());
    }
}

} // namespace zvisor
