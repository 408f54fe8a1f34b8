#include "image/root_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zvisor::image {

namespace {

constexpr u64 block_bytes = 4096;

int open_in(int root, const std::string& path, u64 flags)
{
    open_how how {};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    return static_cast<int>(::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how));
}

std::unexpected<Error> cannot_unpack(std::string_view path)
{
    return fail(fmt::format("cannot unpack /{}: {}", path, std::strerror(errno)));
}

/// Where an open directory lies.
std::string path_of(int fd)
{
    char path[4096];
    ssize_t length = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), path, sizeof path);
    return std::string(path, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
}

Result<void> write_all(int fd, std::string_view bytes, std::string_view path)
{
    while (!bytes.empty()) {
        ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0)
            return cannot_unpack(path);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

} // namespace

Result<RootTree> RootTree::create(const std::filesystem::path& root)
{
    ::mkdir(root.c_str(), 0755);
    int fd = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(fmt::format("{}: cannot be used: {}", root.string(), std::strerror(errno)));
    RootTree tree(path_of(fd), fd);
    tree.m_entries[""] = Meta { .is_directory = true };
    return tree;
}

RootTree::RootTree(RootTree&& other) noexcept
    : m_root(std::move(other.m_root))
    , m_fd(std::exchange(other.m_fd, -1))
    , m_folder_fd(std::exchange(other.m_folder_fd, -1))
    , m_folder(std::move(other.m_folder))
    , m_folder_path(std::move(other.m_folder_path))
    , m_entries(std::move(other.m_entries))
    , m_owners(std::move(other.m_owners))
    , m_newest(other.m_newest)
{
}

RootTree::~RootTree()
{
    for (int fd : { m_fd, m_folder_fd })
        if (fd >= 0)
            ::close(fd);
}

Result<int> RootTree::open_folder(const std::string& path)
{
    if (m_folder_fd >= 0 && path == m_folder)
        return m_folder_fd;
    int fd = open_in(m_fd, path, O_PATH | O_DIRECTORY);
    if (fd < 0)
        return cannot_unpack(path);
    if (m_folder_fd >= 0)
        ::close(m_folder_fd);
    m_folder_fd = fd;
    m_folder = path;
    m_folder_path = path_of(fd).substr(std::min(m_root.string().size() + 1, path_of(fd).size()));
    return fd;
}

Result<RootTree::Place> RootTree::place_of(std::string_view path)
{
    std::size_t slash = path.rfind('/');
    std::string name(slash == std::string_view::npos ? path : path.substr(slash + 1));
    std::string folder(slash == std::string_view::npos ? std::string_view {} : path.substr(0, slash));
    if (name.empty() || name == "." || name == "..")
        return fail(fmt::format("cannot unpack '{}': not the path of a file", path));
    int fd = TRY(open_folder(folder));
    return Place { fd, name, m_folder_path.empty() ? name : fmt::format("{}/{}", m_folder_path, name) };
}

void RootTree::note(const Place& place, const TarEntry& entry)
{
    bool is_directory = entry.kind == TarKind::directory;
    m_entries[place.path] = { entry.permissions, entry.modified, is_directory, entry.kind == TarKind::symlink };
    if (entry.owner || entry.group)
        m_owners[place.path] = { entry.owner, entry.group };
    else
        m_owners.erase(place.path);
    m_newest = std::max(m_newest, entry.modified);
}

void RootTree::note(const Place& place, TarKind kind, u32 permissions)
{
    TarEntry entry;
    entry.kind = kind;
    entry.permissions = permissions;
    note(place, entry);
}

Result<void> RootTree::make_directory(const Place& place)
{
    if (::mkdirat(place.folder, place.name.c_str(), 0755) == 0)
        return {};
    if (errno != EEXIST || !is_directory(place.path))
        return cannot_unpack(place.path);
    return {};
}

