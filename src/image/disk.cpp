#include "image/disk.h"

#include "image/host_files.h"
#include "image/process.h"
#include "image/text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace zvisor::image {

namespace {

constexpr u64 mebibyte = u64 { 1 } << 20;
constexpr u64 sector_size = 512;
constexpr u64 bytes_per_inode = 16384;
constexpr u64 inode_size = 256;
constexpr u64 superblock_offset = partition_offset + 1024;

/// Named here because mke2fs.conf of a host would choose others, and a guest's kernel is as old as its suite.
constexpr std::string_view features
    = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,"
      "huge_file,dir_nlink,extra_isize,metadata_csum";

u64 journal_mebibytes(u64 size)
{
    return std::clamp<u64>(size / mebibyte / 64, 4, 64);
}

u64 little_endian(std::string_view bytes, std::size_t offset, std::size_t count)
{
    u64 value = 0;
    for (std::size_t i = count; i-- > 0;)
        value = value << 8 | static_cast<u8>(bytes[offset + i]);
    return value;
}

template<class T>
void put_little_endian(std::array<u8, 512>& sector, std::size_t offset, T value)
{
    for (std::size_t i = 0; i < sizeof(T); ++i)
        sector[offset + i] = static_cast<u8>(value >> (8 * i));
}

/// FNV-1a, 64 bits.
u64 hash_of(std::string_view text, u64 hash)
{
    for (char c : text)
        hash = (hash ^ static_cast<u8>(c)) * 0x100000001B3;
    return hash;
}

u32 disk_signature(const std::string& uuid)
{
    return static_cast<u32>(hash_of(uuid, 0xCBF29CE484222325));
}

Result<void> create_sparse(const DiskLayout& disk)
{
    auto sector = partition_table(disk.size, disk_signature(disk.uuid));
    int fd = ::open(disk.file.c_str(), O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && ::ftruncate(fd, static_cast<off_t>(disk.size)) == 0
        && ::pwrite(fd, sector.data(), sector.size(), 0) == static_cast<ssize_t>(sector.size());
    int error = errno;
    if (fd >= 0)
        ::close(fd);
    if (!ok)
        return fail(fmt::format("{}: cannot be written: {}", disk.file.string(), std::strerror(error)));
    return {};
}

/// How e2fsprogs is told where in a file the file system lies; the file is named from its own folder.
std::string file_system_in(const std::filesystem::path& file)
{
    return fmt::format("{}?offset={}", file.filename().string(), partition_offset);
}

Result<std::string> superblock_of(const std::filesystem::path& file)
{
    std::string bytes(1024, '\0');
    int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(superblock_offset));
    if (fd >= 0)
        ::close(fd);
    if (count != 1024 || little_endian(bytes, 0x38, 2) != 0xEF53)
        return fail(fmt::format("{}: the file system in it cannot be read", file.string()));
    return bytes;
}

Result<void> run_mke2fs(const DiskLayout& disk, const RootTree& tree, const Interrupt& interrupt)
{
    auto extended = fmt::format("offset={},hash_seed={},lazy_itable_init=0,root_owner=0:0,no_copy_xattrs", partition_offset, disk.uuid);
    Command command { { "mke2fs", "-q", "-F", "-b", "4096", "-I", fmt::format("{}", inode_size), "-i", fmt::format("{}", bytes_per_inode),
                          "-m", "1", "-O", std::string(features), "-J", fmt::format("size={}", journal_mebibytes(disk.size)), "-U",
                          disk.uuid, "-E", extended, "-d", tree.root().string(), disk.file.filename().string(),
                          fmt::format("{}k", (disk.size - partition_offset) / 1024) },
        { { "E2FSPROGS_FAKE_TIME", fmt::format("{}", disk.epoch) }, { "SOURCE_DATE_EPOCH", fmt::format("{}", disk.epoch) },
            { "MKE2FS_CONFIG", "/dev/null" } },
        disk.file.parent_path() };
    TRY(run_checked("the file system cannot be made", command, interrupt));
    return {};
}

/// debugfs commands that give what `mke2fs -d` takes from the host's files: their owner, and the time they were put there.
std::string corrections(const DiskLayout& disk, const RootTree& tree, u64 inodes)
{
    constexpr u64 root_inode = 2;
    constexpr u64 first_inode = 11;
    std::string script;
    auto correct = [&](u64 inode) {
        script += fmt::format("sif <{}> ctime @{}\n", inode, disk.epoch);
        if (::geteuid() != 0)
            script += fmt::format("sif <{0}> uid 0\nsif <{0}> gid 0\n", inode);
    };
    correct(root_inode);
    for (u64 inode = first_inode; inode <= inodes; ++inode)
        correct(inode);
    for (const auto& [path, owner] : tree.owners())
        script += fmt::format("sif \"/{0}\" uid {1}\nsif \"/{0}\" gid {2}\n", path, owner.user, owner.group);
    return script;
}

Result<void> run_debugfs(const DiskLayout& disk, const std::filesystem::path& script, const Interrupt& interrupt)
{
    Command command { { "debugfs", "-w", "-f", script.string(), file_system_in(disk.file) },
        { { "E2FSPROGS_FAKE_TIME", fmt::format("{}", disk.epoch) } }, disk.file.parent_path() };
    auto outcome = TRY(run(command, interrupt));
    auto messages = lines_of(outcome.errors); // the first is its version
    if (!outcome.ok() || messages.size() > 1)
        return fail(fmt::format("the owners in the file system cannot be set: {}", outcome.reason()));
    return {};
}

} // namespace

