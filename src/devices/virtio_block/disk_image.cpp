#include "devices/virtio_block/disk_image.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace zvisor {

namespace {

Result<u64> measure(int fd, const std::string& path)
{
    struct stat status {};
    if (fstat(fd, &status) != 0)
        return fail(fmt::format("disk {}: cannot be examined: {}", path, std::strerror(errno)));
    if (S_ISREG(status.st_mode))
        return static_cast<u64>(status.st_size);
    u64 size = 0;
    if (S_ISBLK(status.st_mode) && ioctl(fd, BLKGETSIZE64, &size) == 0)
        return size;
    return fail(fmt::format("disk {}: is neither a file nor a block device", path));
}

/// A lock of the open file description: it goes with the descriptor, even when the process is killed.
Result<void> lock(int fd, const VirtioBlockConfig& config)
{
    struct flock whole {};
    whole.l_type = config.read_only ? F_RDLCK : F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return {};
    if (errno == EAGAIN || errno == EACCES)
        return fail(fmt::format("disk {}: is in use by another run; a disk that is written to belongs to one run at a time", config.path));
    return fail(fmt::format("disk {}: cannot be locked: {}", config.path, std::strerror(errno)));
}

} // namespace

Result<DiskImage> DiskImage::open(const VirtioBlockConfig& config)
{
    UniqueFd fd { ::open(config.path.c_str(), (config.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC) };
    if (!fd.valid() && !config.read_only && (errno == EACCES || errno == EROFS || errno == EPERM))
        return fail(fmt::format(
            "disk {}: may not be written to: {}; give {},ro to use it read-only", config.path, std::strerror(errno), config.path));
    if (!fd.valid())
        return fail(fmt::format("disk {}: cannot be opened: {}", config.path, std::strerror(errno)));
    u64 size = TRY(measure(fd.get(), config.path));
    if (size == 0)
        return fail(fmt::format("disk {}: is empty; a disk has at least one sector of 512 bytes", config.path));
    if (size % sector_size != 0)
        return fail(fmt::format("disk {}: has {} bytes, which is no multiple of the sector size 512", config.path, size));
    if (auto locked = lock(fd.get(), config); !locked)
        return std::unexpected(locked.error());
    return DiskImage { std::move(fd), size };
}

} // namespace zvisor
