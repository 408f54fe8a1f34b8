#include "isa/aliases.h"
#include "isa/described.h"
#include "isa/disassembler.h"
#include "isa/text.h"

#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <unistd.h>

namespace zvisor::isa {
namespace {

constexpr const char* objdump = "s390x-linux-gnu-objdump";
constexpr std::size_t slot = 16;
constexpr char filler = 0x07; // nopr %r7: objdump is in step again at the next slot whatever it took the instruction for
constexpr unsigned random_tries = 24;

/// Facilities that binutils 2.40 does not know yet.
constexpr Facility newer_than_binutils[] = {
    Facility::miscellaneous_instruction_extensions_4,
    Facility::vector_enhancements_3,
    Facility::vector_packed_decimal_enhancement_3,
};

/// Instructions no assembler needs: only hypervisors or the kernel, which spells them by hand, use them.
constexpr std::string_view unknown_to_binutils[] = { "STHYI", "SERVC", "CHSC", "SIC" };

[[nodiscard]] bool is_known_to_binutils(const Row& row)
{
    return std::ranges::find(newer_than_binutils, row.facility) == std::end(newer_than_binutils)
        && std::ranges::find(unknown_to_binutils, row.mnemonic) == std::end(unknown_to_binutils);
}

[[nodiscard]] std::string text(std::string_view hex)
{
    std::vector<u8> bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<u8>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
    return disassemble(bytes, 0x1000).text();
}

/// What objdump writes for instructions that stand a slot apart from address 0.
[[nodiscard]] std::vector<std::string> objdump_text(const std::vector<u64>& instructions)
{
    auto path = std::filesystem::temp_directory_path() / fmt::format("zvisor-disassembler-{}.bin", getpid());
    std::ofstream file(path, std::ios::binary);
    for (u64 bits : instructions)
        for (std::size_t i = 0; i < slot; ++i)
            file.put(i < instruction_length(static_cast<u8>(bits >> 56)) ? static_cast<char>(bits >> (56 - 8 * i)) : filler);
    file.close();
    auto command = fmt::format("{} -D -z -b binary -m s390:64-bit -M zarch --no-show-raw-insn {}", objdump, path.string());
    std::vector<std::string> lines(instructions.size());
    FILE* pipe = popen(command.c_str(), "r");
    char line[512];
    while (pipe && std::fgets(line, sizeof line, pipe)) {
        char* end = nullptr;
        u64 address = std::strtoull(line, &end, 16);
        if (end == line || *end != ':' || address % slot != 0 || address / slot >= lines.size())
            continue;
        std::string found = end + 1;
        found.erase(0, found.find_first_not_of(" \t"));
        found.erase(found.find_last_not_of(" \t\n") + 1);
        if (auto tab = found.find('\t'); tab != std::string::npos)
            found[tab] = ' ';
        lines[address / slot] = found;
    }
    EXPECT_EQ(pclose(pipe), 0) << command;
    std::filesystem::remove(path);
    return lines;
}

/// The row's opcode with random operands, where objdump's text is unambiguous.
[[nodiscard]] u64 random_instruction(const Row& row, std::mt19937_64& random)
{
    auto fill = [&](u64 bits, unsigned at, unsigned width) {
        if (width == 0)
            return bits;
        return bits | (random() & ((u64 { 1 } << width) - 1)) << (64 - at - width);
    };
    u64 bits = opcode_bits(row);
    for (const auto& info : row.format->operands) {
        bits = fill(bits, info.at, info.width);
        if (info.kind >= OperandKind::base_displacement)
            bits = fill(bits, info.base, 16);
        if (info.long_displacement)
            bits = fill(bits, 32, 8);
        if (info.rxb < 4)
            bits = fill(bits, 36u + info.rxb, 1);
    }
    return bits;
}

/// objdump 2.40 leaves %v0 out of an address.
[[nodiscard]] u64 unambiguous(const Row& row, u64 bits)
{
    bool has_vector_index
        = std::ranges::any_of(row.format->operands, [](const auto& info) { return info.kind == OperandKind::base_vector_index; });
    return has_vector_index ? bits | u64 { 1 } << 48 : bits;
}

[[nodiscard]] std::vector<u64> instructions_of(const Row& row, std::mt19937_64& random)
{
    std::vector<u64> found { opcode_bits(row) };
    if (std::string_view example = row.examples[0] ? row.examples[0] : ""; !example.empty())
        if (auto bits = assemble(row, example.substr(0, example.find('|')), 0))
            found.push_back(*bits);
    for (unsigned i = 0; i < random_tries; ++i)
        found.push_back(random_instruction(row, random));
    for (const Alias& alias : all_aliases())
        if (alias.row == &row)
            found.push_back((random_instruction(row, random) & ~alias.mask) | alias.value);
    for (u64& bits : found)
        bits = unambiguous(row, bits);
    return found;
}

TEST(Disassembler, WritesWhatObjdumpWrites)
{
    if (std::system(fmt::format("command -v {} > /dev/null", objdump).c_str()) != 0)
        GTEST_SKIP() << "binutils for s390x are not installed; tools/setup check installs them";
    std::mt19937_64 random(1);
    std::vector<const Row*> rows;
    std::vector<u64> instructions;
    std::vector<const Row*> every = all_rows();
    for (const Row& row : described_rows())
        every.push_back(&row);
    for (const Row* row : every) {
        if (!is_known_to_binutils(*row))
            continue;
        for (u64 bits : instructions_of(*row, random)) {
            rows.push_back(row);
            instructions.push_back(bits);
        }
    }
    auto expected = objdump_text(instructions);
    std::set<const Row*> told;
    for (std::size_t i = 0; i < instructions.size(); ++i) {
        auto found = disassemble(instructions[i], i * slot).text();
        if (found != expected[i] && told.insert(rows[i]).second)
            ADD_FAILURE() << fmt::format(
                "{}: {:016x} is '{}', objdump writes '{}'", rows[i]->mnemonic, instructions[i], found, expected[i]);
    }
}

TEST(Disassembler, WritesExtendedMnemonicsAndData)
{
    EXPECT_EQ(text("a7740008"), "jne 0x1010");
    EXPECT_EQ(text("a7f4fff8"), "j 0xff0");
    EXPECT_EQ(text("c00400000008"), "jgnop 0x1010");
    EXPECT_EQ(text("47000000"), "nop 0");
    EXPECT_EQ(text("0700"), "nopr");
    EXPECT_EQ(text("0707"), "nopr %r7");
    EXPECT_EQ(text("07fe"), "br %r14");
    EXPECT_EQ(text("ec1200086064"), "cgrjne %r1,%r2,0x1010");
    EXPECT_EQ(text("ec1230bf4055"), "risbgz %r1,%r2,48,63,64");
    EXPECT_EQ(text("ec12303f4055"), "risbg %r1,%r2,48,63,64");
    EXPECT_EQ(text("d20412345678"), "mvc 564(5,%r1),1656(%r5)");
    EXPECT_EQ(text("e31020000171"), "lay %r1,4096(%r2)");
    EXPECT_EQ(text("0000"), ".short 0x0000");
    EXPECT_EQ(text("00000000"), ".long 0x00000000");
    EXPECT_EQ(text("00"), ".byte 0x00");
    EXPECT_EQ(text("a774"), ".short 0xa774") << "cut off";
    EXPECT_EQ(text("b9041012"), ".long 0xb9041012") << "a reserved bit is set";
}

TEST(Disassembler, AsksForTheNameOfAnAddress)
{
    const u8 bytes[] { 0xc0, 0xe5, 0, 0, 0, 8 };
    auto found = disassemble(bytes, 0x1000, [](u64 address) { return fmt::format("<{:x}>", address); });
    EXPECT_EQ(found.text(), "brasl %r14,<1010>");
}

TEST(Aliases, AssembleToWhatTheyDisassembleFrom)
{
    std::mt19937_64 random(2);
    for (const Alias& alias : all_aliases()) {
        u64 bits = (random_instruction(*alias.row, random) & ~alias.mask) | alias.value;
        auto written = disassemble(bits, 0x1000);
        std::string upper;
        for (char c : written.mnemonic)
            upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        auto again = assemble(upper + " " + written.operands, 0x1000);
        ASSERT_TRUE(again) << alias.mnemonic << ": " << again.error().message;
        EXPECT_EQ(*again, bits) << alias.mnemonic << ": " << written.text();
    }
}

} // namespace
} // namespace zvisor::isa
