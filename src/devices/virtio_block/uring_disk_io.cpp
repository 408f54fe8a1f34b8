#include "devices/virtio_block/disk_io.h"

#include "base/verify.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zvisor {

namespace {

constexpr unsigned ring_entries = 256;

class UringDiskIo final : public DiskIo {
public:
    UringDiskIo(int fd, const EventFd& bell)
        : m_fd(fd)
        , m_bell(bell)
    {
    }
    ~UringDiskIo() override
    {
        if (m_ready)
            io_uring_queue_exit(&m_ring);
    }
    UringDiskIo(const UringDiskIo&) = delete;
    UringDiskIo& operator=(const UringDiskIo&) = delete;

    [[nodiscard]] int open()
    {
        int error = -io_uring_queue_init(ring_entries, &m_ring, IORING_SETUP_R_DISABLED);
        m_ready = error == 0;
        if (m_ready)
            error = restrict();
        if (m_ready)
            listen();
        return error;
    }

    void start(DiskOperation& operation) override { prepare(operation); }

    void wait(const Done& done) override
    {
        int submitted = io_uring_submit_and_wait(&m_ring, 1);
        VERIFY(submitted >= 0 || submitted == -EINTR || submitted == -EAGAIN || submitted == -EBUSY);
        io_uring_cqe* completion = nullptr;
        while (io_uring_peek_cqe(&m_ring, &completion) == 0) {
            auto* operation = static_cast<DiskOperation*>(io_uring_cqe_get_data(completion));
            int result = completion->res;
            io_uring_cqe_seen(&m_ring, completion);
            if (operation)
                conclude(*operation, result, done);
            else
                listen();
        }
    }

private:
    /// Only what a disk needs may ever be asked of the ring, whoever comes to hold it.
    [[nodiscard]] int restrict()
    {
        constexpr std::array<u8, 5> operations { IORING_OP_POLL_ADD, IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
            IORING_OP_FALLOCATE };
        std::array<io_uring_restriction, operations.size()> allowed {};
        for (std::size_t i = 0; i < allowed.size(); ++i) {
            allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
            allowed[i].sqe_op = operations[i];
        }
        int error = call_register(IORING_REGISTER_RESTRICTIONS, allowed.data(), static_cast<unsigned>(allowed.size()));
        return error ? error : call_register(IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    }

    /// io_uring_register(2), of which the distribution's library has not all uses; errno, or 0.
    [[nodiscard]] int call_register(unsigned what, const void* arguments, unsigned count) const
    {
        return syscall(SYS_io_uring_register, m_ring.ring_fd, what, arguments, count) == 0 ? 0 : errno;
    }

    [[nodiscard]] io_uring_sqe* entry()
    {
        io_uring_sqe* entry = io_uring_get_sqe(&m_ring);
        if (!entry) {
            io_uring_submit(&m_ring);
            entry = io_uring_get_sqe(&m_ring);
        }
        VERIFY(entry);
        return entry;
    }

    void listen()
    {
        m_bell.silence();
        io_uring_sqe* listener = entry();
        io_uring_prep_poll_add(listener, m_bell.fd(), POLL_IN);
        io_uring_sqe_set_data(listener, nullptr);
    }

    void prepare(DiskOperation& operation)
    {
        io_uring_sqe* request = entry();
        auto pieces = static_cast<unsigned>(std::min<std::size_t>(operation.memory.size(), IOV_MAX));
        auto offset = static_cast<off_t>(operation.offset);
        auto length = static_cast<off_t>(operation.length);
        switch (operation.kind) {
        case DiskOperation::Kind::read:
            io_uring_prep_readv(request, m_fd, operation.memory.data(), pieces, operation.offset);
            break;
        case DiskOperation::Kind::write:
            io_uring_prep_writev(request, m_fd, operation.memory.data(), pieces, operation.offset);
            break;
        case DiskOperation::Kind::write_through:
            io_uring_prep_writev2(request, m_fd, operation.memory.data(), pieces, operation.offset, RWF_DSYNC);
            break;
        case DiskOperation::Kind::flush:
            io_uring_prep_fsync(request, m_fd, IORING_FSYNC_DATASYNC);
            break;
        case DiskOperation::Kind::discard:
            io_uring_prep_fallocate(request, m_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
            break;
        case DiskOperation::Kind::write_zeroes:
            io_uring_prep_fallocate(request, m_fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
            break;
        }
        io_uring_sqe_set_data(request, &operation);
    }

    void conclude(DiskOperation& operation, int result, const Done& done)
    {
        if (result == -EINTR || result == -EAGAIN) {
            prepare(operation);
            return;
        }
        if (result < 0 || !operation.moves_data()) {
            done(operation, result < 0 ? -result : 0);
            return;
        }
        bool nothing_moved = result == 0 && !operation.memory.empty();
        if (nothing_moved)
            done(operation, EIO);
        else if (operation.advance(static_cast<u64>(result)))
            prepare(operation);
        else
            done(operation, 0);
    }

    int m_fd;
    const EventFd& m_bell;
    io_uring m_ring {};
    bool m_ready { false };
};

} // namespace

Result<std::unique_ptr<DiskIo>> make_uring_disk_io(const DiskImage& image, const EventFd& bell)
{
    auto io = std::make_unique<UringDiskIo>(image.fd(), bell);
    if (int error = io->open())
        return fail(std::string("the host does not offer io_uring: ") + std::strerror(error));
    return io;
}

} // namespace zvisor
