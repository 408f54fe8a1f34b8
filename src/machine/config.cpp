#include "machine/config.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <toml++/toml.h>

namespace zvisor {

namespace {

constexpr u64 mega = 1 << 20;
constexpr u64 most_memory = u64 { 1 } << 40;
constexpr u64 least_memory = 2 * mega;
constexpr u64 least_code = 2 * mega;
/// Code reaches what is behind it relative to itself.
constexpr u64 most_code = u64 { 1 } << 30;
constexpr u16 most_cpus = 62;
/// Partition names and load parameters are fields of this many characters.
constexpr std::size_t longest_name = 8;

/// Where a TOML value stands, for messages.
[[nodiscard]] std::string place_of(const std::string& path, const toml::node& node)
{
    return fmt::format("{}:{}", path, node.source().begin.line);
}

/// One key of the file: how its value goes into the configuration.
struct Key {
    std::string_view name;
    std::string_view expected;
    std::function<Result<bool>(MachineConfig&, const toml::node&)> set;
};

[[nodiscard]] Key text_key(std::string_view name, std::string MachineConfig::* member)
{
    return { name, "a string", [member](MachineConfig& config, const toml::node& node) -> Result<bool> {
                auto value = node.value_exact<std::string>();
                if (value)
                    config.*member = *value;
                return value.has_value();
            } };
}

/// A key that holds one string or an array of strings, each parsed as the flag of the same name is.
template<class Config>
[[nodiscard]] Key list_key(std::string_view name, std::vector<Config> MachineConfig::* member)
{
    return { name, "a string or an array of strings", [member](MachineConfig& config, const toml::node& node) -> Result<bool> {
                auto add = [&](const toml::node& item) -> Result<bool> {
                    auto text = item.value_exact<std::string>();
                    if (text)
                        (config.*member).push_back(TRY(Config::parse(*text)));
                    return text.has_value();
                };
                const auto* array = node.as_array();
                if (!array)
                    return add(node);
                for (const auto& item : *array)
                    if (!TRY(add(item)))
                        return false;
                return true;
            } };
}

[[nodiscard]] Result<bool> set_memory(MachineConfig& config, const toml::node& node)
{
    if (auto text = node.value_exact<std::string>())
        config.memory = TRY(parse_size(*text, "memory"));
    return node.is_string();
}

[[nodiscard]] Result<bool> set_cpus(MachineConfig& config, const toml::node& node)
{
    auto count = node.value_exact<i64>();
    if (count && (*count < 1 || *count > most_cpus))
        return fail(fmt::format("cpus must be 1 to {}, not {}", most_cpus, *count));
    if (count)
        config.cpus = static_cast<u16>(*count);
    return count.has_value();
}

[[nodiscard]] Result<bool> set_code_cache(MachineConfig& config, const toml::node& node)
{
    if (auto text = node.value_exact<std::string>())
        config.code_cache = TRY(parse_size(*text, "code-cache"));
    return node.is_string();
}

[[nodiscard]] Result<bool> set_rng(MachineConfig& config, const toml::node& node)
{
    config.rng = node.value_exact<bool>().value_or(config.rng);
    return node.is_boolean();
}

[[nodiscard]] Result<bool> set_balloon(MachineConfig& config, const toml::node& node)
{
    if (auto text = node.value_exact<std::string>())
        config.balloon = TRY(VirtioBalloonConfig::parse(*text));
    return node.is_string();
}

[[nodiscard]] Result<bool> set_console(MachineConfig& config, const toml::node& node)
{
    if (auto text = node.value_exact<std::string>())
        config.console = TRY(parse_console(*text));
    return node.is_string();
}

[[nodiscard]] Result<bool> set_engine(MachineConfig& config, const toml::node& node)
{
    if (auto text = node.value_exact<std::string>())
        config.engine = TRY(parse_engine(*text));
    return node.is_string();
}

[[nodiscard]] const std::vector<Key>& keys()
{
    static const std::vector<Key> all {
        text_key("kernel", &MachineConfig::kernel),
        text_key("initrd", &MachineConfig::initrd),
        text_key("cmdline", &MachineConfig::cmdline),
        { "memory", "a string such as \"1G\"", set_memory },
        { "cpus", "an integer", set_cpus },
        text_key("cpu", &MachineConfig::cpu),
        { "engine", "a string", set_engine },
        { "code-cache", "a string such as \"16M\"", set_code_cache },
        text_key("personality", &MachineConfig::personality),
        text_key("name", &MachineConfig::name),
        text_key("loadparm", &MachineConfig::loadparm),
        list_key("disk", &MachineConfig::disks),
        list_key("net", &MachineConfig::networks),
        { "rng", "true or false", set_rng },
        { "balloon", "a string, empty or such as \"target=256M\"", set_balloon },
        { "console", "a string", set_console },
    };
    return all;
}

[[nodiscard]] std::string key_names()
{
    std::string names;
    for (const auto& key : keys())
        names += (names.empty() ? "" : ", ") + std::string(key.name);
    return names;
}

Result<void> set_key(MachineConfig& config, const std::string& path, std::string_view name, const toml::node& node)
{
    for (const auto& key : keys()) {
        if (key.name != name)
            continue;
        auto done = key.set(config, node);
        if (!done)
            return fail(fmt::format("{}: {}", place_of(path, node), done.error().message));
        if (!*done)
            return fail(fmt::format("{}: '{}' must be {}", place_of(path, node), name, key.expected));
        return {};
    }
    return fail(fmt::format("{}: unknown key '{}', expected one of: {}", place_of(path, node), name, key_names()));
}

/// What EBCDIC and every guest agree on.
[[nodiscard]] bool is_plain(std::string_view text, std::string_view also)
{
    return std::ranges::all_of(
        text, [&](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || also.contains(c); });
}

[[nodiscard]] Result<void> validate_names(const MachineConfig& config)
{
    if (config.name.empty() || config.name.size() > longest_name || !is_plain(config.name, "-_@#$"))
        return fail(fmt::format("name must be 1 to {} letters, digits, -, _, @, # or $, not '{}'", longest_name, config.name));
    if (config.loadparm.size() > longest_name || !is_plain(config.loadparm, " ."))
        return fail(fmt::format("loadparm must be up to {} letters, digits, blanks or periods, not '{}'", longest_name, config.loadparm));
    return {};
}

} // namespace

Result<u64> parse_size(std::string_view text, std::string_view what)
{
    u64 value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    constexpr std::string_view units = "KMGT";
    unsigned shift = 0;
    if (!unit.empty()) {
        auto index = units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0]))));
        bool suffix = unit.size() == 1 || unit.substr(1) == "iB" || unit.substr(1) == "B";
        if (index == std::string_view::npos || !suffix)
            return fail(fmt::format("{} must be a size such as 512M or 2G, not '{}'", what, text));
        shift = 10 * (static_cast<unsigned>(index) + 1);
    }
    if (error != std::errc {} || text.empty() || value > ~u64 { 0 } >> shift)
        return fail(fmt::format("{} must be a size such as 512M or 2G, not '{}'", what, text));
    return value << shift;
}

