#include "image/package_file.h"

#include "image/process.h"
#include "image/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace zvisor::image {

namespace {

Result<void> for_each_tar_member(const std::filesystem::path& file, const char* member, const Interrupt& interrupt,
    const std::function<Result<void>(const TarEntry&, TarReader&)>& take)
{
    auto child = TRY(Child::start({ { "dpkg-deb", member, file.string() } }, interrupt));
    TarReader reader([&](std::span<char> buffer) { return child.read(buffer); });
    auto read_members = [&]() -> Result<void> {
        while (auto entry = TRY(reader.next()))
            TRY(take(*entry, reader));
        return {};
    };
    auto taken = read_members();
    if (!taken && taken.error().message.find("tar archive") == std::string::npos)
        return taken;
    auto outcome = TRY(child.wait());
    if (!outcome.ok())
        return fail(fmt::format("{}: cannot be unpacked: {}", file.filename().string(), outcome.reason()));
    if (!taken)
        return fail(fmt::format("{}: cannot be unpacked: {}", file.filename().string(), taken.error().message));
    return {};
}

} // namespace

std::map<std::string, std::string> parse_paragraph(std::string_view text)
{
    std::map<std::string, std::string> fields;
    std::string* value = nullptr;
    for (auto line : lines_of(text)) {
        if (line.starts_with(' ') || line.starts_with('\t')) {
            if (value)
                *value += fmt::format("\n{}", line);
            continue;
        }
        std::size_t colon = line.find(':');
        if (colon == std::string_view::npos)
            continue;
        std::size_t start = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
        value = &(fields[std::string(line.substr(0, colon))] = line.substr(start));
    }
    return fields;
}

std::vector<std::vector<std::string>> parse_relations(std::string_view field)
{
    std::vector<std::vector<std::string>> relations;
    for (auto relation : split(field, ',')) {
        std::vector<std::string> alternatives;
        for (auto alternative : split(relation, '|')) {
            auto words = words_of(alternative);
            if (!words.empty())
                alternatives.emplace_back(words[0].substr(0, words[0].find_first_of(":(")));
        }
        if (!alternatives.empty())
            relations.push_back(std::move(alternatives));
    }
    return relations;
}

std::string PackageControl::field(const std::string& name) const
{
    auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
}

std::string PackageControl::info_name() const
{
    auto name = field("Package");
    return field("Multi-Arch") == "same" ? fmt::format("{}:{}", name, field("Architecture")) : name;
}

bool PackageControl::replaces(std::string_view package) const
{
    auto relations = parse_relations(field("Replaces"));
    return std::ranges::any_of(relations, [&](const auto& names) { return names.front() == package; });
}

Result<PackageControl> read_control(const std::filesystem::path& file, const Interrupt& interrupt)
{
    PackageControl control;
    auto take = [&](const TarEntry& entry, TarReader& reader) -> Result<void> {
        if (entry.kind == TarKind::file)
            control.files[entry.path] = TRY(reader.read_content());
        return {};
    };
    TRY(for_each_tar_member(file, "--ctrl-tarfile", interrupt, take));
    control.fields = parse_paragraph(control.files["control"]);
    if (control.field("Package").empty() || control.field("Version").empty())
        return fail(fmt::format("{}: is not a Debian package", file.filename().string()));
    return control;
}

Result<void> for_each_member(
    const std::filesystem::path& file, const Interrupt& interrupt, const std::function<Result<void>(const TarEntry&, TarReader&)>& take)
{
    return for_each_tar_member(file, "--fsys-tarfile", interrupt, take);
}

} // namespace zvisor::image
