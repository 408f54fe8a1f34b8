#include "image/options.h"

#include "image/text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>

namespace zvisor::image {

namespace {

constexpr u64 mebibyte = u64 { 1 } << 20;
constexpr u64 smallest_disk = 64 * mebibyte;
constexpr u64 largest_disk = mebibyte << 20;

constexpr std::string_view lower_and_digits = "abcdefghijklmnopqrstuvwxyz0123456789";

/// Lower-case letters, digits and the characters of `more`, and none of `more` at the start.
bool is_name(std::string_view text, std::string_view more)
{
    auto is_plain = [](char c) { return lower_and_digits.find(c) != std::string_view::npos; };
    auto is_allowed = [&](char c) { return is_plain(c) || more.find(c) != std::string_view::npos; };
    return !text.empty() && is_plain(text.front()) && std::ranges::all_of(text, is_allowed);
}

bool is_package_name(std::string_view name)
{
    return name.size() >= 2 && is_name(name, "+-.") && !name.ends_with('-');
}

bool is_one_line(std::string_view text)
{
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

std::optional<unsigned> shift_of(std::string_view unit)
{
    constexpr std::pair<std::string_view, unsigned> units[] = { { "", 0 }, { "K", 10 }, { "M", 20 }, { "G", 30 }, { "T", 40 } };
    auto found = std::ranges::find(units, unit, &std::pair<std::string_view, unsigned>::first);
    if (found == std::end(units))
        return std::nullopt;
    return found->second;
}

Result<void> validate_hostname(const std::string& name)
{
    auto allowed = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-'; };
    if (name.empty() || name.size() > 63 || !std::ranges::all_of(name, allowed) || name.front() == '-' || name.back() == '-')
        return fail(fmt::format("--hostname {}: expected 1 to 63 letters, digits and '-', not '-' at an end", name));
    return {};
}

Result<void> validate_suite(const std::string& suite)
{
    if (!is_name(suite, "-."))
        return fail(fmt::format("--suite {}: expected a suite of Debian such as bookworm", suite));
    return {};
}

Result<void> validate_access(const ImageOptions& options)
{
    if (options.root_password && options.ssh_key)
        return fail("--root-password and --ssh-key: expected one of them");
    if (options.root_password && (options.root_password->empty() || !is_one_line(*options.root_password)))
        return fail("--root-password: expected one line that is not empty");
    if (options.ssh_key && !is_one_line(*options.ssh_key))
        return fail("--ssh-key: expected one line");
    if (options.ssh_key && options.flavour == Flavour::minimal)
        return fail("--ssh-key: the minimal root has no ssh; leave out --minimal");
    if (options.root_password && options.flavour == Flavour::minimal)
        return fail("--root-password: the minimal root asks for no password; leave out --minimal");
    return {};
}

Result<void> validate_output(const ImageOptions& options)
{
    const auto& output = options.output;
    if (!output.has_filename())
        return fail(fmt::format("{}: expected a file to write the disk to", output.string()));
    auto folder = output.has_parent_path() ? output.parent_path() : std::filesystem::path(".");
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
        return fail(fmt::format("{}: there is no directory {} to write to", output.string(), folder.string()));
    for (const auto& file : { output, kernel_beside(output), initrd_beside(output) }) {
        auto status = std::filesystem::symlink_status(file, ignored);
        if (!std::filesystem::exists(status))
            continue;
        if (!options.force)
            return fail(fmt::format("{} exists; give --force to replace it", file.string()));
        if (!std::filesystem::is_regular_file(status))
            return fail(fmt::format("{} exists and is not a regular file, so it is not replaced", file.string()));
    }
    return {};
}

std::filesystem::path with_suffix(const std::filesystem::path& output, std::string_view suffix)
{
    auto path = output;
    path += suffix;
    return path;
}

} // namespace

std::filesystem::path kernel_beside(const std::filesystem::path& output)
{
    return with_suffix(output, ".kernel");
}
std::filesystem::path initrd_beside(const std::filesystem::path& output)
{
    return with_suffix(output, ".initrd");
}

Result<u64> parse_size(std::string_view text)
{
    u64 number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    auto shift = shift_of(std::string_view(end, text.data() + text.size()));
    if (error != std::errc {} || !shift)
        return fail(fmt::format("--size {}: expected a number with K, M, G or T, such as 4G", text));
    if (number > (largest_disk >> *shift) || (number << *shift) < smallest_disk)
        return fail(fmt::format("--size {}: expected 64M to 1T", text));
    if ((number << *shift) % mebibyte != 0)
        return fail(fmt::format("--size {}: expected a whole number of MiB", text));
    return number << *shift;
}

Result<std::vector<std::string>> parse_packages(std::string_view text)
{
    std::vector<std::string> names;
    if (text.empty())
        return names;
    for (auto name : split(text, ',')) {
        if (!is_package_name(name))
            return fail(fmt::format("--packages: '{}' is not a name of a Debian package", name));
        names.emplace_back(name);
    }
    return names;
}

Result<std::string> read_ssh_key(const std::filesystem::path& file)
{
    std::ifstream stream(file);
    if (!stream)
        return fail(fmt::format("--ssh-key {}: cannot be read", file.string()));
    for (std::string line; std::getline(stream, line);) {
        if (line.find("PRIVATE KEY") != line.npos)
            return fail(fmt::format("--ssh-key {}: is a private key; give the public one ({}.pub)", file.string(), file.string()));
        bool is_key = line.starts_with("ssh-") || line.starts_with("ecdsa-") || line.starts_with("sk-");
        if (is_key && line.size() < 16384 && line.find(' ') != line.npos)
            return line;
    }
    return fail(fmt::format("--ssh-key {}: has no OpenSSH public key", file.string()));
}

Result<void> validate(const ImageOptions& options)
{
    TRY(validate_suite(options.suite));
    TRY(validate_hostname(options.hostname));
    TRY(validate_access(options));
    bool is_url = options.mirror.starts_with("http://") || options.mirror.starts_with("https://") || options.mirror.starts_with("file:/");
    if (!is_url || !is_one_line(options.mirror) || options.mirror.find_first_of(" \"[]") != std::string::npos)
        return fail(fmt::format("--mirror {}: expected http://, https:// or file:/", options.mirror));
    return validate_output(options);
}

Result<std::filesystem::path> default_cache()
{
    const char* cache = std::getenv("XDG_CACHE_HOME");
    if (cache && *cache == '/')
        return std::filesystem::path(cache) / "zvisor";
    const char* home = std::getenv("HOME");
    if (!home || *home != '/')
        return fail("no place for downloads: neither XDG_CACHE_HOME nor HOME names a directory");
    return std::filesystem::path(home) / ".cache" / "zvisor";
}

} // namespace zvisor::image
