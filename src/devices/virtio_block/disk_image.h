#pragma once

#include "base/event_fd.h"
#include "base/types.h"
#include "devices/virtio_block/config.h"

namespace zvisor {

inline constexpr u64 sector_size = 512;

/// An opened and locked disk.
class DiskImage {
public:
    /// Fails with one sentence when the file is missing, empty, no multiple of 512 bytes, of another kind than file or block
    /// device, not accessible as asked, or in use by another run.
    [[nodiscard]] static Result<DiskImage> open(const VirtioBlockConfig& config);

    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// In bytes, a multiple of 512.
    [[nodiscard]] u64 size() const { return m_size; }

private:
    DiskImage(UniqueFd fd, u64 size)
        : m_fd(std::move(fd))
        , m_size(size)
    {
    }

    UniqueFd m_fd;
    u64 m_size;
};

} // namespace zvisor
