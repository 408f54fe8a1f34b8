#include "control/door.h"

#include <cctype>
#include <charconv>

namespace zvisor {

namespace {

using Json = nlohmann::json;

[[nodiscard]] std::unexpected<Refusal> bad(std::string sentence)
{
    return std::unexpected(Refusal { Refusal::bad_request, std::move(sentence) });
}

/// Takes the part up to `end`, or all of it.
[[nodiscard]] std::string_view take_part(std::string_view& text, char end)
{
    auto place = text.find(end);
    auto part = text.substr(0, place);
    text.remove_prefix(place == std::string_view::npos ? text.size() : place + 1);
    return part;
}

/// Whether a path is of this form; what stands for its {parts} becomes arguments.
[[nodiscard]] bool matches(std::string_view form, std::string_view path, Json& arguments)
{
    Json found = Json::object();
    while (!form.empty() && !path.empty()) {
        auto wanted = take_part(form, '/');
        auto part = percent_decoded(take_part(path, '/'));
        if (!part)
            return false;
        if (wanted.starts_with('{'))
            found[std::string(wanted.substr(1, wanted.size() - 2))] = *part;
        else if (wanted != *part)
            return false;
    }
    if (!form.empty() || !path.empty())
        return false;
    arguments = std::move(found);
    return true;
}

[[nodiscard]] Outcome<const AnyOperation*> find_operation(const HttpRequest& request, std::string_view path, Json& arguments)
{
    std::string allowed;
    for (const auto& operation : all_operations()) {
        if (!matches(operation.path, path, arguments))
            continue;
        if (name_of(operation.verb) == request.method)
            return &operation;
        allowed.append(allowed.empty() ? "" : ", ").append(name_of(operation.verb));
    }
    if (!allowed.empty())
        return std::unexpected(Refusal { Refusal::bad_method, fmt::format("{} takes {}, not {}", path, allowed, request.method) });
    return std::unexpected(Refusal { Refusal::not_found, fmt::format("there is no {}; GET /openapi.json lists what there is", path) });
}

/// The parameter of this name and place; the error lists those there are.
[[nodiscard]] Outcome<const FieldInfo*> find_parameter(const AnyOperation& operation, Place place, std::string_view name)
{
    std::string names;
    for (const auto& field : operation.parameters) {
        if (field.rules.place != place)
            continue;
        if (field.name == name)
            return &field;
        names.append(names.empty() ? "" : ", ").append(field.name);
    }
    return bad(fmt::format("{} takes no '{}'{}{}", operation.name, name, names.empty() ? "" : "; it takes: ", names));
}

/// What a query's text says is a number, a truth or a text as the parameter wants it; else it stays text, which the check of types refuses.
[[nodiscard]] Json value_of(const FieldInfo& field, const std::string& text)
{
    auto type = field.schema.value("type", "");
    if (type == "boolean" && (text == "true" || text == "false"))
        return text == "true";
    u64 number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (type == "integer" && error == std::errc {} && end == text.data() + text.size())
        return number;
    return text;
}

[[nodiscard]] Outcome<void> take_query(const AnyOperation& operation, std::string_view query, Json& arguments)
{
    while (!query.empty()) {
        auto value = take_part(query, '&');
        auto name = percent_decoded(take_part(value, '='));
        auto text = percent_decoded(value);
        if (!name || !text)
            return bad("the query has an escape that is not understood");
        const auto* field = TRY(find_parameter(operation, Place::query, *name));
        arguments[*name] = value_of(*field, *text);
    }
    return {};
}

[[nodiscard]] Outcome<void> take_bytes(const AnyOperation& operation, const std::string& body, Json& arguments)
{
    for (const auto& field : operation.parameters)
        if (field.rules.whole_body) {
            arguments[std::string(field.name)] = body;
            return {};
        }
    return bad(fmt::format("{} takes a body of application/json", operation.name));
}

[[nodiscard]] Outcome<void> take_body(const AnyOperation& operation, const HttpRequest& request, Json& arguments)
{
    if (request.content_type.starts_with("application/octet-stream"))
        return take_bytes(operation, request.body, arguments);
    if (request.body.empty())
        return {};
    auto body = Json::parse(request.body, nullptr, false);
    if (!body.is_object())
        return bad("the body must be a JSON object");
    for (auto& [name, value] : body.items()) {
        TRY_VOID(find_parameter(operation, Place::body, name));
        arguments[name] = std::move(value);
    }
    return {};
}

[[nodiscard]] Outcome<Reply> carry_out(Call& call, const HttpRequest& request)
{
    std::string_view query = request.target;
    auto path = take_part(query, '?');
    Json arguments;
    const auto* operation = TRY(find_operation(request, path, arguments));
    TRY_VOID(take_query(*operation, query, arguments));
    TRY_VOID(take_body(*operation, request, arguments));
    call.raw = request.accept.starts_with("application/octet-stream");
    return operation->perform(call, arguments);
}

constexpr std::string_view hex_digits = "0123456789ABCDEF";

/// -1 for what is no digit.
[[nodiscard]] int hex_value(char digit)
{
    auto place = hex_digits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(digit))));
    return place == std::string_view::npos ? -1 : static_cast<int>(place);
}

[[nodiscard]] bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-._~").contains(c);
}

} // namespace

Reply answer(Call& call, const HttpRequest& request)
{
    try {
        auto reply = carry_out(call, request);
        return reply ? std::move(*reply) : reply_of(reply.error());
    } catch (const std::exception& exception) {
        return reply_of({ Refusal::fault, fmt::format("the machine cannot carry this out: {}", exception.what()) });
    }
}

std::optional<std::string> percent_decoded(std::string_view text)
{
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
            return std::nullopt;
        decoded += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
        i += 2;
    }
    return decoded;
}

std::string percent_encoded(std::string_view text)
{
    std::string encoded;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (is_plain(c))
            encoded += c;
        else
            encoded.append({ '%', hex_digits[byte >> 4], hex_digits[byte & 15] });
    }
    return encoded;
}

} // namespace zvisor
