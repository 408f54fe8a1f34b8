#include "image/tar_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>

namespace zvisor::image {

namespace {

constexpr u64 block_size = 512;
constexpr u64 longest_name = 64 * 1024;

/// The header of a member (POSIX ustar; `prefix` is used by ustar alone, GNU keeps times there).
struct Header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char user_name[32];
    char group_name[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char padding[12];
};
static_assert(sizeof(Header) == block_size);

template<std::size_t N>
std::string_view text_of(const char (&field)[N])
{
    return { field, static_cast<std::size_t>(std::find(field, field + N, '\0') - field) };
}

/// Octal digits, or GNU's base 256 when the first bit is on.
template<std::size_t N>
u64 number_of(const char (&field)[N])
{
    u64 value = 0;
    if (field[0] & 0x80) {
        for (std::size_t i = std::max<std::size_t>(N, 8) - 8; i < N; ++i)
            value = value << 8 | static_cast<u8>(i == 0 ? field[i] & 0x7F : field[i]);
        return value;
    }
    for (char c : field)
        if (c >= '0' && c <= '7')
            value = value << 3 | static_cast<u64>(c - '0');
    return value;
}

bool checksum_fits(const Header& header)
{
    Header copy = header;
    std::memset(copy.checksum, ' ', sizeof copy.checksum);
    std::array<unsigned char, block_size> bytes;
    std::memcpy(bytes.data(), &copy, block_size);
    u64 sum = 0;
    for (unsigned char byte : bytes)
        sum += byte;
    return sum == number_of(header.checksum);
}

std::optional<TarKind> kind_of(char type)
{
    switch (type) {
    case '\0':
    case '0':
        return TarKind::file;
    case '1':
        return TarKind::hard_link;
    case '2':
        return TarKind::symlink;
    case '3':
        return TarKind::character_device;
    case '4':
        return TarKind::block_device;
    case '5':
        return TarKind::directory;
    case '6':
        return TarKind::fifo;
    default:
        return std::nullopt;
    }
}

std::string normalized(std::string_view path)
{
    while (path.starts_with("./") || path.starts_with('/'))
        path.remove_prefix(path.front() == '/' ? 1 : 2);
    while (path.ends_with('/'))
        path.remove_suffix(1);
    return std::string(path == "." ? std::string_view {} : path);
}

std::string full_name(const Header& header)
{
    bool is_ustar = std::memcmp(header.magic, "ustar\0", 6) == 0;
    if (is_ustar && header.prefix[0])
        return fmt::format("{}/{}", text_of(header.prefix), text_of(header.name));
    return std::string(text_of(header.name));
}

} // namespace

/// Fills `block` wholly (true), or meets the archive's end before its first byte (false).
Result<bool> TarReader::fill(std::span<char> block)
{
    std::size_t filled = 0;
    while (filled < block.size()) {
        std::size_t count = TRY(m_source(block.subspan(filled)));
        if (count == 0 && filled == 0)
            return false;
        if (count == 0)
            return fail("the tar archive ends in the middle of a member");
        filled += count;
    }
    return true;
}

Result<void> TarReader::skip_content()
{
    TRY(read_content([](std::string_view) { return Result<void> {}; }));
    std::array<char, block_size> padding;
    TRY(fill(std::span(padding).first(static_cast<std::size_t>(std::exchange(m_padding_left, 0)))));
    return {};
}

Result<std::string> TarReader::read_long_name(u64 size)
{
    if (size > longest_name)
        return fail(fmt::format("the tar archive has a name of {} bytes", size));
    std::string name = TRY(read_content());
    TRY(skip_content());
    name.resize(std::min(name.find('\0'), name.size()));
    return name;
}

Result<std::optional<TarEntry>> TarReader::next()
{
    TRY(skip_content());
    std::string long_name;
    std::string long_link;
    for (Header header;;) {
        std::array<char, block_size> block;
        if (!TRY(fill(block)) || std::ranges::all_of(block, [](char c) { return c == 0; }))
            return std::nullopt;
        std::memcpy(&header, block.data(), block_size);
        if (!checksum_fits(header))
            return fail("the tar archive has a damaged header");
        u64 size = number_of(header.size);
        bool has_content = header.type == '0' || header.type == '\0' || header.type == 'L' || header.type == 'K';
        m_content_left = has_content ? size : 0;
        m_padding_left = (block_size - m_content_left % block_size) % block_size;
        if (header.type == 'L' || header.type == 'K') {
            (header.type == 'L' ? long_name : long_link) = TRY(read_long_name(size));
            continue;
        }
        auto kind = kind_of(header.type);
        if (!kind)
            return fail(fmt::format("the tar archive has a member of the unknown type '{}'", header.type));
        TarEntry entry;
        entry.kind = *kind;
        entry.path = normalized(long_name.empty() ? full_name(header) : long_name);
        entry.target = long_link.empty() ? std::string(text_of(header.link)) : long_link;
        if (entry.kind == TarKind::hard_link)
            entry.target = normalized(entry.target);
        entry.permissions = static_cast<u32>(number_of(header.mode) & 07777);
        entry.owner = static_cast<u32>(number_of(header.uid));
        entry.group = static_cast<u32>(number_of(header.gid));
        entry.modified = static_cast<i64>(number_of(header.mtime));
        entry.size = m_content_left;
        return entry;
    }
}

Result<void> TarReader::read_content(const std::function<Result<void>(std::string_view)>& take)
{
    std::array<char, 65536> buffer;
    while (m_content_left > 0) {
        auto piece = std::span(buffer).first(static_cast<std::size_t>(std::min<u64>(buffer.size(), m_content_left)));
        if (!TRY(fill(piece)))
            return fail("the tar archive ends in the middle of a file");
        m_content_left -= piece.size();
        TRY(take(std::string_view(piece.data(), piece.size())));
    }
    return {};
}

Result<std::string> TarReader::read_content()
{
    std::string content;
    TRY(read_content([&](std::string_view piece) {
        content += piece;
        return Result<void> {};
    }));
    return content;
}

} // namespace zvisor::image
