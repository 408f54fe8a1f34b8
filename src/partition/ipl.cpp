#include "partition/ipl.h"

#include "base/big_endian.h"
#include "base/verify.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <span>
#include <sstream>
#include <sys/uio.h>

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

/// A file that has been read.
struct Image {
    std::string path;
    Bytes bytes;
    /// Null: it cannot be read again.
    std::shared_ptr<const IplFile> file;
};

[[nodiscard]] std::shared_ptr<const IplFile> open_again(const std::string& path, u64 size)
{
    auto file = std::make_shared<IplFile>(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    bool is_same = file->fd.valid() && fstat(file->fd.get(), &file->status) == 0 && S_ISREG(file->status.st_mode)
        && static_cast<u64>(file->status.st_size) == size;
    return is_same ? file : nullptr;
}

[[nodiscard]] Result<Image> read_file(const std::string& path, std::string_view what)
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
    return Image { .path = path, .bytes = Bytes(bytes.begin(), bytes.end()), .file = open_again(path, bytes.size()) };
}

/// Bytes of an image that go to an address.
[[nodiscard]] IplPart part_of(const Image& image, u64 address, u64 offset, u64 size)
{
    IplPart part { .address = address, .bytes = {}, .name = image.path, .file = image.file, .offset = offset, .bytes_in_file = size };
    if (!image.file)
        part.bytes.assign(image.bytes.data() + offset, image.bytes.data() + offset + size);
    return part;
}

