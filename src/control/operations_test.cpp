#include "control/openapi.h"
#include "control/test_machine.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace zvisor {

namespace {

using Json = nlohmann::ordered_json;

[[nodiscard]] std::string small(std::string_view verb)
{
    std::string text(verb);
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// The names in braces in a path.
[[nodiscard]] std::set<std::string> parts_of(std::string_view path)
{
    std::set<std::string> parts;
    for (auto open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1))
        parts.emplace(path.substr(open + 1, path.find('}', open) - open - 1));
    return parts;
}

void collect_references(const Json& value, std::set<std::string>& references)
{
    if (auto reference = value.is_object() ? value.find("$ref") : value.end(); value.is_object() && reference != value.end())
        references.insert(reference->get<std::string>());
    if (value.is_structured())
        for (const auto& each : value)
            collect_references(each, references);
}

} // namespace

TEST(Operations, NamesAndRoutesAreUnique)
{
    std::set<std::string> names;
    std::set<std::string> routes;
    for (const auto& operation : all_operations()) {
        EXPECT_TRUE(names.emplace(operation.name).second) << operation.name;
        EXPECT_TRUE(routes.insert(fmt::format("{} {}", name_of(operation.verb), operation.path)).second) << operation.path;
    }
}

TEST(Operations, PartsOfThePathAreItsPathParameters)
{
    for (const auto& operation : all_operations()) {
        std::set<std::string> parameters;
        for (const auto& field : operation.parameters)
            if (field.rules.place == Place::path)
                parameters.emplace(field.name);
        EXPECT_EQ(parameters, parts_of(operation.path)) << operation.name;
    }
}

TEST(Operations, EveryRouteLeadsToItsOperation)
{
    TestMachine machine;
    for (const auto& operation : all_operations()) {
        std::string path(operation.path);
        if (auto name = path.find("{name}"); name != std::string::npos)
            path.replace(name, 6, "LP1");
        auto reply = machine.ask({ .method = std::string(name_of(operation.verb)), .target = path + "?unheard=of" });
        EXPECT_EQ(reply.status, Refusal::bad_request) << path;
        EXPECT_NE(reply.body.find(fmt::format("\"{} takes no 'unheard'", operation.name)), std::string::npos) << reply.body;
    }
}

TEST(Operations, EveryGetIsAnswered)
{
    TestMachine machine;
    for (const auto& operation : all_operations()) {
        std::string path(operation.path);
        if (auto name = path.find("{name}"); name != std::string::npos)
            path.replace(name, 6, "LP1");
        if (operation.verb != Verb::get)
            continue;
        auto reply = machine.get(path);
        EXPECT_EQ(reply.status, 200) << path << reply.body;
        EXPECT_TRUE(reply.content_type.starts_with(operation.content_type) || operation.content_type == "text/plain") << path;
    }
}

TEST(OpenApi, HasEachOperationAndNoOther)
{
    auto document = openapi_document(all_operations());
    std::size_t count = 0;
    for (const auto& path : document["paths"])
        count += path.size();
    EXPECT_EQ(count, all_operations().size());
    for (const auto& operation : all_operations()) {
        const auto& found = document["paths"][std::string(operation.path)][small(name_of(operation.verb))];
        EXPECT_EQ(found["operationId"], operation.name);
        EXPECT_EQ(found["summary"], operation.help);
    }
}

TEST(OpenApi, HasEachParameterOnce)
{
    auto document = openapi_document(all_operations());
    for (const auto& operation : all_operations()) {
        const auto& found = document["paths"][std::string(operation.path)][small(name_of(operation.verb))];
        std::size_t in_body
            = found.contains("requestBody") ? found["requestBody"]["content"]["application/json"]["schema"]["properties"].size() : 0;
        EXPECT_EQ(found["parameters"].size() + in_body, operation.parameters.size()) << operation.name;
    }
}

TEST(OpenApi, EveryReferenceIsThere)
{
    auto document = openapi_document(all_operations());
    std::set<std::string> references;
    collect_references(document, references);
    EXPECT_TRUE(references.contains("#/components/schemas/Error"));
    for (const auto& reference : references)
        EXPECT_TRUE(document.contains(nlohmann::json_pointer<std::string>(reference.substr(1)))) << reference;
}

} // namespace zvisor