Result<void> RootTree::make_file(const Place& place, const std::function<Result<void>(int fd)>& fill)
{
    ::unlinkat(place.folder, place.name.c_str(), 0);
    int fd = ::openat(place.folder, place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return cannot_unpack(place.path);
    auto filled = fill(fd);
    ::close(fd);
    return filled;
}

Result<void> RootTree::make_symlink(const Place& place, const std::string& target)
{
    ::unlinkat(place.folder, place.name.c_str(), 0);
    if (::symlinkat(target.c_str(), place.folder, place.name.c_str()) != 0)
        return cannot_unpack(place.path);
    return {};
}

Result<void> RootTree::make_hard_link(const Place& place, const std::string& target)
{
    std::size_t slash = target.rfind('/');
    int folder = open_in(m_fd, slash == std::string::npos ? "" : target.substr(0, slash), O_PATH | O_DIRECTORY);
    ::unlinkat(place.folder, place.name.c_str(), 0);
    auto name = slash == std::string::npos ? target : target.substr(slash + 1);
    int status = folder < 0 ? -1 : ::linkat(folder, name.c_str(), place.folder, place.name.c_str(), 0);
    if (folder >= 0)
        ::close(folder);
    if (status != 0)
        return cannot_unpack(place.path);
    return {};
}

Result<void> RootTree::add(const TarEntry& entry, TarReader& reader)
{
    if (entry.path.empty()) {
        m_newest = std::max(m_newest, entry.modified);
        return {};
    }
    auto place = TRY(place_of(entry.path));
    switch (entry.kind) {
    case TarKind::directory: {
        TRY(make_directory(place));
        if (!has(place.path) || m_entries[place.path].is_directory)
            note(place, entry);
        return {};
    }
    case TarKind::file:
        TRY(make_file(
            place, [&](int fd) { return reader.read_content([&](std::string_view piece) { return write_all(fd, piece, place.path); }); }));
        break;
    case TarKind::symlink:
        TRY(make_symlink(place, entry.target));
        break;
    case TarKind::hard_link:
        TRY(make_hard_link(place, entry.target));
        break;
    default:
        return fail(fmt::format("cannot unpack /{}: packages hold files, directories and links, but this is a device or pipe", entry.path));
    }
    note(place, entry);
    return {};
}

bool RootTree::is_directory(const std::string& path) const
{
    int fd = open_in(m_fd, path, O_PATH | O_DIRECTORY);
    if (fd >= 0)
        ::close(fd);
    return fd >= 0;
}

Result<std::string> RootTree::resolve(std::string_view path)
{
    return TRY(place_of(path)).path;
}

bool RootTree::has(const std::string& resolved_path) const
{
    return m_entries.contains(resolved_path);
}

Result<void> RootTree::add_directory(std::string_view path, u32 permissions)
{
    std::size_t slash = path.rfind('/');
    if (slash != std::string_view::npos && !is_directory(std::string(path.substr(0, slash))))
        TRY(add_directory(path.substr(0, slash)));
    auto place = TRY(place_of(path));
    TRY(make_directory(place));
    note(place, TarKind::directory, permissions);
    return {};
}

Result<void> RootTree::add_file(std::string_view path, std::string_view content, u32 permissions)
{
    std::size_t slash = path.rfind('/');
    if (slash != std::string_view::npos && !is_directory(std::string(path.substr(0, slash))))
        TRY(add_directory(path.substr(0, slash)));
    auto place = TRY(place_of(path));
    TRY(make_file(place, [&](int fd) { return write_all(fd, content, place.path); }));
    note(place, TarKind::file, permissions);
    return {};
}

Result<void> RootTree::add_symlink(std::string_view path, std::string_view target)
{
    auto place = TRY(place_of(path));
    TRY(make_symlink(place, std::string(target)));
    note(place, TarKind::symlink, 0777);
    return {};
}

Result<void> RootTree::finish(i64 epoch)
{
    std::vector<std::pair<std::string, Meta>> deepest_first(m_entries.rbegin(), m_entries.rend());
    for (const auto& [path, meta] : deepest_first) {
        auto file = path.empty() ? m_root : m_root / path;
        i64 time = meta.modified ? std::min(meta.modified, epoch) : epoch;
        timespec times[] = { { time, 0 }, { time, 0 } };
        if (!meta.is_symlink && ::chmod(file.c_str(), meta.permissions) != 0)
            return cannot_unpack(path);
        if (::utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
            return cannot_unpack(path);
    }
    return {};
}

u64 RootTree::entries() const
{
    return m_entries.size();
}

u64 RootTree::content_bytes() const
{
    u64 total = 0;
    for (const auto& [path, meta] : m_entries) {
        struct stat status;
        if (meta.is_symlink || ::lstat((m_root / path).c_str(), &status) != 0)
            continue;
        u64 size = meta.is_directory ? 1 : static_cast<u64>(status.st_size);
        total += (size + block_bytes - 1) / block_bytes * block_bytes;
    }
    return total;
}

} // namespace zvisor::image
