#include "devices/virtio_block/disk_io.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace zvisor {

bool DiskOperation::advance(u64 moved)
{
    offset += moved;
    length -= moved;
    auto done = memory.begin();
    while (done != memory.end() && moved >= done->iov_len) {
        moved -= done->iov_len;
        ++done;
    }
    memory.erase(memory.begin(), done);
    if (memory.empty())
        return false;
    memory.front().iov_base = static_cast<std::byte*>(memory.front().iov_base) + moved;
    memory.front().iov_len -= moved;
    return true;
}

namespace {

class BlockingDiskIo final : public DiskIo {
public:
    BlockingDiskIo(int fd, const EventFd& bell)
        : m_fd(fd)
        , m_bell(bell)
    {
    }

    void start(DiskOperation& operation) override { m_ended.push_back({ &operation, perform(operation) }); }

    void wait(const Done& done) override
    {
        if (m_ended.empty())
            m_bell.wait();
        auto ended = std::exchange(m_ended, {});
        for (auto [operation, error] : ended)
            done(*operation, error);
    }

private:
    struct Ended {
        DiskOperation* operation;
        int error;
    };

    [[nodiscard]] static int error_of(int result) { return result == 0 ? 0 : errno; }

    [[nodiscard]] int perform(DiskOperation& operation) const
    {
        auto offset = static_cast<off_t>(operation.offset);
        auto length = static_cast<off_t>(operation.length);
        switch (operation.kind) {
        case DiskOperation::Kind::flush:
            return error_of(fdatasync(m_fd));
        case DiskOperation::Kind::discard:
            return error_of(fallocate(m_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
        case DiskOperation::Kind::write_zeroes:
            return error_of(fallocate(m_fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length));
        default:
            return move(operation);
        }
    }

    [[nodiscard]] int move(DiskOperation& operation) const
    {
        if (operation.memory.empty())
            return 0;
        int flags = operation.kind == DiskOperation::Kind::write_through ? RWF_DSYNC : 0;
        for (;;) {
            int pieces = static_cast<int>(std::min<std::size_t>(operation.memory.size(), IOV_MAX));
            auto offset = static_cast<off_t>(operation.offset);
            ssize_t moved = operation.kind == DiskOperation::Kind::read ? preadv(m_fd, operation.memory.data(), pieces, offset)
                                                                        : pwritev2(m_fd, operation.memory.data(), pieces, offset, flags);
            if (moved < 0 && errno != EINTR)
                return errno;
            if (moved == 0)
                return EIO;
            if (moved > 0 && !operation.advance(static_cast<u64>(moved)))
                return 0;
        }
    }

    int m_fd;
    const EventFd& m_bell;
    std::vector<Ended> m_ended;
};

} // namespace

std::unique_ptr<DiskIo> make_blocking_disk_io(const DiskImage& image, const EventFd& bell)
{
    return std::make_unique<BlockingDiskIo>(image.fd(), bell);
}

Result<std::unique_ptr<DiskIo>> DiskIo::create(const DiskImage& image, const EventFd& bell)
{
    if (auto uring = make_uring_disk_io(image, bell))
        return uring;
    return make_blocking_disk_io(image, bell);
}

} // namespace zvisor