Result<EngineKind> parse_engine(std::string_view text)
{
    if (text == "interpreter")
        return EngineKind::interpreter;
    if (text == "translator")
        return EngineKind::translator;
    if (text == "lockstep")
        return EngineKind::lockstep;
    return fail(fmt::format("engine must be 'interpreter', 'translator' or 'lockstep', not '{}'", text));
}

Result<u16> parse_cpus(std::string_view text)
{
    u16 count = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc {} || end != text.data() + text.size() || count < 1 || count > most_cpus)
        return fail(fmt::format("cpus must be 1 to {}, not '{}'", most_cpus, text));
    return count;
}

Result<std::optional<VirtioConsoleConfig>> parse_console(std::string_view text)
{
    constexpr std::string_view virtio = "virtio";
    if (text == "sclp")
        return std::nullopt;
    auto rest = text.substr(std::min(text.size(), virtio.size()));
    if (!text.starts_with(virtio) || (!rest.empty() && rest[0] != ','))
        return fail(fmt::format("console must be sclp or virtio[,COLUMNSxROWS], not '{}'", text));
    return TRY(VirtioConsoleConfig::parse(rest.substr(rest.empty() ? 0 : 1)));
}

Result<MachineConfig> read_machine_config(const std::string& path)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return fail(fmt::format("{}: is a directory, expected a machine file", path));
    std::ifstream file(path);
    if (!file)
        return fail(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
    MachineConfig config;
    try {
        toml::table table = toml::parse(file, path);
        for (const auto& [name, node] : table)
            TRY_VOID(set_key(config, path, name.str(), node));
    } catch (const toml::parse_error& wrong) {
        return fail(fmt::format("{}:{}: {}", path, wrong.source().begin.line, wrong.description()));
    }
    return config;
}

Result<void> validate(const MachineConfig& config)
{
    if (config.kernel.empty())
        return fail("nothing to IPL: name a kernel with --kernel or 'kernel =' in the machine file");
    if (config.memory < least_memory || config.memory > most_memory || config.memory % mega != 0)
        return fail(fmt::format("memory must be 2M to 1T in steps of 1M, not {} bytes", config.memory));
    if (config.cpus < 1 || config.cpus > most_cpus)
        return fail(fmt::format("cpus must be 1 to {}, not {}", most_cpus, config.cpus));
    if (config.code_cache < least_code || config.code_cache > most_code || config.code_cache % mega != 0)
        return fail(fmt::format("code-cache must be 2M to 1G in steps of 1M, not {} bytes", config.code_cache));
    if (config.engine == EngineKind::lockstep && config.cpus != 1)
        return fail(fmt::format(
            "the engine 'lockstep' takes one CPU, not {}: others would change storage while results are compared", config.cpus));
    if (config.personality != "kvm" && config.personality != "lpar" && config.personality != "zvm")
        return fail(fmt::format("personality must be kvm, lpar or zvm, not '{}'", config.personality));
    return validate_names(config);
}

} // namespace zvisor
