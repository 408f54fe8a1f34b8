#include "apps/zvisor/commands.h"
#include "arch/model.h"
#include "isa/facilities.h"

#include <fmt/format.h>

namespace zvisor {

namespace {

void list_models()
{
    for (const Model& model : models()) {
        OfferedModel offered = offer(model, isa::implemented_facilities());
        fmt::print("{:6} machine type {:04x}, {} facilities masked\n", model.name, model.machine_type, offered.masked.size());
    }
}

[[nodiscard]] int show_model(const std::string& name)
{
    auto model = find_model(name);
    if (!model) {
        fmt::print(stderr, "zvisor: {}\n", model.error().message);
        return ExitStatus::failure;
    }
    OfferedModel offered = offer(*model, isa::implemented_facilities());
    fmt::print("{}: machine type {:04x}\noffered:\n", model->name, model->machine_type);
    for (unsigned bit = 0; bit < FacilitySet::size; ++bit)
        if (offered.facilities.has_bit(bit))
            fmt::print("  {:3} {}\n", bit, facility_name(static_cast<Facility>(bit)));
    fmt::print("masked, because this version does not have the whole of them:\n");
    for (const std::string& facility : offered.masked)
        fmt::print("      {}\n", facility);
    return ExitStatus::success;
}

} // namespace

void add_models_command(CLI::App& app, Action& action)
{
    auto name = std::make_shared<std::string>();
    auto* command = app.add_subcommand("models", "List the CPU models, or the facilities of one");
    command->add_option("model", *name, "Model to show: z10 to z17, or max");
    command->callback([name, &action] {
        action = [name] {
            if (!name->empty())
                return show_model(*name);
            list_models();
            return ExitStatus::success;
        };
    });
}

} // namespace zvisor
