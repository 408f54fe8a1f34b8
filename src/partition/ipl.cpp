#include "partition/ipl.h"

#include "base/big_endian.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <span>
#include <sstream>

namespace zvisor {

namespace {

constexpr u64 mega = 1 << 20;

// Linux on Z: the parameter area of a kernel image.
constexpr u64 linux_entry = 0x10000;
constexpr u64 linux_magic_at = 0x10008;
constexpr u64 linux_initrd_address = 0x10408;
constexpr u64 linux_initrd_size = 0x10410;
constexpr u64 linux_command_line_limit = 0x10430;
constexpr u64 linux_command_line = 0x10480;
constexpr u64 linux_parameter_area_end = 0x11000;
constexpr u64 default_command_line_size = 896;
constexpr u64 lowest_initrd = 8 * mega;

using Bytes = std::vector<std::byte>;

[[nodiscard]] Result<Bytes> read_file(const std::string& path, std::string_view what)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return fail(fmt::format("{} '{}' is a directory, expected a file", what, path));
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return fail(fmt::format("cannot open {} '{}': {}", what, path, std::strerror(errno)));
    std::ostringstream text;
    text << file.rdbuf();
    std::string content = std::move(text).str();
    if (content.empty())
        return fail(fmt::format("{} '{}' is empty", what, path));
    auto bytes = std::as_bytes(std::span { content });
    return Bytes(bytes.begin(), bytes.end());
}

template<std::integral T>
[[nodiscard]] T at(const Bytes& bytes, u64 offset)
{
    return load_be<T>(bytes.data() + offset);
}

[[nodiscard]] Psw zarch_start(u64 address)
{
    return { Psw::extended_addressing_bit | Psw::basic_addressing_bit, address };
}

// ---- ELF ---------------------------------------------------------------------------------------------------

[[nodiscard]] bool is_elf(const Bytes& image)
{
    return image.size() >= 4 && std::memcmp(image.data(), ELFMAG, SELFMAG) == 0;
}

[[nodiscard]] Result<IplProgram> read_elf(const std::string& path, const Bytes& image)
{
    auto wrong = [&](std::string_view why) { return fail(fmt::format("kernel '{}': {}", path, why)); };
    if (image.size() < sizeof(Elf64_Ehdr))
        return wrong("the ELF header is truncated");
    if (static_cast<u8>(image[EI_CLASS]) != ELFCLASS64 || static_cast<u8>(image[EI_DATA]) != ELFDATA2MSB
        || at<u16>(image, offsetof(Elf64_Ehdr, e_machine)) != EM_S390)
        return wrong("an ELF file for another machine, expected 64-bit s390x");
    u64 headers = at<u64>(image, offsetof(Elf64_Ehdr, e_phoff));
    u16 count = at<u16>(image, offsetof(Elf64_Ehdr, e_phnum));
    if (headers > image.size() || (image.size() - headers) / sizeof(Elf64_Phdr) < count)
        return wrong("the ELF program headers are truncated");
    IplProgram program;
    program.start = zarch_start(at<u64>(image, offsetof(Elf64_Ehdr, e_entry)));
    for (u64 header = headers; header < headers + count * sizeof(Elf64_Phdr); header += sizeof(Elf64_Phdr)) {
        if (at<u32>(image, header + offsetof(Elf64_Phdr, p_type)) != PT_LOAD)
            continue;
        u64 offset = at<u64>(image, header + offsetof(Elf64_Phdr, p_offset));
        u64 size = at<u64>(image, header + offsetof(Elf64_Phdr, p_filesz));
        if (offset > image.size() || size > image.size() - offset)
            return wrong("an ELF segment is truncated");
        auto* first = image.data() + offset;
        program.parts.push_back({ at<u64>(image, header + offsetof(Elf64_Phdr, p_paddr)), Bytes(first, first + size), path });
    }
    if (program.parts.empty())
        return wrong("the ELF file has no segment to load");
    return program;
}

// ---- Images --------------------------------------------------------------------------------------------------

constexpr std::string_view linux_magic = "S390EP";

/// Also when it ends before its parameter area does.
[[nodiscard]] bool begins_as_linux(const Bytes& image)
{
    return image.size() >= linux_magic_at + linux_magic.size()
        && std::memcmp(image.data() + linux_magic_at, linux_magic.data(), linux_magic.size()) == 0;
}

[[nodiscard]] bool is_linux(const Bytes& image)
{
    return image.size() > linux_parameter_area_end && begins_as_linux(image);
}

[[nodiscard]] Result<void> set_command_line(Bytes& image, const std::string& text)
{
    u64 limit = at<u64>(image, linux_command_line_limit);
    if (limit == 0 || limit > linux_parameter_area_end)
        limit = default_command_line_size;
    if (text.size() >= limit)
        return fail(fmt::format("the command line has {} characters, the kernel takes at most {}", text.size(), limit - 1));
    if (image.size() < linux_command_line + limit)
        image.resize(linux_command_line + limit);
    std::memset(image.data() + linux_command_line, 0, limit);
    std::memcpy(image.data() + linux_command_line, text.data(), text.size());
    return {};
}

[[nodiscard]] Result<IplProgram> read_linux(const IplFiles& files, Bytes image)
{
    IplProgram program;
    program.start = zarch_start(linux_entry);
    if (!files.command_line.empty())
        TRY_VOID(set_command_line(image, files.command_line));
    if (!files.initrd.empty()) {
        Bytes initrd = TRY(read_file(files.initrd, "initrd"));
        u64 kernel_end = (image.size() + mega - 1) / mega * mega;
        u64 where = std::max(lowest_initrd, kernel_end);
        store_be<u64>(image.data() + linux_initrd_address, where);
        store_be<u64>(image.data() + linux_initrd_size, initrd.size());
        program.parts.push_back({ where, std::move(initrd), files.initrd });
    }
    program.parts.push_back({ 0, std::move(image), files.kernel });
    return program;
}

[[nodiscard]] Result<IplProgram> read_raw(const std::string& path, Bytes image)
{
    if (image.size() < 8)
        return fail(fmt::format("kernel '{}' has {} bytes, too short for the PSW a raw image begins with", path, image.size()));
    u64 first = at<u64>(image, 0);
    IplProgram program;
    program.start = Psw::from_short(first);
    if (!(first & Psw::short_form_bit) || !program.start.is_valid())
        return fail(fmt::format(
            "kernel '{}' is neither a Linux image for s390x, an s390x ELF file, an .ins file nor a raw image that begins with a valid PSW",
            path));
    program.parts.push_back({ 0, std::move(image), path });
    return program;
}

// ---- .ins files --------------------------------------------------------------------------------------------------

[[nodiscard]] Result<IplProgram> read_ins(const std::string& path, const Bytes& image)
{
    std::istringstream text(std::string(reinterpret_cast<const char*>(image.data()), image.size()));
    auto folder = std::filesystem::path(path).parent_path();
    IplProgram program;
    std::string line;
    for (unsigned number = 1; std::getline(text, line); ++number) {
        if (line.empty() || line[0] == '*' || line[0] == '#')
            continue;
        std::istringstream words(line);
        std::string name;
        std::string address;
        words >> name >> address;
        u64 where = 0;
        auto digits = std::string_view(address).substr(address.starts_with("0x") ? 2 : 0);
        auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), where, 16);
        if (name.empty() || digits.empty() || error != std::errc {} || end != digits.data() + digits.size())
            return fail(fmt::format("{}:{}: expected 'FILE 0xADDRESS', found '{}'", path, number, line));
        program.parts.push_back({ where, TRY(read_file((folder / name).string(), "image")), name });
    }
    if (program.parts.empty())
        return fail(fmt::format("'{}' names no image", path));
    const Bytes& first = program.parts.front().bytes;
    program.start = is_linux(first) ? zarch_start(linux_entry) : Psw::from_short(first.size() >= 8 ? at<u64>(first, 0) : 0);
    return program;
}

