#include "debug/elf_file.h"
#include "debug/symbols.h"

#include "base/big_endian.h"

#include <cstring>
#include <elf.h>
#include <gmock/gmock.h>

namespace zvisor::debug {
namespace {

using testing::HasSubstr;

[[nodiscard]] Result<Symbols> parse(std::string_view text)
{
    return Symbols::parse({ reinterpret_cast<const u8*>(text.data()), text.size() }, "System.map");
}

TEST(Symbols, NamesPlacesFromASystemMap)
{
    auto symbols = parse("0000000000001000 T first\n0000000000001000 t alias\n0000000000002000 D second\n");
    ASSERT_TRUE(symbols) << symbols.error().message;
    EXPECT_EQ(symbols->name(0x1000), "first");
    EXPECT_EQ(symbols->name(0x1012), "first+0x12");
    EXPECT_EQ(symbols->name(0x2004), "second+0x4");
    EXPECT_EQ(symbols->name(0xfff), "");
    EXPECT_EQ(symbols->name(0x20000000), "") << "too far behind the last symbol";
    EXPECT_EQ(symbols->address_of("second"), 0x2000);
    EXPECT_EQ(symbols->address_of("third"), std::nullopt);
}

TEST(Symbols, SaysWhichLineIsWrong)
{
    EXPECT_THAT(parse("0000000000001000 T first\nsecond\n").error().message, HasSubstr("'System.map' line 2"));
    EXPECT_THAT(parse("\n").error().message, HasSubstr("has no symbols"));
}

TEST(Symbols, AddressesOutsideASymbolOfKnownSizeAtTheEndHaveNoName)
{
    Symbols symbols({ { 0x1000, 0x10, "only" } });
    EXPECT_EQ(symbols.name(0x100f), "only+0xf");
    EXPECT_EQ(symbols.name(0x1010), "");
}

/// An ELF file of one code section, a symbol table and its strings.
[[nodiscard]] std::vector<u8> small_elf()
{
    constexpr u64 code_at = 64, strings_at = 80, symbols_at = 104, headers_at = 152;
    std::vector<u8> file(headers_at + 4 * sizeof(Elf64_Shdr));
    auto put = [&]<class T>(u64 at, T value) { store_be<T>(file.data() + at, value); };
    std::memcpy(file.data(), ELFMAG, SELFMAG);
    file[EI_CLASS] = ELFCLASS64;
    file[EI_DATA] = ELFDATA2MSB;
    put(offsetof(Elf64_Ehdr, e_machine), u16 { EM_S390 });
    put(offsetof(Elf64_Ehdr, e_shoff), u64 { headers_at });
    put(offsetof(Elf64_Ehdr, e_shentsize), u16 { sizeof(Elf64_Shdr) });
    put(offsetof(Elf64_Ehdr, e_shnum), u16 { 4 });
    put(offsetof(Elf64_Ehdr, e_shstrndx), u16 { 2 });
    std::memcpy(file.data() + strings_at, "\0.text\0.names\0begin\0", 20);
    auto section = [&](unsigned index, u32 name, u32 type, u64 flags, u64 address, u64 offset, u64 size, u32 link) {
        u64 at = headers_at + index * sizeof(Elf64_Shdr);
        put(at + offsetof(Elf64_Shdr, sh_name), name);
        put(at + offsetof(Elf64_Shdr, sh_type), type);
        put(at + offsetof(Elf64_Shdr, sh_flags), flags);
        put(at + offsetof(Elf64_Shdr, sh_addr), address);
        put(at + offsetof(Elf64_Shdr, sh_offset), offset);
        put(at + offsetof(Elf64_Shdr, sh_size), size);
        put(at + offsetof(Elf64_Shdr, sh_link), link);
    };
    section(1, 1, SHT_PROGBITS, SHF_EXECINSTR, 0x1000, code_at, 16, 0);
    section(2, 7, SHT_STRTAB, 0, 0, strings_at, 20, 0);
    section(3, 7, SHT_SYMTAB, 0, 0, symbols_at, 48, 2);
    u64 symbol = symbols_at + sizeof(Elf64_Sym);
    put(symbol + offsetof(Elf64_Sym, st_name), u32 { 14 });
    file[symbol + offsetof(Elf64_Sym, st_info)] = STB_GLOBAL << 4 | STT_FUNC;
    put(symbol + offsetof(Elf64_Sym, st_shndx), u16 { 1 });
    put(symbol + offsetof(Elf64_Sym, st_value), u64 { 0x1004 });
    return file;
}

TEST(ElfFile, ReadsSectionsAndSymbols)
{
    auto bytes = small_elf();
    auto file = ElfFile::parse(bytes, "small");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->sections[1].name, ".text");
    EXPECT_TRUE(file->sections[1].executable);
    EXPECT_EQ(Symbols::parse(bytes, "small")->name(0x1006), "begin+0x2");
}

TEST(ElfFile, RefusesWhatIsCutOffOrForAnotherMachine)
{
    auto bytes = small_elf();
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(ElfFile::parse(std::span(bytes).first(size), "cut")) << size;
    bytes[EI_DATA] = ELFDATA2LSB;
    EXPECT_THAT(ElfFile::parse(bytes, "little").error().message, HasSubstr("expected 64-bit s390x"));
}

} // namespace
} // namespace zvisor::debug
