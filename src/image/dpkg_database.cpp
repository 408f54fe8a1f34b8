#include "image/dpkg_database.h"

#include "image/process.h"
#include "image/text.h"

#include <fmt/format.h>

namespace zvisor::image {

namespace {

bool is_script(std::string_view name)
{
    return name == "preinst" || name == "postinst" || name == "prerm" || name == "postrm" || name == "config";
}

std::vector<std::string> configuration_files(const PackageControl& control)
{
    std::vector<std::string> paths;
    auto found = control.files.find("conffiles");
    if (found == control.files.end())
        return paths;
    for (auto line : lines_of(found->second))
        if (line.starts_with('/')) // not "remove-on-upgrade /…"
            paths.emplace_back(line.substr(1));
    return paths;
}

std::string status_of(const PackageControl& control, const std::string& conffiles)
{
    std::string_view text = control.files.at("control");
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    return fmt::format("{}\nStatus: install ok unpacked\n{}\n", text, conffiles);
}

} // namespace

/// Whether another package, unpacked before, replaces this file of ours.
Result<bool> DpkgDatabase::yields_to_earlier(const PackageControl& control, const TarEntry& entry, std::size_t package)
{
    if (entry.kind == TarKind::directory || entry.path.empty())
        return false;
    auto path = TRY(m_tree.resolve(entry.path));
    auto [owner, is_new] = m_package_of_path.try_emplace(path, package);
    if (is_new || owner->second == package)
        return false;
    if (m_packages[owner->second].control.replaces(control.field("Package")))
        return true;
    owner->second = package;
    return false;
}

Result<void> DpkgDatabase::unpack(const std::filesystem::path& file)
{
    auto control = TRY(read_control(file, m_interrupt));
    std::string list;
    auto take = [&](const TarEntry& entry, TarReader& reader) -> Result<void> {
        list += entry.path.empty() ? "/.\n" : fmt::format("/{}\n", entry.path);
        if (TRY(yields_to_earlier(control, entry, m_packages.size())))
            return {};
        return m_tree.add(entry, reader);
    };
    TRY(for_each_member(file, m_interrupt, take));
    TRY(write_info(control, list));
    note_triggers(control);
    if (control.files.contains("preinst"))
        m_preinst_list += fmt::format("{} {} {}.preinst\n", control.field("Package"), control.field("Architecture"), control.info_name());
    auto paths = configuration_files(control);
    m_packages.push_back({ std::move(control), std::move(paths) });
    return {};
}

Result<void> DpkgDatabase::write_info(const PackageControl& control, const std::string& list)
{
    auto name = control.info_name();
    for (const auto& [file, content] : control.files)
        if (file != "control")
            TRY(m_tree.add_file(fmt::format("var/lib/dpkg/info/{}.{}", name, file), content, is_script(file) ? 0755 : 0644));
    return m_tree.add_file(fmt::format("var/lib/dpkg/info/{}.list", name), list);
}

void DpkgDatabase::note_triggers(const PackageControl& control)
{
    auto found = control.files.find("triggers");
    if (found == control.files.end())
        return;
    for (auto line : lines_of(found->second)) {
        auto words = words_of(line.substr(0, line.find('#')));
        if (words.size() != 2 || !words[0].starts_with("interest"))
            continue;
        auto package = fmt::format("{}{}", control.info_name(), words[0] == "interest-noawait" ? "/noawait" : "");
        if (words[1].starts_with('/'))
            m_file_triggers += fmt::format("{} {}\n", words[1], package);
        else
            m_explicit_triggers[std::string(words[1])] += package + "\n";
    }
}

Result<std::map<std::string, std::string>> DpkgDatabase::checksums_of_configuration_files() const
{
    std::vector<std::string> argv { "md5sum", "--" };
    for (const auto& package : m_packages)
        for (const auto& path : package.configuration_files)
            if (std::filesystem::is_regular_file(std::filesystem::symlink_status(m_tree.root() / path)))
                argv.push_back(path);
    std::map<std::string, std::string> sums;
    if (argv.size() == 2)
        return sums;
    auto output = TRY(run_checked("md5sum", { std::move(argv), {}, m_tree.root() }, m_interrupt));
    for (auto line : lines_of(output))
        if (line.size() > 34)
            sums[std::string(line.substr(34))] = line.substr(0, 32);
    return sums;
}

Result<void> DpkgDatabase::finish(const std::set<std::string>& requested)
{
    auto sums = TRY(checksums_of_configuration_files());
    std::string status;
    std::string automatic;
    for (const auto& [control, paths] : m_packages) {
        std::string conffiles;
        for (const auto& path : paths)
            if (sums.contains(path))
                conffiles += fmt::format(" /{} {}\n", path, sums[path]);
        status += status_of(control, conffiles.empty() ? "" : "Conffiles:\n" + conffiles);
        if (!requested.contains(control.field("Package")) && control.field("Essential") != "yes")
            automatic += fmt::format("Package: {}\nArchitecture: s390x\nAuto-Installed: 1\n\n", control.field("Package"));
    }
    for (const char* folder : { "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/dpkg/alternatives", "var/lib/dpkg/parts" })
        TRY(m_tree.add_directory(folder));
    TRY(m_tree.add_file("var/lib/dpkg/status", status));
    TRY(m_tree.add_file("var/lib/dpkg/available", ""));
    TRY(m_tree.add_file("var/lib/dpkg/info/format", "1\n"));
    TRY(m_tree.add_file("var/lib/dpkg/triggers/File", m_file_triggers));
    for (const auto& [name, packages] : m_explicit_triggers)
        TRY(m_tree.add_file(fmt::format("var/lib/dpkg/triggers/{}", name), packages));
    return m_tree.add_file("var/lib/apt/extended_states", automatic);
}

} // namespace zvisor::image
