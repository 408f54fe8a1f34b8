#include "image/apt.h"

#include "image/host_files.h"
#include "image/package_file.h"
#include "image/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <sys/statvfs.h>

namespace zvisor::image {

namespace {

constexpr std::string_view keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
constexpr std::string_view security_archive = "http://deb.debian.org/debian-security";

/// Settings of the host's apt that say how to reach the network rather than what to install.
constexpr std::string_view network_settings[] = { "Acquire::http::", "Acquire::https::", "Acquire::Retries ", "Acquire::ForceIPv",
    "Acquire::Check-Valid-Until ", "Acquire::Check-Date " };

constexpr std::string_view private_configuration = R"(Dir::State "{0}";
Dir::State::status "{0}/status";
Dir::State::lists "{0}/lists";
Dir::Cache "{0}";
Dir::Cache::archives "{1}";
Dir::Etc "{0}/etc";
Dir::Log "{0}/log";
APT::Architecture "s390x";
APT::Architectures {{ "s390x"; }};
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
APT::Get::List-Cleanup "true";
Acquire::Languages "none";
Acquire::GzipIndexes "false";
)";

bool is_rolling(std::string_view suite)
{
    return suite == "sid" || suite == "unstable" || suite == "experimental";
}

Result<std::string> network_settings_of_host(const Interrupt& interrupt)
{
    auto dump = TRY(run_checked("apt-config", { { "apt-config", "dump" } }, interrupt));
    std::string kept;
    for (auto line : lines_of(dump))
        if (std::ranges::any_of(network_settings, [&](auto prefix) { return line.starts_with(prefix); }))
            kept += fmt::format("{}\n", line);
    return kept;
}

/// What stands between two texts, or nothing.
std::string_view between(std::string_view text, std::string_view before, std::string_view after)
{
    std::size_t start = text.find(before);
    if (start == std::string_view::npos)
        return {};
    start += before.size();
    std::size_t end = text.find(after, start);
    return text.substr(start, end == std::string_view::npos ? end : end - start);
}

/// The sum of the third column of `apt-get --print-uris`.
u64 bytes_to_fetch(std::string_view uris)
{
    u64 total = 0;
    for (auto line : lines_of(uris)) {
        auto words = words_of(line);
        u64 size = 0;
        if (words.size() >= 3 && words[0].starts_with('\''))
            std::from_chars(words[2].data(), words[2].data() + words[2].size(), size);
        total += size;
    }
    return total;
}

} // namespace

std::string PlannedPackage::file_name() const
{
    std::string escaped;
    for (char c : version)
        escaped += c == ':' ? std::string("%3a") : std::string(1, c);
    return fmt::format("{}_{}_{}.deb", name, escaped, architecture);
}

std::string apt_sources(std::string_view suite, std::string_view mirror, std::string_view options)
{
    std::string lines = fmt::format("deb {}{} {} main\n", options, mirror, suite);
    if (!is_rolling(suite)) {
        lines += fmt::format("deb {}{} {}-updates main\n", options, mirror, suite);
        lines += fmt::format("deb {}{} {}-security main\n", options, security_archive, suite);
    }
    return lines;
}

std::vector<PlannedPackage> parse_simulation(std::string_view text)
{
    std::vector<PlannedPackage> plan;
    for (auto line : lines_of(text)) {
        auto words = words_of(line);
        if (words.size() < 4 || words[0] != "Inst" || !words[2].starts_with('('))
            continue;
        auto architecture = between(line.substr(line.find('(')), "[", "]");
        plan.push_back({ std::string(words[1].substr(0, words[1].find(':'))), std::string(words[2].substr(1)), std::string(architecture) });
    }
    return plan;
}

Result<PrivateApt> PrivateApt::create(
    const std::filesystem::path& cache, const std::string& suite, const std::string& mirror, const Interrupt& interrupt)
{
    if (!std::filesystem::exists(keyring))
        return fail(fmt::format("{} is missing on this host: install the package debian-archive-keyring", keyring));
    PrivateApt apt(cache / "apt" / suite, cache / "archives", suite, mirror, interrupt);
    std::error_code error;
    for (const auto& folder : { apt.m_state / "lists/partial", apt.m_state / "etc/apt.conf.d", apt.m_state / "etc/preferences.d",
             apt.m_state / "etc/trusted.gpg.d", apt.m_state / "etc/sources.list.d", apt.m_state / "log", apt.m_archives / "partial" }) {
        std::filesystem::create_directories(folder, error);
        if (error)
            return fail(fmt::format("{}: cannot be made: {}", folder.string(), error.message()));
    }
    TRY(apt.write_configuration());
    return apt;
}

Result<void> PrivateApt::write_configuration() const
{
    if (m_state.string().find('"') != std::string::npos)
        return fail(fmt::format("{}: a directory with a quotation mark in its name does not serve apt", m_state.string()));
    auto settings = fmt::format(fmt::runtime(private_configuration), m_state.string(), m_archives.string());
    settings += TRY(network_settings_of_host(*m_interrupt));
    TRY(write_file(m_state / "apt.conf", settings));
    TRY(write_file(m_state / "etc/sources.list", apt_sources(m_suite, m_mirror, fmt::format("[signed-by={}] ", keyring))));
    return write_file(m_state / "status", "");
}

