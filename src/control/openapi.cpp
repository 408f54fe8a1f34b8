#include "control/openapi.h"

#include "control/types.h"

#include <algorithm>
#include <cctype>

namespace zvisor {

namespace {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json content(std::string_view type, Json schema)
{
    return { { std::string(type), { { "schema", std::move(schema) } } } };
}

[[nodiscard]] Json parameters_of(const AnyOperation& operation)
{
    Json parameters = Json::array();
    for (const auto& field : operation.parameters) {
        if (field.rules.place == Place::body)
            continue;
        parameters.push_back({ { "name", field.name }, { "in", field.rules.place == Place::path ? "path" : "query" },
            { "description", field.help }, { "required", field.rules.required }, { "schema", field.schema } });
    }
    return parameters;
}

/// Null when the operation takes no body.
[[nodiscard]] Json request_body_of(const AnyOperation& operation)
{
    Json properties = Json::object();
    Json required = Json::array();
    bool bytes = false;
    for (const auto& field : operation.parameters) {
        if (field.rules.place != Place::body)
            continue;
        properties[std::string(field.name)] = field.schema;
        properties[std::string(field.name)]["description"] = field.help;
        bytes |= field.rules.whole_body;
        if (field.rules.required)
            required.push_back(field.name);
    }
    if (properties.empty())
        return {};
    Json schema { { "type", "object" }, { "properties", properties }, { "additionalProperties", false } };
    if (!required.empty())
        schema["required"] = required;
    Json body { { "required", !required.empty() }, { "content", content("application/json", schema) } };
    if (bytes)
        body["content"]["application/octet-stream"] = { { "schema", { { "type", "string" }, { "format", "binary" } } } };
    return body;
}

[[nodiscard]] Json responses_of(const AnyOperation& operation)
{
    Json schema { { "type", "string" } };
    if (!operation.answer_schema.empty())
        schema = { { "$ref", fmt::format("#/components/schemas/{}", operation.answer_schema) } };
    Json error { { "$ref", fmt::format("#/components/schemas/{}", ErrorInfo::schema_name) } };
    return { { "200", { { "description", "Done" }, { "content", content(operation.content_type, std::move(schema)) } } },
        { "default", { { "description", "Not done" }, { "content", content("application/json", std::move(error)) } } } };
}

[[nodiscard]] Json description_of(const AnyOperation& operation)
{
    Json description { { "operationId", operation.name }, { "summary", operation.help }, { "parameters", parameters_of(operation) } };
    if (auto body = request_body_of(operation); !body.is_null())
        description["requestBody"] = std::move(body);
    description["responses"] = responses_of(operation);
    return description;
}

[[nodiscard]] std::string in_small_letters(std::string_view text)
{
    std::string small(text);
    std::ranges::transform(small, small.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return small;
}

} // namespace

nlohmann::ordered_json openapi_document(std::span<const AnyOperation> operations)
{
    Json paths = Json::object();
    Json schemas = Json::object();
    for (const auto& operation : operations) {
        paths[std::string(operation.path)][in_small_letters(name_of(operation.verb))] = description_of(operation);
        operation.add_answer_schemas(schemas);
    }
    add_schemas<ErrorInfo>(schemas);
    return { { "openapi", "3.0.3" }, { "info", { { "title", "zvisor: a machine of logical partitions" }, { "version", "1" } } },
        { "paths", std::move(paths) }, { "components", { { "schemas", std::move(schemas) } } } };
}

} // namespace zvisor
