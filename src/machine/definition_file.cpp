#include "machine/definition_file.h"

#include "machine/config.h"
#include "machine/toml_keys.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <thread>

namespace zvisor {

namespace {

constexpr u64 mega = 1 << 20;
constexpr u64 largest_block = 256 * mega;
constexpr i64 most_physical_cpus = 248;
constexpr i64 most_logical_cpus = 62;
constexpr i64 most_partitions = 255;
constexpr std::size_t most_boards = 64;

/// A cap in physical CPUs, kept in hundredths.
template<class T>
[[nodiscard]] TomlKey<T> cap_key(u32 T::* member)
{
    return { "cap", "a number of physical CPUs such as 0.5", [member](T& target, const toml::node& node) -> Result<bool> {
                auto value = node.value<double>();
                if (value && (*value < 0.01 || *value > most_physical_cpus))
                    return fail(fmt::format("cap must be 0.01 to {} physical CPUs, not {}", most_physical_cpus, *value));
                if (value)
                    target.*member = static_cast<u32>(std::lround(*value * 100));
                return node.is_number();
            } };
}

[[nodiscard]] std::span<const TomlKey<MachineDefinition>> machine_keys()
{
    static const std::array all {
        text_key("name", &MachineDefinition::name),
        number_key("physical-cpus", 1, most_physical_cpus, &MachineDefinition::physical_cpus),
        size_key("storage", &MachineDefinition::storage),
        size_key("block-size", &MachineDefinition::block_size),
    };
    return all;
}

[[nodiscard]] std::span<const TomlKey<GroupDefinition>> group_keys()
{
    static const std::array all { cap_key(&GroupDefinition::cap_hundredths) };
    return all;
}

[[nodiscard]] std::span<const TomlKey<BoardDefinition>> board_keys()
{
    static const std::array all {
        number_key("cpus", 1, most_physical_cpus, &BoardDefinition::cpus),
        size_key("memory", &BoardDefinition::storage),
    };
    return all;
}

[[nodiscard]] std::span<const TomlKey<PartitionDefinition>> partition_keys()
{
    using P = PartitionDefinition;
    static const std::array all {
        number_key("number", 1, most_partitions, &P::number),
        size_key("memory", &P::memory),
        size_key("max-memory", &P::maximum_memory),
        number_key("cpus", 1, most_logical_cpus, &P::cpus),
        number_key("max-cpus", 1, most_logical_cpus, &P::maximum_cpus),
        plain_key("dedicated", "true or false", &P::dedicated),
        number_key("weight", 1, 999, &P::weight),
        plain_key("capped", "true or false", &P::capped),
        cap_key(&P::cap_hundredths),
        text_key("group", &P::group),
        plain_key("autostart", "true or false", &P::autostart),
        plain_key("agent", "true or false", &P::agent),
        TomlKey<P> { "global-performance-data", "true or false",
            [](P& partition, const toml::node& node) -> Result<bool> {
                partition.authority.global_performance_data = node.value_exact<bool>().value_or(false);
                return node.is_boolean();
            } },
    };
    return all;
}

[[nodiscard]] bool is_own(std::string_view name)
{
    return std::ranges::any_of(partition_keys(), [name](const auto& key) { return key.name == name; });
}

[[nodiscard]] Result<const toml::table*> table_of(const std::string& path, std::string_view name, const toml::node& node)
{
    if (const auto* table = node.as_table())
        return table;
    return fail(fmt::format("{}: '{}' must be a table, written [{}]", place_of(path, node), name, name));
}

/// Files are named relative to the machine file; the partition's process may stand elsewhere.
[[nodiscard]] std::string from_folder_of(const std::string& file, const std::string& name)
{
    namespace fs = std::filesystem;
    return fs::absolute(fs::path(file).parent_path() / name).lexically_normal().string();
}

void resolve_files(toml::table& profile, const std::string& path)
{
    for (const char* key : { "kernel", "initrd" })
        if (auto* name = profile.get_as<std::string>(key))
            *name = from_folder_of(path, name->get());
    auto resolve = [&path](auto& text) { text = from_folder_of(path, text.get()); };
    if (auto* disk = profile.get_as<std::string>("disk"))
        resolve(*disk);
    if (auto* disks = profile.get_as<toml::array>("disk"))
        disks->for_each([&](auto& item) {
            if constexpr (toml::is_string<decltype(item)>)
                resolve(item);
        });
}

/// What goes to the partition's process: the keys of a machine file, completed.
[[nodiscard]] Result<std::string> profile_of(const toml::table& table, const PartitionDefinition& partition, const std::string& path)
{
    toml::table profile;
    for (const auto& [name, node] : table) {
        if (!is_own(name.str()) && !is_machine_key(name.str()))
            return fail(fmt::format("{}: unknown key '{}' of a partition", place_of(path, node), name.str()));
        if (!is_own(name.str()))
            profile.insert(name, node);
    }
    if (!profile.contains("personality"))
        profile.insert("personality", "lpar");
    profile.insert("name", partition.name);
    profile.insert("memory", size_text(partition.memory));
    profile.insert("max-memory", size_text(partition.maximum_memory));
    profile.insert("cpus", static_cast<i64>(partition.cpus));
    profile.insert("max-cpus", static_cast<i64>(partition.maximum_cpus));
    resolve_files(profile, path);
    std::ostringstream text;
    text << profile;
    return std::move(text).str();
}

[[nodiscard]] Result<PartitionDefinition> partition_of(const toml::table& table, std::string_view name, const std::string& path)
{
    PartitionDefinition partition;
    partition.name = name;
    for (const auto& [key, node] : table)
        if (is_own(key.str()))
            TRY_VOID(set_key(partition_keys(), partition, path, key.str(), node));
    partition.maximum_memory = std::max(partition.memory, partition.maximum_memory);
    partition.maximum_cpus = std::max(partition.cpus, partition.maximum_cpus);
    partition.profile = TRY(profile_of(table, partition, path));
    // Now, so that a mistake is found before anything runs.
    auto profile = parse_machine_config(partition.profile, path);
    if (!profile)
        return fail(fmt::format("{}: partition {}: {}", place_of(path, table), name, profile.error().message));
    for (const auto& network : profile->networks)
        partition.networks.push_back(network.to_string());
    return partition;
}

using NamedNode = std::pair<std::string_view, const toml::node*>;

/// The parsed table is in the order of names.
[[nodiscard]] std::vector<NamedNode> in_order_of_file(const toml::table& table)
{
    std::vector<NamedNode> nodes;
    for (const auto& [name, node] : table)
        nodes.emplace_back(name.str(), &node);
    std::ranges::sort(nodes, {}, [](const NamedNode& node) { return node.second->source().begin.line; });
    return nodes;
}

[[nodiscard]] Result<void> read_section(
    MachineDefinition& machine, std::string_view section, const toml::table& table, const std::string& path)
{
    if (section == "machine") {
        for (const auto& [name, node] : table)
            TRY_VOID(set_key(machine_keys(), machine, path, name.str(), node));
        return {};
    }
    for (const auto& [name, node] : in_order_of_file(table)) {
        const auto* part = TRY(table_of(path, fmt::format("{}.{}", section, name), *node));
        if (section == "partition") {
            machine.partitions.push_back(TRY(partition_of(*part, name, path)));
            continue;
        }
        if (section == "board") {
            BoardDefinition board { .name = std::string(name) };
            for (const auto& [key, value] : *part)
                TRY_VOID(set_key(board_keys(), board, path, key.str(), value));
            machine.boards.push_back(std::move(board));
            continue;
        }
        GroupDefinition group { .name = std::string(name) };
        for (const auto& [key, value] : *part)
            TRY_VOID(set_key(group_keys(), group, path, key.str(), value));
        machine.groups.push_back(std::move(group));
    }
    return {};
}

/// Partitions that name no number get the lowest free ones, in the file's order.
void number_partitions(MachineDefinition& machine)
{
    std::array<bool, most_partitions + 1> taken {};
    for (const auto& partition : machine.partitions)
        taken[partition.number] = true;
    taken[0] = true;
    for (auto& partition : machine.partitions)
        if (partition.number == 0) {
            auto free = std::ranges::find(taken, false);
            *free = true;
            partition.number = static_cast<u8>(free - taken.begin());
        }
}

[[nodiscard]] Result<void> validate_storage(const MachineDefinition& machine, const PartitionDefinition& partition)
{
    for (auto [what, size] : { std::pair("memory", partition.memory), std::pair("max-memory", partition.maximum_memory) })
        if (size == 0 || size % machine.block_size != 0)
            return fail(fmt::format("partition {}: {} must be a multiple of the machine's block size {}, not {}", partition.name, what,
                size_text(machine.block_size), size_text(size)));
    if (partition.memory > machine.storage)
        return fail(fmt::format("partition {}: memory {} is more than the machine's storage {}", partition.name,
            size_text(partition.memory), size_text(machine.storage)));
    return {};
}

[[nodiscard]] Result<void> validate_boards(const MachineDefinition& machine)
{
    if (machine.boards.size() > most_boards)
        return fail(fmt::format("{} boards are defined; a machine has at most {}", machine.boards.size(), most_boards));
    u64 cpus = 0;
    for (const auto& board : machine.boards) {
        cpus += board.cpus;
        if (board.cpus == 0 || board.storage == 0 || board.storage % machine.block_size != 0)
            return fail(fmt::format(
                "board {}: it has cpus, and memory that is a multiple of the block size {}", board.name, size_text(machine.block_size)));
    }
    if (cpus > most_physical_cpus)
        return fail(fmt::format("the boards have {} CPUs; a machine has at most {}", cpus, most_physical_cpus));
    return {};
}

[[nodiscard]] Result<void> validate_partitions(const MachineDefinition& machine)
{
    std::array<const PartitionDefinition*, most_partitions + 1> by_number {};
    for (const auto& partition : machine.partitions) {
        const auto*& owner = by_number[partition.number];
        if (owner)
            return fail(fmt::format("partitions {} and {} both have number {}", owner->name, partition.name, partition.number));
        owner = &partition;
        TRY_VOID(validate_storage(machine, partition));
        if (partition.dedicated && partition.cpus >= machine.physical_cpus + (machine.partitions.size() == 1 ? 1u : 0u))
            return fail(fmt::format("partition {}: {} dedicated CPUs leave none of the machine's {} physical CPUs to others",
                partition.name, partition.cpus, machine.physical_cpus));
        bool known
            = partition.group.empty() || std::ranges::any_of(machine.groups, [&](const auto& g) { return g.name == partition.group; });
        if (!known)
            return fail(fmt::format("partition {}: there is no [group.{}]", partition.name, partition.group));
    }
    return {};
}

[[nodiscard]] Result<void> validate(const MachineDefinition& machine)
{
    if (machine.partitions.empty())
        return fail("no partition is defined: write at least one [partition.NAME]");
    if (machine.partitions.size() > most_partitions)
        return fail(fmt::format("{} partitions are defined; a machine has at most {}", machine.partitions.size(), most_partitions));
    if (!std::has_single_bit(machine.block_size) || machine.block_size < mega || machine.block_size > largest_block)
        return fail(fmt::format("block-size must be 1M, 2M, 4M ... 256M, not {}", size_text(machine.block_size)));
    TRY_VOID(validate_boards(machine));
    if (machine.storage % machine.block_size != 0)
        return fail(fmt::format(
            "storage must be a multiple of the block size {}, not {}", size_text(machine.block_size), size_text(machine.storage)));
    return validate_partitions(machine);
}

/// What the file leaves out follows from the host and from the partitions.
void complete(MachineDefinition& machine)
{
    if (machine.name.empty())
        machine.name = "CPC1";
    if (!machine.boards.empty()) {
        machine.physical_cpus = 0;
        machine.storage = 0;
    }
    for (const auto& board : machine.boards) {
        machine.physical_cpus = static_cast<u16>(machine.physical_cpus + board.cpus);
        machine.storage += board.storage;
    }
    if (machine.storage == 0)
        for (const auto& partition : machine.partitions)
            machine.storage += partition.maximum_memory;
    for (auto& partition : machine.partitions)
        partition.block_size = machine.block_size;
    number_partitions(machine);
}

[[nodiscard]] Result<MachineDefinition> definition_of(const toml::table& file, const std::string& path)
{
    MachineDefinition machine;
    machine.physical_cpus = static_cast<u16>(std::max(1u, std::thread::hardware_concurrency()));
    for (const auto& [name, node] : file) {
        if (name != "machine" && name != "group" && name != "board" && name != "partition")
            return fail(fmt::format(
                "{}: unknown table '{}', expected machine, board.NAME, group.NAME or partition.NAME", place_of(path, node), name.str()));
        const auto* table = TRY(table_of(path, name.str(), node));
        TRY_VOID(read_section(machine, name.str(), *table, path));
    }
    for (const char* key : { "physical-cpus", "storage" })
        if (const auto* node = file["machine"][key].node(); node && !machine.boards.empty())
            return fail(fmt::format("{}: {} follows from the boards", place_of(path, *node), key));
    complete(machine);
    if (auto valid = validate(machine); !valid)
        return fail(fmt::format("{}: {}", path, valid.error().message));
    return machine;
}

} // namespace

Result<MachineDefinition> read_machine_definition(const std::string& path)
{
    return definition_of(TRY(read_toml(path)), path);
}

Result<MachineDefinition> parse_machine_definition(std::string_view text, const std::string& path)
{
    return definition_of(TRY(parse_toml(text, path)), path);
}

} // namespace zvisor
