// zvisor disasm: code of files and of the command line in objdump's words.

#include "apps/zvisor/commands.h"
#include "debug/elf_file.h"
#include "debug/listing.h"

#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <optional>

namespace zvisor {

namespace {

using debug::ElfFile;
using debug::Symbols;

struct DisasmOptions {
    std::string file;
    std::vector<std::string> hex;
    std::string base;
    std::string from;
    std::string to;
    std::string symbols;
    bool zeroes { false };
};

// Linux on Z: the bootable image has its entry at 64 KiB and says so right behind it.
constexpr std::size_t linux_entry = 0x10000;
constexpr std::string_view linux_mark = "S390EP";

void write_line(std::string_view line)
{
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
}

[[nodiscard]] Result<u64> parse_address(const std::string& text, std::string_view flag, u64 otherwise)
{
    if (text.empty())
        return otherwise;
    std::string_view digits = text;
    if (digits.starts_with("0x"))
        digits.remove_prefix(2);
    u64 value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc {} || end != digits.data() + digits.size())
        return fail(fmt::format("{} '{}' is not an address, expected hexadecimal digits", flag, text));
    return value;
}

[[nodiscard]] Result<std::vector<u8>> parse_hex(const std::vector<std::string>& words)
{
    std::string digits;
    for (const auto& word : words)
        for (char c : word)
            if (!std::isspace(static_cast<unsigned char>(c)) && c != ',')
                digits += c;
    if (digits.starts_with("0x"))
        digits.erase(0, 2);
    if (digits.size() % 2 != 0)
        return fail(fmt::format("--hex has {} digits, expected two for each byte", digits.size()));
    std::vector<u8> bytes(digits.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const char* first = digits.data() + 2 * i;
        auto [end, error] = std::from_chars(first, first + 2, bytes[i], 16);
        if (error != std::errc {} || end != first + 2)
            return fail(fmt::format("--hex: '{}' is not a byte in hexadecimal", std::string_view(first, 2)));
    }
    return bytes;
}

void list_elf(const ElfFile& file, std::span<const u8> bytes, const Symbols& symbols, const debug::ListingRange& range)
{
    for (const auto& section : file.sections) {
        bool inside = section.address < range.to && section.address + section.size > range.from;
        if (!section.executable || section.size == 0 || !inside)
            continue;
        write_line("");
        write_line(fmt::format("Disassembly of section {}:", section.name));
        debug::list_code(bytes.subspan(section.offset, section.size), section.address, symbols, range, write_line);
    }
}

[[nodiscard]] bool is_linux(std::span<const u8> bytes)
{
    std::size_t at = linux_entry + 8;
    return bytes.size() > at + linux_mark.size() && std::memcmp(bytes.data() + at, linux_mark.data(), linux_mark.size()) == 0;
}

[[nodiscard]] Result<int> disassemble_file(const DisasmOptions& options, const debug::ListingRange& range)
{
    auto bytes = TRY(debug::read_bytes(options.file));
    Symbols symbols;
    if (!options.symbols.empty())
        symbols = TRY(Symbols::read(options.symbols));
    if (ElfFile::is_elf(bytes)) {
        if (!options.base.empty())
            return fail(
                fmt::format("--base is for raw images, but '{}' is an ELF file, which says itself where its code is", options.file));
        auto file = TRY(ElfFile::parse(bytes, options.file));
        if (symbols.empty() && !file.symbols.empty())
            symbols = TRY(Symbols::parse(bytes, options.file));
        list_elf(file, bytes, symbols, range);
        return ExitStatus::success;
    }
    debug::ListingRange shown = range;
    u64 base = TRY(parse_address(options.base, "--base", 0));
    // In front of the entry there are only data of the boot loader.
    if (is_linux(bytes) && options.from.empty())
        shown.from = base + linux_entry;
    debug::list_code(bytes, base, symbols, shown, write_line);
    return ExitStatus::success;
}

[[nodiscard]] Result<int> disassemble(const DisasmOptions& options)
{
    if (options.file.empty() == options.hex.empty())
        return fail("disasm takes either a file or --hex with bytes");
    debug::ListingRange range { .from = TRY(parse_address(options.from, "--from", 0)),
        .to = TRY(parse_address(options.to, "--to", ~u64 { 0 })),
        .zeroes = options.zeroes || !options.hex.empty() };
    if (range.from >= range.to)
        return fail(fmt::format("--from {:#x} is not below --to {:#x}", range.from, range.to));
    if (!options.file.empty())
        return disassemble_file(options, range);
    auto bytes = TRY(parse_hex(options.hex));
    debug::list_code(bytes, TRY(parse_address(options.base, "--base", 0)), {}, range, write_line);
    return ExitStatus::success;
}

} // namespace

void add_disasm_command(CLI::App& app, Action& action)
{
    auto options = std::make_shared<DisasmOptions>();
    auto* command = app.add_subcommand("disasm", "List the instructions of a file or of bytes, in the words of binutils' objdump");
    command->add_option("file", options->file, "s390x ELF file, Linux image or raw binary");
    command->add_option("--hex", options->hex, "Bytes in hexadecimal instead of a file, such as 'a7f4 0008'");
    command->add_option("--base", options->base, "Address of the first byte of a raw binary or of --hex, hexadecimal (default 0)");
    command->add_option("--from", options->from, "First address to list, hexadecimal");
    command->add_option("--to", options->to, "Address to stop before, hexadecimal");
    command->add_option("--symbols", options->symbols, "ELF file or System.map with names of addresses");
    command->add_flag("-z,--zeroes", options->zeroes, "List long runs of zero bytes instead of leaving them out");
    command->callback([options, &action] {
        action = [options] {
            auto status = disassemble(*options);
            if (status)
                return *status;
            fmt::print(stderr, "zvisor: {}\n", status.error().message);
            return ExitStatus::failure;
        };
    });
}

} // namespace zvisor
