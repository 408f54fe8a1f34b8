#include "machine/toml_keys.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace zvisor {

Result<toml::table> read_toml(const std::string& path)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return fail(fmt::format("{}: is a directory, expected a machine file", path));
    std::ifstream file(path);
    if (!file)
        return fail(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
    return parse_toml(std::string { std::istreambuf_iterator<char>(file), {} }, path);
}

Result<toml::table> parse_toml(std::string_view text, const std::string& path)
{
    try {
        return toml::parse(text, path);
    } catch (const toml::parse_error& wrong) {
        return fail(fmt::format("{}:{}: {}", path, wrong.source().begin.line, wrong.description()));
    }
}

} // namespace zvisor
