#include "image/kernel_modules.h"

#include "base/big_endian.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <set>

namespace zvisor::image {

namespace {

/// The file header and section header of a 64-bit ELF file (System V ABI), as an s390x module has them.
struct ElfHeader {
    u8 ident[16];
    Be<u16> type, machine;
    Be<u32> version;
    Be<u64> entry, program_headers, section_headers;
    Be<u32> flags;
    Be<u16> header_size, program_header_size, program_header_count, section_header_size, section_count, name_section;
};
static_assert(sizeof(ElfHeader) == 64);

struct SectionHeader {
    Be<u32> name, type;
    Be<u64> flags, address, offset, size;
    Be<u32> link, info;
    Be<u64> alignment, entry_size;
};
static_assert(sizeof(SectionHeader) == 64);

template<class T>
std::optional<T> read_at(std::string_view bytes, u64 offset)
{
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::string_view slice(std::string_view bytes, u64 offset, u64 size)
{
    return offset <= bytes.size() && size <= bytes.size() - offset ? bytes.substr(offset, size) : std::string_view {};
}

std::string_view contents(std::string_view object, const SectionHeader& section)
{
    return slice(object, section.offset, section.size);
}

/// The section of that name, empty when there is none.
std::string_view section_named(std::string_view object, std::string_view wanted)
{
    auto header = read_at<ElfHeader>(object, 0);
    if (!header || std::memcmp(header->ident, "\177ELF\2\2", 6) != 0)
        return {};
    auto section = [&](u64 index) { return read_at<SectionHeader>(object, header->section_headers + index * sizeof(SectionHeader)); };
    auto names = section(header->name_section);
    if (!names)
        return {};
    for (u64 i = 0; i < header->section_count; ++i) {
        auto candidate = section(i);
        if (!candidate)
            return {};
        std::string_view all = contents(object, *names);
        std::string_view name = all.substr(std::min<std::size_t>(candidate->name, all.size()));
        if (name.substr(0, name.find('\0')) == wanted)
            return contents(object, *candidate);
    }
    return {};
}

/// Appends the names in `list`, which are set apart by any of `separators`.
void append_names(std::vector<std::string>& names, std::string_view list, std::string_view separators)
{
    for (std::size_t at = 0; (at = list.find_first_not_of(separators, at)) != std::string_view::npos;) {
        std::size_t end = std::min(list.find_first_of(separators, at), list.size());
        names.push_back(module_name(list.substr(at, end - at)));
        at = end;
    }
}

class LoadOrder {
public:
    explicit LoadOrder(const ModuleFinder& find)
        : m_find(find)
    {
    }

    Result<void> add(const std::string& name)
    {
        if (!m_seen.insert(name).second)
            return {};
        auto object = TRY(m_find(name));
        if (!object)
            return {};
        for (const auto& dependency : TRY(dependencies_of_module(name, *object)))
            TRY(add(dependency));
        m_order.push_back({ name, std::move(*object) });
        return {};
    }
    std::vector<KernelModule> take() && { return std::move(m_order); }

private:
    const ModuleFinder& m_find;
    std::set<std::string> m_seen;
    std::vector<KernelModule> m_order;
};

} // namespace

std::string module_name(std::string_view file_stem)
{
    std::string name(file_stem);
    std::ranges::replace(name, '-', '_');
    return name;
}

Result<std::vector<std::string>> dependencies_of_module(std::string_view name, std::string_view object)
{
    std::string_view info = section_named(object, ".modinfo");
    if (info.empty())
        return fail(fmt::format("the kernel module {} is not a big-endian 64-bit ELF file with a .modinfo section", name));
    std::vector<std::string> names;
    while (!info.empty()) {
        std::string_view field = info.substr(0, info.find('\0'));
        if (field.starts_with("depends="))
            append_names(names, field.substr(8), ",");
        if (field.starts_with("softdep=pre:"))
            append_names(names, field.substr(12, field.find("post:") - 12), " ");
        info.remove_prefix(std::min(field.size() + 1, info.size()));
    }
    return names;
}

Result<std::vector<KernelModule>> modules_in_load_order(std::span<const std::string_view> wanted, const ModuleFinder& find)
{
    LoadOrder order(find);
    for (auto name : wanted)
        TRY(order.add(module_name(name)));
    return std::move(order).take();
}

} // namespace zvisor::image
