#include "machine/config.h"

#include "machine/toml_keys.h"

#include <algorithm>
#include <charconv>

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

using Key = TomlKey<MachineConfig>;

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

[[nodiscard]] const std::vector<Key>& keys()
{
    static const std::vector<Key> all {
        text_key("kernel", &MachineConfig::kernel),
        text_key("initrd", &MachineConfig::initrd),
        text_key("cmdline", &MachineConfig::cmdline),
        size_key("memory", &MachineConfig::memory),
        size_key("max-memory", &MachineConfig::max_memory),
        number_key("cpus", 1, most_cpus, &MachineConfig::cpus),
        number_key("max-cpus", 1, most_cpus, &MachineConfig::max_cpus),
        text_key("cpu", &MachineConfig::cpu),
        parsed_key("engine", "a string", &MachineConfig::engine, parse_engine),
        size_key("code-cache", &MachineConfig::code_cache),
        text_key("personality", &MachineConfig::personality),
        text_key("name", &MachineConfig::name),
        text_key("loadparm", &MachineConfig::loadparm),
        list_key("disk", &MachineConfig::disks),
        list_key("net", &MachineConfig::networks),
        plain_key("rng", "true or false", &MachineConfig::rng),
        parsed_key("balloon", "a string, empty or such as \"target=256M\"", &MachineConfig::balloon, VirtioBalloonConfig::parse),
        parsed_key("console", "a string", &MachineConfig::console, parse_console),
    };
    return all;
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

Result<u16> parse_cpus(std::string_view text, std::string_view name)
{
    u16 count = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc {} || end != text.data() + text.size() || count < 1 || count > most_cpus)
        return fail(fmt::format("{} must be 1 to {}, not '{}'", name, most_cpus, text));
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

namespace {

[[nodiscard]] Result<MachineConfig> config_of(const toml::table& table, const std::string& path)
{
    MachineConfig config;
    for (const auto& [name, node] : table)
        TRY_VOID(set_key<MachineConfig>(keys(), config, path, name.str(), node));
    return config;
}

} // namespace

Result<MachineConfig> read_machine_config(const std::string& path)
{
    return config_of(TRY(read_toml(path)), path);
}

Result<MachineConfig> parse_machine_config(std::string_view text, const std::string& path)
{
    return config_of(TRY(parse_toml(text, path)), path);
}

bool is_machine_key(std::string_view name)
{
    return std::ranges::any_of(keys(), [name](const Key& key) { return key.name == name; });
}

Result<void> validate(const MachineConfig& config)
{
    if (config.kernel.empty())
        return fail("nothing to IPL: name a kernel with --kernel or 'kernel =' in the machine file");
    if (config.memory < least_memory || config.memory > most_memory || config.memory % mega != 0)
        return fail(fmt::format("memory must be 2M to 1T in steps of 1M, not {} bytes", config.memory));
    if (config.max_memory != 0 && (config.max_memory < config.memory || config.max_memory > most_memory || config.max_memory % mega != 0))
        return fail(
            fmt::format("max-memory must be {}M (the memory) to 1T in steps of 1M, not {} bytes", config.memory / mega, config.max_memory));
    if (config.cpus < 1 || config.cpus > most_cpus)
        return fail(fmt::format("cpus must be 1 to {}, not {}", most_cpus, config.cpus));
    if (config.max_cpus != 0 && (config.max_cpus < config.cpus || config.max_cpus > most_cpus))
        return fail(fmt::format("max-cpus must be {} (the CPUs) to {}, not {}", config.cpus, most_cpus, config.max_cpus));
    if (config.code_cache < least_code || config.code_cache > most_code || config.code_cache % mega != 0)
        return fail(fmt::format("code-cache must be 2M to 1G in steps of 1M, not {} bytes", config.code_cache));
    if (config.engine == EngineKind::lockstep && std::max(config.cpus, config.max_cpus) != 1)
        return fail(fmt::format("the engine 'lockstep' takes one CPU, not {}: others would change storage while results are compared",
            std::max(config.cpus, config.max_cpus)));
    if (config.personality != "kvm" && config.personality != "lpar" && config.personality != "zvm")
        return fail(fmt::format("personality must be kvm, lpar or zvm, not '{}'", config.personality));
    return validate_names(config);
}

} // namespace zvisor
