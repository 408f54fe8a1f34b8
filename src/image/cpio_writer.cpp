#include "image/cpio_writer.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace zvisor::image {

namespace {

void pad_to_4(std::string& bytes)
{
    bytes.resize((bytes.size() + 3) & ~std::size_t { 3 });
}

} // namespace

void CpioWriter::add_directory(std::string_view path, u32 permissions)
{
    add(path, S_IFDIR | permissions, {});
}

void CpioWriter::add_file(std::string_view path, std::string_view content, u32 permissions)
{
    add(path, S_IFREG | permissions, content);
}

void CpioWriter::add_symlink(std::string_view path, std::string_view target)
{
    add(path, S_IFLNK | 0777, target);
}

void CpioWriter::add_character_device(std::string_view path, u32 major, u32 minor, u32 permissions)
{
    add(path, S_IFCHR | permissions, {}, Device { major, minor });
}

void CpioWriter::add(std::string_view path, u32 mode, std::string_view content, Device device)
{
    constexpr u32 zero = 0; // owner, group, time, device of the archive itself, checksum
    u32 links = S_ISDIR(mode) ? 2 : 1;
    m_bytes += fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}", m_next_inode++, mode,
        zero, zero, links, zero, content.size(), zero, zero, device.major, device.minor, path.size() + 1, zero);
    m_bytes += path;
    m_bytes += '\0';
    pad_to_4(m_bytes);
    m_bytes += content;
    pad_to_4(m_bytes);
}

std::string CpioWriter::finish() &&
{
    add("TRAILER!!!", 0, {});
    return std::move(m_bytes);
}

} // namespace zvisor::image
