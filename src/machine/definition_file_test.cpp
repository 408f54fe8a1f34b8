#include "machine/definition_file.h"

#include "machine/config.h"

#include <gtest/gtest.h>

namespace zvisor {
namespace {

constexpr const char* sample = R"(
[machine]
name = "CPC1"
physical-cpus = 4
storage = "2G"
[group.TEST]
cap = 1.5
[partition.WEB]
memory = "512M"
max-memory = "1G"
cpus = 2
weight = 300
group = "TEST"
kernel = "vmlinuz"
disk = ["a.img", "b.img,ro"]
[partition.DB]
number = 1
memory = "256M"
dedicated = true
capped = true
cap = 0.25
autostart = false
global-performance-data = true
kernel = "/boot/vmlinuz"
personality = "kvm"
)";

[[nodiscard]] std::string error_of(std::string text)
{
    auto machine = parse_machine_definition(text, "m.toml");
    return machine ? "" : machine.error().message;
}

/// The sample with `from` replaced by `to`.
[[nodiscard]] std::string with(std::string_view from, std::string_view to)
{
    std::string text = sample;
    return text.replace(text.find(from), from.size(), to);
}

TEST(MachineDefinition, IsReadFromToml)
{
    auto machine = parse_machine_definition(sample, "/machines/m.toml");
    ASSERT_TRUE(machine) << machine.error().message;
    EXPECT_EQ(machine->physical_cpus, 4);
    EXPECT_EQ(machine->storage, u64 { 2 } << 30);
    EXPECT_EQ(machine->groups.at(0).cap_hundredths, 150u);
    const auto& web = machine->partitions.at(0);
    EXPECT_EQ(web.name, "WEB");
    EXPECT_EQ(web.number, 2) << "the lowest number nobody asked for";
    EXPECT_EQ(web.maximum_memory, u64 { 1 } << 30);
    EXPECT_EQ(web.maximum_cpus, 2);
    EXPECT_EQ(web.group, "TEST");
    EXPECT_FALSE(web.authority.global_performance_data);
    const auto& db = machine->partitions.at(1);
    EXPECT_TRUE(db.dedicated && db.capped && !db.autostart && db.authority.global_performance_data);
    EXPECT_EQ(db.cap_hundredths, 25u);
}

TEST(MachineDefinition, AProfileIsAMachineFileWithFilesOfItsFolder)
{
    auto machine = parse_machine_definition(sample, "/machines/m.toml");
    ASSERT_TRUE(machine) << machine.error().message;
    auto web = parse_machine_config(machine->partitions[0].profile, "profile");
    ASSERT_TRUE(web) << web.error().message;
    EXPECT_EQ(web->kernel, "/machines/vmlinuz");
    EXPECT_EQ(web->disks.at(1).path, "/machines/b.img");
    EXPECT_TRUE(web->disks.at(1).read_only);
    EXPECT_EQ(web->name, "WEB");
    EXPECT_EQ(web->personality, "lpar");
    EXPECT_EQ(web->cpus, 2);
    EXPECT_EQ(parse_machine_config(machine->partitions[1].profile, "profile")->personality, "kvm");
}

TEST(MachineDefinition, MistakesAreNamed)
{
    EXPECT_EQ(error_of(""), "m.toml: no partition is defined: write at least one [partition.NAME]");
    EXPECT_EQ(
        error_of(with("[machine]", "[cpc]")), "m.toml:2: unknown table 'cpc', expected machine, board.NAME, group.NAME or partition.NAME");
    EXPECT_EQ(error_of(with("weight = 300", "weight = 1000")), "m.toml:12: weight must be 1 to 999, not 1000");
    EXPECT_EQ(error_of(with("weight = 300", "wait = 3")), "m.toml:12: unknown key 'wait' of a partition");
    EXPECT_EQ(error_of(with("weight = 300", "number = 1")), "m.toml: partitions WEB and DB both have number 1");
    EXPECT_EQ(error_of(with("\"512M\"", "\"500M\"")),
        "m.toml: partition WEB: memory must be a multiple of the machine's block size 64M, not 500M");
    EXPECT_EQ(error_of(with("\"512M\"", "\"4G\"")), "m.toml: partition WEB: memory 4G is more than the machine's storage 2G");
    EXPECT_EQ(error_of(with("group = \"TEST\"", "group = \"PROD\"")), "m.toml: partition WEB: there is no [group.PROD]");
    EXPECT_EQ(error_of(with("cap = 1.5", "cap = 0")), "m.toml:7: cap must be 0.01 to 248 physical CPUs, not 0");
    EXPECT_EQ(error_of(with("physical-cpus = 4", "block-size = \"3M\"")), "m.toml: block-size must be 1M, 2M, 4M ... 256M, not 3M");
    EXPECT_EQ(error_of("[machine]\n[partition]\nA = 1"), "m.toml:3: 'partition.A' must be a table, written [partition.A]");
}

TEST(MachineDefinition, IsTheSumOfItsBoards)
{
    std::string text = with("physical-cpus = 4\nstorage = \"2G\"\n", "");
    auto machine
        = parse_machine_definition(text + "[board.SB2]\ncpus = 3\nmemory = \"2G\"\n[board.SB1]\ncpus = 1\nmemory = \"1G\"\n", "m.toml");
    ASSERT_TRUE(machine) << machine.error().message;
    EXPECT_EQ(machine->physical_cpus, 4);
    EXPECT_EQ(machine->storage, u64 { 3 } << 30);
    ASSERT_EQ(machine->boards.size(), 2u);
    EXPECT_EQ(machine->boards[0].name, "SB2") << "in the file's order";
    EXPECT_EQ(
        error_of(std::string(sample) + "[board.SB1]\ncpus = 4\nmemory = \"2G\"\n"), "m.toml:4: physical-cpus follows from the boards");
    EXPECT_EQ(error_of(text + "[board.SB1]\ncpus = 4\nmemory = \"100M\"\n"),
        "m.toml: board SB1: it has cpus, and memory that is a multiple of the block size 64M");
    EXPECT_EQ(
        error_of(text + "[board.SB1]\ncpus = 4\n"), "m.toml: board SB1: it has cpus, and memory that is a multiple of the block size 64M");
}

} // namespace
} // namespace zvisor