std::string uuid_from(std::string_view text)
{
    u64 high = hash_of(text, 0xCBF29CE484222325);
    u64 low = hash_of(text, high);
    high = (high & ~u64 { 0xF000 }) | 0x8000;
    low = (low & ~(u64 { 3 } << 62)) | (u64 { 2 } << 62);
    return fmt::format(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF, low >> 48, low & 0xFFFFFFFFFFFF);
}

std::array<u8, 512> partition_table(u64 disk_size, u32 signature)
{
    constexpr std::size_t entry = 446;
    constexpr u8 linux_type = 0x83;
    constexpr u8 beyond_chs[] = { 0xFE, 0xFF, 0xFF };
    std::array<u8, 512> sector {};
    put_little_endian(sector, 440, signature);
    std::ranges::copy(beyond_chs, sector.begin() + entry + 1);
    sector[entry + 4] = linux_type;
    std::ranges::copy(beyond_chs, sector.begin() + entry + 5);
    put_little_endian(sector, entry + 8, static_cast<u32>(partition_offset / sector_size));
    put_little_endian(sector, entry + 12, static_cast<u32>((disk_size - partition_offset) / sector_size));
    put_little_endian(sector, 510, u16 { 0xAA55 });
    return sector;
}

u64 disk_size_needed(const RootTree& tree, u64 room)
{
    u64 content = tree.content_bytes() + room;
    u64 for_inodes = (tree.entries() * 5 / 4 + 1000) * bytes_per_inode;
    u64 journal = journal_mebibytes(content) * mebibyte;
    u64 for_content = (content + journal + 8 * mebibyte) * 100 / 96; // inode tables take 1.6 %, the reserve 1 %, bitmaps the rest
    return (std::max(for_inodes, for_content) + partition_offset + mebibyte - 1) / mebibyte * mebibyte;
}

Result<void> make_disk(const DiskLayout& disk, const RootTree& tree, const std::filesystem::path& work, const Interrupt& interrupt)
{
    TRY(create_sparse(disk));
    TRY(run_mke2fs(disk, tree, interrupt));
    auto superblock = TRY(superblock_of(disk.file));
    u64 inodes = little_endian(superblock, 0x00, 4) - little_endian(superblock, 0x10, 4);
    auto script = work / "debugfs";
    TRY(write_file(script, corrections(disk, tree, inodes)));
    TRY(run_debugfs(disk, script, interrupt));
    return check_disk(disk.file, interrupt);
}

Result<void> check_disk(const std::filesystem::path& file, const Interrupt& interrupt)
{
    constexpr u64 needs_recovery = 4;
    auto superblock = TRY(superblock_of(file));
    bool is_clean = little_endian(superblock, 0x3A, 2) == 1 && !(little_endian(superblock, 0x60, 4) & needs_recovery);
    if (!is_clean)
        return fail("the file system was not unmounted cleanly by the second stage");
    auto outcome = TRY(run({ { "e2fsck", "-f", "-n", file_system_in(file) }, {}, file.parent_path() }, interrupt));
    if (!outcome.ok())
        return fail(fmt::format("e2fsck finds the file system damaged: {}", outcome.reason()));
    return {};
}

} // namespace zvisor::image