Command PrivateApt::command(std::vector<std::string> argv) const
{
    return { std::move(argv), { { "APT_CONFIG", (m_state / "apt.conf").string() } }, m_archives };
}

Error PrivateApt::update_error(const Outcome& outcome) const
{
    if (outcome.errors.find("does not have a Release file") != std::string::npos)
        return { fmt::format("--suite {}: there is no such suite at {}", m_suite, m_mirror) };
    for (auto line : lines_of(outcome.errors))
        if (line.starts_with("E:") || line.starts_with("W:"))
            return { fmt::format("the package lists of {} cannot be brought from {}: {}", m_suite, m_mirror, line.substr(3)) };
    return { fmt::format("the package lists of {} cannot be brought from {}: {}", m_suite, m_mirror, outcome.reason()) };
}

Result<void> PrivateApt::update(Progress& progress) const
{
    progress.stage(fmt::format("package lists of Debian {} for s390x", m_suite));
    auto outcome = TRY(run(command({ "apt-get", "update", "-q" }), *m_interrupt));
    if (outcome.ok())
        return {};
    auto error = update_error(outcome);
    bool unknown = outcome.errors.find("does not have a Release file") != std::string::npos;
    bool has_lists = TRY(has("base-files"));
    if (unknown || !has_lists)
        return std::unexpected(error);
    progress.stage(fmt::format("{}; going on with the signed lists that are there", error.message));
    return {};
}

/// The paragraph of a package, empty when the suite has none of that name.
Result<std::string> PrivateApt::show(std::string_view package) const
{
    auto outcome = TRY(run(command({ "apt-cache", "show", "--no-all-versions", std::string(package) }), *m_interrupt));
    return outcome.ok() ? std::move(outcome.output) : std::string();
}

Result<bool> PrivateApt::has(std::string_view package) const
{
    auto paragraph = TRY(show(package));
    return !paragraph.empty();
}

Result<std::vector<std::string>> PrivateApt::recommended_by(std::string_view package) const
{
    auto paragraph = TRY(show(package));
    auto fields = parse_paragraph(paragraph);
    std::vector<std::string> chosen;
    for (const auto& alternatives : parse_relations(fields["Recommends"])) {
        for (const auto& name : alternatives) {
            bool exists = TRY(has(name));
            if (exists)
                chosen.push_back(name);
            if (exists)
                break;
        }
    }
    return chosen;
}

Error PrivateApt::plan_error(const Outcome& outcome) const
{
    for (auto line : lines_of(outcome.errors)) {
        auto missing = between(line, "Unable to locate package ", "\n");
        if (missing.empty())
            missing = between(line, "Package '", "' has no installation candidate");
        if (!missing.empty())
            return { fmt::format("the package {} is not in Debian {} for s390x", missing, m_suite) };
    }
    auto unmet = between(outcome.output, "unmet dependencies:\n", "\n\n");
    if (!unmet.empty())
        return { fmt::format("the packages do not fit together:{}", joined(words_of(unmet))) };
    return { fmt::format("apt cannot choose the packages: {}", outcome.reason()) };
}

Result<std::vector<PlannedPackage>> PrivateApt::plan(std::span<const std::string> packages) const
{
    std::vector<std::string> argv { "apt-get", "--simulate", "-q", "install", "--" };
    argv.insert(argv.end(), packages.begin(), packages.end());
    auto outcome = TRY(run(command(std::move(argv)), *m_interrupt));
    if (!outcome.ok())
        return std::unexpected(plan_error(outcome));
    return parse_simulation(outcome.output);
}

Result<void> PrivateApt::check_space(u64 bytes) const
{
    struct statvfs space;
    if (::statvfs(m_archives.c_str(), &space) != 0)
        return {};
    u64 available = u64 { space.f_bavail } * space.f_frsize;
    if (available < bytes)
        return fail(fmt::format(
            "{}: no space for the packages: {} needed, {} free", m_archives.string(), readable_size(bytes), readable_size(available)));
    return {};
}

Result<void> PrivateApt::download(std::span<const PlannedPackage> packages, Progress& progress) const
{
    std::vector<std::string> names;
    for (const auto& package : packages)
        names.push_back(fmt::format("{}={}", package.name, package.version));
    auto with = [&](std::vector<std::string> argv) {
        argv.insert(argv.end(), names.begin(), names.end());
        return command(std::move(argv));
    };
    auto uris = TRY(run_checked("apt cannot find the packages", with({ "apt-get", "--print-uris", "download" }), *m_interrupt));
    u64 missing = bytes_to_fetch(uris); // apt leaves out what lies there whole
    TRY(check_space(missing));
    progress.stage(fmt::format("downloading {} packages, {}", packages.size(), readable_size(missing)));
    auto child = TRY(Child::start(with({ "apt-get", "-qq", "-o", "APT::Status-Fd=1", "download" }), *m_interrupt));
    TRY(for_each_line(child, -1, [&](std::string_view line) {
        auto percent = between(line.starts_with("dlstatus:") ? line.substr(9) : std::string_view {}, ":", ".");
        u64 done = 0;
        if (std::from_chars(percent.data(), percent.data() + percent.size(), done).ec == std::errc {})
            progress.step(done, 100, "%");
    }));
    auto outcome = TRY(child.wait());
    if (!outcome.ok())
        return fail(fmt::format("the packages cannot be downloaded: {}", outcome.reason()));
    return {};
}

} // namespace zvisor::image
