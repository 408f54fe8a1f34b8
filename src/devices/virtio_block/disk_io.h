#pragma once

#include "base/event_fd.h"
#include "base/types.h"
#include "devices/virtio_block/disk_image.h"

#include <functional>
#include <memory>
#include <sys/uio.h>
#include <vector>

namespace zvisor {

/// One operation on a disk. It stays where it is until it is reported done.
struct DiskOperation {
    enum class Kind { read, write, write_through, flush, discard, write_zeroes };

    Kind kind { Kind::read };
    /// In bytes.
    u64 offset { 0 };
    u64 length { 0 };
    /// Host memory to move, for reads and writes; consumed.
    std::vector<iovec> memory {};

    [[nodiscard]] bool moves_data() const { return kind <= Kind::write_through; }
    /// Drops what was moved; true when more is to be moved.
    [[nodiscard]] bool advance(u64 moved);
};

/// Asynchronous access to a disk for the one thread that calls `start` and `wait`.
class DiskIo {
public:
    /// `error` is 0 or an errno.
    using Done = std::function<void(DiskOperation& operation, int error)>;

    virtual ~DiskIo() = default;
    /// Through io_uring or, where the host does not allow it, with blocking calls.
    [[nodiscard]] static Result<std::unique_ptr<DiskIo>> create(const DiskImage& image, const EventFd& bell);

    virtual void start(DiskOperation& operation) = 0;
    /// Waits for the bell or for operations to end, and reports those that did.
    virtual void wait(const Done& done) = 0;
};

/// The two ways by name, for tests.
[[nodiscard]] Result<std::unique_ptr<DiskIo>> make_uring_disk_io(const DiskImage& image, const EventFd& bell);
[[nodiscard]] std::unique_ptr<DiskIo> make_blocking_disk_io(const DiskImage& image, const EventFd& bell);

} // namespace zvisor