[[nodiscard]] Result<IplProgram> read_kernel(const IplFiles& files)
{
    Bytes image = TRY(read_file(files.kernel, "kernel"));
    if (is_elf(image))
        return read_elf(files.kernel, image);
    if (files.kernel.ends_with(".ins"))
        return read_ins(files.kernel, image);
    if (is_linux(image))
        return read_linux(files, std::move(image));
    if (begins_as_linux(image))
        return fail(fmt::format("kernel '{}' is a Linux image truncated after {} bytes", files.kernel, image.size()));
    return read_raw(files.kernel, std::move(image));
}

} // namespace

Result<IplProgram> read_ipl_program(const IplFiles& files, u64 storage_size)
{
    IplProgram program = TRY(read_kernel(files));
    const auto& last = program.parts.back();
    bool takes_parameters = last.address == 0 && is_linux(last.bytes) && !files.kernel.ends_with(".ins");
    if (!takes_parameters && !files.initrd.empty())
        return fail(fmt::format("an initrd needs a Linux kernel image, which '{}' is not", files.kernel));
    if (!takes_parameters && !files.command_line.empty())
        return fail(fmt::format("a command line needs a Linux kernel image, which '{}' is not", files.kernel));
    for (const auto& part : program.parts)
        if (part.bytes.size() > storage_size || part.address > storage_size - part.bytes.size())
            return fail(fmt::format("'{}' ends at {}M, but storage has {}M", part.name,
                (part.address + part.bytes.size() + mega - 1) / mega, storage_size / mega));
    return program;
}

Result<void> place(const IplProgram& program, AbsoluteStorage& storage)
{
    for (const auto& part : program.parts)
        if (!storage.write(part.address, part.bytes))
            return fail(fmt::format("'{}' does not fit the storage", part.name));
    return {};
}

} // namespace zvisor
