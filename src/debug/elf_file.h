#pragma once

#include "base/result.h"
#include "base/types.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zvisor::debug {

struct ElfSection {
    std::string name;
    u64 address { 0 };
    /// Where its bytes are in the file; nothing for a section without any.
    u64 offset { 0 };
    u64 size { 0 };
    bool executable { false };
};

struct ElfSymbol {
    std::string name;
    u64 address { 0 };
    u64 size { 0 };
    bool function { false };
    bool global { false };
};

/// What a listing and a symbol table need of a 64-bit big-endian s390x ELF file. Everything in the file is checked
/// against its size.
struct ElfFile {
    std::vector<ElfSection> sections;
    std::vector<ElfSymbol> symbols;

    [[nodiscard]] static bool is_elf(std::span<const u8> bytes);
    /// `name` is for messages.
    [[nodiscard]] static Result<ElfFile> parse(std::span<const u8> bytes, std::string_view name);
};

/// The whole file; the error names it.
[[nodiscard]] Result<std::vector<u8>> read_bytes(const std::string& path);

} // namespace zvisor::debug
