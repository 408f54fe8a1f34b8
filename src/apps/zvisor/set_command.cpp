// zvisor set: properties of a partition of a running machine.

#include "apps/zvisor/remote.h"
#include "control/places.h"

#include <algorithm>

namespace zvisor {

namespace {

struct SetOptions : RemoteOptions {
    std::string name;
    std::vector<std::string> properties;
};

/// Names of the properties, as the door describes them.
[[nodiscard]] std::vector<FieldInfo> known_properties()
{
    auto fields = describe_fields<PartitionProperties>();
    std::erase_if(fields, [](const FieldInfo& field) { return field.rules.place != Place::body; });
    return fields;
}

/// What KEY=VALUE texts ask for; the machine checks the values once more.
[[nodiscard]] Result<PartitionProperties> properties_of(const SetOptions& options)
{
    std::string names;
    auto known = known_properties();
    for (const auto& field : known)
        names.append(names.empty() ? "" : ", ").append(field.name);
    nlohmann::json object { { "name", options.name } };
    for (const auto& text : options.properties) {
        auto equals = text.find('=');
        auto key = text.substr(0, equals);
        if (equals == std::string::npos)
            return fail(fmt::format("'{}' must be KEY=VALUE such as weight=300", text));
        if (std::ranges::find(known, key, &FieldInfo::name) == known.end())
            return fail(fmt::format("there is no property '{}', expected one of: {}", key, names));
        auto value = nlohmann::json::parse(text.substr(equals + 1), nullptr, false);
        object[key] = value.is_discarded() ? nlohmann::json(text.substr(equals + 1)) : value;
    }
    PartitionProperties properties;
    TRY_VOID(read_wire(object, properties));
    return properties;
}

[[nodiscard]] Result<int> set(const SetOptions& options)
{
    auto properties = TRY(properties_of(options));
    Client client(TRY(find_machine(options.machine)));
    auto partition = TRY(client.call(operations::set_properties, properties));
    if (options.json)
        print_json(to_wire(partition));
    else
        fmt::print("{}: weight {}, {}, cap {}\n", partition.name, partition.weight, partition.capped ? "capped" : "not capped",
            partition.cap > 0 ? fmt::format("{:g}", partition.cap) : "none");
    return ExitStatus::success;
}

} // namespace

void add_set_command(CLI::App& app, Action& action)
{
    auto options = std::make_shared<SetOptions>();
    auto* command = app.add_subcommand("set", std::string(operations::set_properties.help));
    add_remote_options(*command, *options);
    command->add_option("name", options->name, "Name of the partition")->type_name(partition_type)->required();
    command->add_option("properties", options->properties, "What to change")->type_name("KEY=VALUE")->required();
    std::string footer = "Properties:\n";
    for (const auto& field : known_properties())
        footer += fmt::format("  {:8} {}\n", field.name, field.help);
    command->footer(footer + "Example:\n  zvisor set LP1 weight=300 cap=1.5");
    set_work(*command, action, options, set);
}

} // namespace zvisor