[[nodiscard]] IplPart part_of(const Image& image, u64 address)
{
    return part_of(image, address, 0, image.bytes.size());
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

[[nodiscard]] Result<IplProgram> read_elf(const Image& file)
{
    const Bytes& image = file.bytes;
    auto wrong = [&](std::string_view why) { return fail(fmt::format("kernel '{}': {}", file.path, why)); };
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
        program.parts.push_back(part_of(file, at<u64>(image, header + offsetof(Elf64_Phdr, p_paddr)), offset, size));
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

[[nodiscard]] Result<IplPart> command_line_part(const Bytes& image, const std::string& text)
{
    u64 limit = at<u64>(image, linux_command_line_limit);
    if (limit == 0 || limit > linux_parameter_area_end)
        limit = default_command_line_size;
    if (text.size() >= limit)
        return fail(fmt::format("the command line has {} characters, the kernel takes at most {}", text.size(), limit - 1));
    IplPart part { .address = linux_command_line, .bytes = Bytes(limit), .name = "the command line" };
    std::memcpy(part.bytes.data(), text.data(), text.size());
    return part;
}

/// Where the kernel finds its initrd.
[[nodiscard]] IplPart initrd_parameters(u64 address, u64 size)
{
    static_assert(linux_initrd_size == linux_initrd_address + 8);
    IplPart part { .address = linux_initrd_address, .bytes = Bytes(16), .name = "the parameter area" };
    store_be<u64>(part.bytes.data(), address);
    store_be<u64>(part.bytes.data() + 8, size);
    return part;
}

[[nodiscard]] Result<IplProgram> read_linux(const IplFiles& files, const Image& image)
{
    IplProgram program;
    program.start = zarch_start(linux_entry);
    program.takes_parameters = true;
    program.parts.push_back(part_of(image, 0));
    if (!files.command_line.empty())
        program.parts.push_back(TRY(command_line_part(image.bytes, files.command_line)));
    if (!files.initrd.empty()) {
        Image initrd = TRY(read_file(files.initrd, "initrd"));
        // The command line may end behind the image.
        u64 kernel_end = std::max<u64>(image.bytes.size(), program.parts.back().address + program.parts.back().size());
        u64 where = std::max(lowest_initrd, (kernel_end + mega - 1) / mega * mega);
        program.parts.push_back(part_of(initrd, where));
        program.parts.push_back(initrd_parameters(where, initrd.bytes.size()));
    }
    return program;
}

[[nodiscard]] Result<IplProgram> read_raw(const Image& file)
{
    const Bytes& image = file.bytes;
    const std::string& path = file.path;
    if (image.size() < 8)
        return fail(fmt::format("kernel '{}' has {} bytes, too short for the PSW a raw image begins with", path, image.size()));
    u64 first = at<u64>(image, 0);
    IplProgram program;
    program.start = Psw::from_short(first);
    if (!(first & Psw::short_form_bit) || !program.start.is_valid())
        return fail(fmt::format(
            "kernel '{}' is neither a Linux image for s390x, an s390x ELF file, an .ins file nor a raw image that begins with a valid PSW",
            path));
    program.parts.push_back(part_of(file, 0));
    return program;
}

// ---- .ins files --------------------------------------------------------------------------------------------------

[[nodiscard]] Result<IplProgram> read_ins(const Image& file)
{
    const Bytes& image = file.bytes;
    const std::string& path = file.path;
    std::istringstream text(std::string(reinterpret_cast<const char*>(image.data()), image.size()));
    auto folder = std::filesystem::path(path).parent_path();
    IplProgram program;
    Bytes first;
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
        Image part = TRY(read_file((folder / name).string(), "image"));
        program.parts.push_back(part_of(part, where));
        program.parts.back().name = name;
        if (program.parts.size() == 1)
            first = std::move(part.bytes);
    }
    if (program.parts.empty())
        return fail(fmt::format("'{}' names no image", path));
    program.start = is_linux(first) ? zarch_start(linux_entry) : Psw::from_short(first.size() >= 8 ? at<u64>(first, 0) : 0);
    return program;
}

[[nodiscard]] Result<IplProgram> read_kernel(const IplFiles& files)
{
    Image image = TRY(read_file(files.kernel, "kernel"));
    if (is_elf(image.bytes))
        return read_elf(image);
    if (files.kernel.ends_with(".ins"))
        return read_ins(image);
    if (is_linux(image.bytes))
        return read_linux(files, image);
    if (begins_as_linux(image.bytes))
        return fail(fmt::format("kernel '{}' is a Linux image truncated after {} bytes", files.kernel, image.bytes.size()));
    return read_raw(image);
}

[[nodiscard]] bool is_as_it_was(const IplFile& file)
{
    struct stat now {};
    return fstat(file.fd.get(), &now) == 0 && now.st_size == file.status.st_size && now.st_mtim.tv_sec == file.status.st_mtim.tv_sec
        && now.st_mtim.tv_nsec == file.status.st_mtim.tv_nsec;
}

/// False when it ends before.
[[nodiscard]] bool read_all(int fd, u64 offset, std::span<std::byte> to)
{
    while (!to.empty()) {
        iovec piece { to.data(), to.size() };
        ssize_t count = preadv(fd, &piece, 1, static_cast<off_t>(offset));
        if (count == 0 || (count < 0 && errno != EINTR))
            return false;
        auto read = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
        to = to.subspan(read);
        offset += read;
    }
    return true;
}

[[nodiscard]] Result<void> place_file(const IplPart& part, AbsoluteStorage& storage)
{
    if (!is_as_it_was(*part.file))
        return fail(fmt::format("'{}' has changed since it was read", part.name));
    if (!read_all(part.file->fd.get(), part.offset, storage.view(part.address, part.size())))
        return fail(fmt::format("cannot read '{}' to its end", part.name));
    storage.stored(part.address, part.size());
    return {};
}

} // namespace

Result<IplProgram> read_ipl_program(const IplFiles& files, u64 storage_size)
{
    IplProgram program = TRY(read_kernel(files));
    if (!program.takes_parameters && !files.initrd.empty())
        return fail(fmt::format("an initrd needs a Linux kernel image, which '{}' is not", files.kernel));
    if (!program.takes_parameters && !files.command_line.empty())
        return fail(fmt::format("a command line needs a Linux kernel image, which '{}' is not", files.kernel));
    for (const auto& part : program.parts)
        if (part.size() > storage_size || part.address > storage_size - part.size())
            return fail(fmt::format(
                "'{}' ends at {}M, but storage has {}M", part.name, (part.address + part.size() + mega - 1) / mega, storage_size / mega));
    return program;
}

Result<void> place(const IplProgram& program, AbsoluteStorage& storage)
{
    for (const auto& part : program.parts) {
        if (!storage.contains(part.address, part.size()))
            return fail(fmt::format("'{}' does not fit the storage", part.name));
        if (part.file)
            TRY_VOID(place_file(part, storage));
        else
            VERIFY(storage.write(part.address, part.bytes));
    }
    return {};
}

} // namespace zvisor
