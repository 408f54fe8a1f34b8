#pragma once

#include "base/host_pages.h"
#include "devices/virtio/virtio_device.h"
#include "devices/virtio_block/disk_io.h"

#include <condition_variable>
#include <thread>
#include <unordered_map>

namespace zvisor {

/// virtio block device (virtio 1.2, 5.2) over a raw disk. A flush of the guest is fdatasync on the host; without the flush
/// feature every write is written through.
class VirtioBlock final : public VirtioDevice {
public:
    [[nodiscard]] static Result<std::unique_ptr<VirtioBlock>> create(const VirtioBlockConfig& config);
    /// The same with its disk opened already.
    [[nodiscard]] static Result<std::unique_ptr<VirtioBlock>> create(const VirtioBlockConfig& config, DiskImage image);
    ~VirtioBlock() override;

    [[nodiscard]] const VirtioBlockConfig& config() const { return m_config; }

private:
    struct Request {
        DiskOperation operation {};
        VirtioChain chain {};
        /// Storage the operation stores into, for reads.
        u64 data_length { 0 };
    };

    struct Header {
        u32 type;
        u64 sector;
    };

    VirtioBlock(VirtioBlockConfig config, DiskImage image, EventFd bell);

    // VirtioDevice
    [[nodiscard]] std::vector<std::byte> configuration() const override;
    void queue_notified(u16) override { m_bell.ring(); }
    void quiesce() override;

    void run();
    void serve_queue();
    void accept(VirtioChain chain);
    [[nodiscard]] std::optional<Header> header_of(const VirtioChain& chain) const;
    void perform(Header header, VirtioChain chain);
    void move_data(Header header, VirtioChain chain);
    void adjust_range(Header header, VirtioChain chain);
    void identify(VirtioChain chain);
    [[nodiscard]] std::optional<std::vector<iovec>> memory_of(std::span<const VirtioSegment> segments, u64 offset, u64 length) const;
    void launch(std::unique_ptr<Request> request);
    void ended(DiskOperation& operation, int error);
    void write_zeros_instead(DiskOperation& operation);
    void note_stored(const Request& request) const;
    void answer(const VirtioChain& chain, u8 status, u64 data_length);
    [[nodiscard]] bool is_on_disk(u64 sector, u64 length) const;

    VirtioBlockConfig m_config;
    DiskImage m_image;
    EventFd m_bell;
    std::unique_ptr<DiskIo> m_io;
    /// Requests under way, by the operation that identifies them. Under lock().
    std::unordered_map<DiskOperation*, std::unique_ptr<Request>> m_requests;
    std::condition_variable m_quiet;
    std::atomic<bool> m_stopping { false };
    /// Written again and again where the host cannot clear a range by itself.
    HostTable<std::byte> m_zeros;
    std::thread m_thread;
};

} // namespace zvisor
