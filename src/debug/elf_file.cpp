#include "debug/elf_file.h"

#include "base/big_endian.h"

#include <cerrno>
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>

namespace zvisor::debug {

namespace {

struct Header {
    u8 identification[EI_NIDENT];
    Be<u16> type;
    Be<u16> machine;
    Be<u32> version;
    Be<u64> entry;
    Be<u64> program_headers;
    Be<u64> section_headers;
    Be<u32> flags;
    Be<u16> header_size;
    Be<u16> program_header_size;
    Be<u16> program_header_count;
    Be<u16> section_header_size;
    Be<u16> section_header_count;
    Be<u16> section_names;
};
static_assert(sizeof(Header) == sizeof(Elf64_Ehdr));

struct SectionHeader {
    Be<u32> name;
    Be<u32> type;
    Be<u64> flags;
    Be<u64> address;
    Be<u64> offset;
    Be<u64> size;
    Be<u32> link;
    Be<u32> info;
    Be<u64> alignment;
    Be<u64> entry_size;
};
static_assert(sizeof(SectionHeader) == sizeof(Elf64_Shdr));

struct SymbolEntry {
    Be<u32> name;
    u8 information;
    u8 other;
    Be<u16> section;
    Be<u64> value;
    Be<u64> size;
};
static_assert(sizeof(SymbolEntry) == sizeof(Elf64_Sym));

class Reader {
public:
    Reader(std::span<const u8> bytes, std::string_view name)
        : m_bytes(bytes)
        , m_name(name)
    {
    }

    [[nodiscard]] Result<ElfFile> read()
    {
        auto header = at<Header>(0);
        if (!header || !ElfFile::is_elf(m_bytes))
            return wrong("it is no ELF file");
        if (header->identification[EI_CLASS] != ELFCLASS64 || header->identification[EI_DATA] != ELFDATA2MSB || header->machine != EM_S390)
            return wrong("it is an ELF file for another machine, expected 64-bit s390x");
        if (header->section_headers != 0 && header->section_header_size != sizeof(SectionHeader))
            return wrong("its section headers have an unknown size");
        for (u64 i = 0; i < header->section_header_count; ++i) {
            auto section = at<SectionHeader>(header->section_headers + i * sizeof(SectionHeader));
            if (!section)
                return wrong("its section headers are truncated");
            m_headers.push_back(*section);
        }
        TRY_VOID(read_sections(header->section_names));
        m_relocatable = header->type == ET_REL;
        TRY_VOID(read_symbols());
        return std::move(m_file);
    }

private:
    [[nodiscard]] std::unexpected<Error> wrong(std::string_view why) const
    {
        return fail(fmt::format("'{}' cannot be read: {}", m_name, why));
    }

    template<class T>
    [[nodiscard]] std::optional<T> at(u64 offset) const
    {
        if (offset > m_bytes.size() || m_bytes.size() - offset < sizeof(T))
            return {};
        T value;
        std::memcpy(&value, m_bytes.data() + offset, sizeof value);
        return value;
    }

    [[nodiscard]] bool is_inside(const SectionHeader& section) const
    {
        return section.type == SHT_NOBITS || (section.offset <= m_bytes.size() && section.size <= m_bytes.size() - section.offset);
    }

    /// The string at `offset` of a string table, empty when it is outside.
    [[nodiscard]] std::string text(const SectionHeader& table, u64 offset) const
    {
        if (table.type == SHT_NOBITS || offset >= table.size)
            return "";
        auto left = m_bytes.subspan(table.offset + offset, table.size - offset);
        auto* first = reinterpret_cast<const char*>(left.data());
        return { first, strnlen(first, left.size()) };
    }

    Result<void> read_sections(u16 names)
    {
        for (const auto& header : m_headers)
            if (!is_inside(header))
                return wrong("a section lies outside the file");
        for (const auto& header : m_headers) {
            bool has_bytes = header.type != SHT_NOBITS && header.type != SHT_NULL;
            m_file.sections.push_back({ .name = names < m_headers.size() ? text(m_headers[names], header.name) : "",
                .address = header.address,
                .offset = header.offset,
                .size = has_bytes ? u64 { header.size } : 0,
                .executable = (header.flags & SHF_EXECINSTR) != 0 });
        }
        return {};
    }

    /// The symbol table, or the dynamic one of a stripped file.
    Result<void> read_symbols()
    {
        for (u32 type : { u32 { SHT_SYMTAB }, u32 { SHT_DYNSYM } }) {
            for (const auto& header : m_headers)
                if (header.type == type && header.link < m_headers.size())
                    read_symbol_table(header);
            if (!m_file.symbols.empty())
                break;
        }
        return {};
    }

    void read_symbol_table(const SectionHeader& table)
    {
        for (u64 offset = 0; offset + sizeof(SymbolEntry) <= table.size; offset += sizeof(SymbolEntry)) {
            auto entry = at<SymbolEntry>(table.offset + offset);
            if (!entry)
                return;
            u8 type = entry->information & 0xf;
            bool named = type == STT_NOTYPE || type == STT_FUNC || type == STT_OBJECT || type == STT_GNU_IFUNC;
            if (!named || entry->section == SHN_UNDEF || entry->section == SHN_ABS || entry->section >= m_headers.size())
                continue;
            std::string name = text(m_headers[table.link], entry->name);
            if (name.empty())
                continue;
            m_file.symbols.push_back({ .name = std::move(name),
                .address = entry->value + (m_relocatable ? u64 { m_headers[entry->section].address } : 0),
                .size = entry->size,
                .function = type == STT_FUNC || type == STT_GNU_IFUNC,
                .global = entry->information >> 4 != STB_LOCAL });
        }
    }

    std::span<const u8> m_bytes;
    std::string_view m_name;
    std::vector<SectionHeader> m_headers;
    bool m_relocatable { false };
    ElfFile m_file;
};

} // namespace

bool ElfFile::is_elf(std::span<const u8> bytes)
{
    return bytes.size() >= SELFMAG && std::memcmp(bytes.data(), ELFMAG, SELFMAG) == 0;
}

Result<ElfFile> ElfFile::parse(std::span<const u8> bytes, std::string_view name)
{
    return Reader(bytes, name).read();
}

Result<std::vector<u8>> read_bytes(const std::string& path)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return fail(fmt::format("'{}' is a directory, expected a file", path));
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return fail(fmt::format("cannot open '{}': {}", path, std::strerror(errno)));
    return std::vector<u8>(std::istreambuf_iterator<char>(file), {});
}

} // namespace zvisor::debug
