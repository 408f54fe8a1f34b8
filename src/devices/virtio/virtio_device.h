#pragma once

#include "devices/virtio/virtqueue.h"

#include <atomic>
#include <mutex>

namespace zvisor {

/// Feature bits every virtio device shares (virtio 1.2, ch. 6).
struct VirtioFeature {
    static constexpr u64 any_layout = u64 { 1 } << 27;
    static constexpr u64 indirect_descriptors = u64 { 1 } << 28;
    static constexpr u64 event_index = u64 { 1 } << 29;
    static constexpr u64 version_1 = u64 { 1 } << 32;
    static constexpr u64 common = any_layout | indirect_descriptors | event_index | version_1;
};

/// Device status bits a driver writes (virtio 1.2, 2.1).
struct VirtioStatus {
    static constexpr u8 acknowledge = 0x01;
    static constexpr u8 driver = 0x02;
    static constexpr u8 driver_ok = 0x04;
    static constexpr u8 features_ok = 0x08;
    static constexpr u8 needs_reset = 0x40;
    static constexpr u8 failed = 0x80;
};

/// A virtio device behind the channel: the virtio-ccw transport (virtio 1.2, 4.3), revisions 0 to 2, with legacy and adapter
/// indicators. A device type adds its features, configuration and what it does with the queues.
class VirtioDevice : public DeviceOf<VirtioDevice> {
public:
    static constexpr u16 control_unit_type = 0x3832;
    static constexpr u16 newest_revision = 2;

    [[nodiscard]] SenseId identification() const final;
    void reset() final;
    void disabled() final;
    i64 notify(u64 queue, u64 cookie) final;

    static const Command<VirtioDevice> commands[13];

protected:
    /// `id` is the virtio device type, `features` what the type offers besides the common ones.
    VirtioDevice(u8 id, u64 features, std::initializer_list<u16> queue_sizes);

    // What a type provides. The first two run on a SAP thread with the queues locked.
    /// Configuration in the driver's byte order.
    [[nodiscard]] virtual std::vector<std::byte> configuration() const = 0;
    virtual void configuration_written(std::span<const std::byte>) { }
    /// The driver rang for a queue, on a CPU thread: hand over to the device's own thread.
    virtual void queue_notified(u16 queue) = 0;
    /// Returns when nothing that was taken from the queues is under way any more; queues stay closed meanwhile. Not locked.
    virtual void quiesce() { }
    /// The driver reset the device and set it up anew; locked.
    virtual void forgotten() { }

    // For the device's thread, which holds `lock()` around anything that touches a queue.
    [[nodiscard]] std::unique_lock<std::mutex> lock() const { return std::unique_lock(m_mutex); }
    /// True between DRIVER_OK and reset, unless the device needs a reset.
    [[nodiscard]] bool running() const { return m_running; }
    [[nodiscard]] Virtqueue& queue(u16 index) { return m_queues[index]; }
    [[nodiscard]] u16 queue_count() const { return static_cast<u16>(m_queues.size()); }
    /// The next chain of a queue; a broken ring makes the device need a reset.
    [[nodiscard]] std::optional<VirtioChain> take(u16 queue);
    /// Interrupts the driver if it wants to hear of what was given back.
    void signal(u16 queue);
    /// The driver broke the protocol: DEVICE_NEEDS_RESET and a configuration interruption.
    void mark_broken();
    void configuration_changed();
    [[nodiscard]] bool accepted(u64 feature) const { return m_driver_features & feature; }
    [[nodiscard]] VirtioEndian endian() const { return { !accepted(VirtioFeature::version_1) }; }
    [[nodiscard]] AbsoluteStorage& storage() const { return port().storage(); }

private:
    struct AdapterIndicators {
        u64 summary { 0 };
        u64 vector { 0 };
        u64 first_bit { 0 };
        u8 isc { 0 };
    };

    DeviceStatus set_revision(ByteStream& data);
    DeviceStatus reset_device(ByteStream& data);
    DeviceStatus read_status(ByteStream& data);
    DeviceStatus write_status(ByteStream& data);
    DeviceStatus read_features(ByteStream& data);
    DeviceStatus write_features(ByteStream& data);
    DeviceStatus read_configuration(ByteStream& data);
    DeviceStatus write_configuration(ByteStream& data);
    DeviceStatus read_queue_configuration(ByteStream& data);
    DeviceStatus set_queue(ByteStream& data);
    DeviceStatus set_indicators(ByteStream& data);
    DeviceStatus set_configuration_indicators(ByteStream& data);
    DeviceStatus set_adapter_indicators(ByteStream& data);

    DeviceStatus set_legacy_queue(ByteStream& data);
    DeviceStatus place_queue(u16 index, const Virtqueue::Layout& layout);
    [[nodiscard]] bool is_inside(u64 address, u64 length) const { return storage().contains(address, length); }
    [[nodiscard]] u16 revision();
    [[nodiscard]] u64 offered() const;
    void start_running();
    void close_queues();
    void forget();
    [[nodiscard]] std::optional<u64> indicators_at(u64 address);
    [[nodiscard]] bool set_bit(u64 address, u8 bit);
    void indicate_queue(u16 queue);

    const u8 m_id;
    const u64 m_device_features;

    mutable std::mutex m_mutex;
    std::vector<Virtqueue> m_queues;
    std::atomic<bool> m_running { false };
    std::optional<u16> m_revision;
    u8 m_status { 0 };
    u64 m_driver_features { 0 };
    std::optional<u64> m_indicators;
    std::optional<u64> m_configuration_indicators;
    std::optional<AdapterIndicators> m_adapter_indicators;
};

} // namespace zvisor
