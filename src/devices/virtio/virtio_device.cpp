#include "devices/virtio/virtio_device.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace zvisor {

namespace {

struct RevisionBlock {
    Be<u16> revision;
    Be<u16> length;
};

/// Always little-endian, whatever the driver accepted.
struct FeatureBlock {
    u32 features;
    u8 index;
} __attribute__((packed));
static_assert(sizeof(FeatureBlock) == 5);

struct QueueConfiguration {
    Be<u16> index;
    Be<u16> size;
};

struct LegacyQueueBlock {
    Be<u64> address;
    Be<u32> alignment;
    Be<u16> index;
    Be<u16> size;
};
static_assert(sizeof(LegacyQueueBlock) == 16);

struct QueueBlock {
    Be<u64> descriptors;
    Be<u32> reserved;
    Be<u16> index;
    Be<u16> size;
    Be<u64> available;
    Be<u64> used;
};
static_assert(sizeof(QueueBlock) == 32);

struct AdapterIndicatorBlock {
    Be<u64> summary;
    Be<u64> indicator;
    Be<u64> first_bit;
    u8 isc;
};
static_assert(sizeof(AdapterIndicatorBlock) == 25);

constexpr u64 legacy_indicator_size = 8;
/// A driver reads at most this much configuration.
constexpr std::size_t configuration_limit = 0x100;

} // namespace

const Command<VirtioDevice> VirtioDevice::commands[13] = {
    { 0x83, "SET VIRTIO REVISION", &VirtioDevice::set_revision },
    { 0x33, "VIRTIO RESET", &VirtioDevice::reset_device },
    { 0x72, "READ STATUS", &VirtioDevice::read_status },
    { 0x31, "WRITE STATUS", &VirtioDevice::write_status },
    { 0x12, "READ FEATURES", &VirtioDevice::read_features },
    { 0x11, "WRITE FEATURES", &VirtioDevice::write_features },
    { 0x22, "READ CONFIGURATION", &VirtioDevice::read_configuration },
    { 0x21, "WRITE CONFIGURATION", &VirtioDevice::write_configuration },
    { 0x32, "READ QUEUE CONFIGURATION", &VirtioDevice::read_queue_configuration },
    { 0x13, "SET QUEUE", &VirtioDevice::set_queue },
    { 0x43, "SET INDICATORS", &VirtioDevice::set_indicators },
    { 0x53, "SET CONFIGURATION INDICATORS", &VirtioDevice::set_configuration_indicators },
    { 0x73, "SET ADAPTER INDICATORS", &VirtioDevice::set_adapter_indicators },
};

VirtioDevice::VirtioDevice(u8 id, u64 features, std::initializer_list<u16> queue_sizes)
    : m_id(id)
    , m_device_features(features | VirtioFeature::common)
{
    for (u16 size : queue_sizes)
        m_queues.emplace_back(size);
}

SenseId VirtioDevice::identification() const
{
    return { 0xff, control_unit_type, m_id, 0, 0 };
}

u16 VirtioDevice::revision()
{
    // A driver that never sets a revision uses the legacy one.
    if (!m_revision)
        m_revision = u16 { 0 };
    return *m_revision;
}

u64 VirtioDevice::offered() const
{
    return m_revision.value_or(0) == 0 ? m_device_features & ~VirtioFeature::version_1 : m_device_features;
}

void VirtioDevice::close_queues()
{
    {
        auto held = lock();
        m_running = false;
    }
    quiesce();
}

void VirtioDevice::forget()
{
    for (auto& queue : m_queues)
        queue.disable();
    m_status = 0;
    m_driver_features = 0;
    m_indicators.reset();
    m_configuration_indicators.reset();
    m_adapter_indicators.reset();
    forgotten();
}

void VirtioDevice::reset()
{
    close_queues();
    auto held = lock();
    forget();
    m_revision.reset();
    clear_sense();
}

void VirtioDevice::disabled()
{
    auto held = lock();
    m_revision.reset();
}

i64 VirtioDevice::notify(u64 queue, u64 cookie)
{
    if (queue >= m_queues.size())
        return -EINVAL;
    if (m_running)
        queue_notified(static_cast<u16>(queue));
    return static_cast<i64>(cookie & 0x7fffffffffffffff);
}

DeviceStatus VirtioDevice::set_revision(ByteStream& data)
{
    auto block = data.fetch_as<RevisionBlock>();
    auto held = lock();
    if (!block || m_revision || block->revision > newest_revision)
        return unit_check(SenseByte::command_reject);
    std::array<std::byte, 1> passed_over {};
    for (u32 i = 0; i < block->length && data.fetch(passed_over) == 1; ++i) { }
    m_revision = block->revision;
    return normal_ending;
}

DeviceStatus VirtioDevice::reset_device(ByteStream&)
{
    close_queues();
    auto held = lock();
    (void)revision();
    forget();
    return normal_ending;
}

DeviceStatus VirtioDevice::read_status(ByteStream& data)
{
    auto held = lock();
    (void)revision();
    data.store_as(m_status);
    return normal_ending;
}

DeviceStatus VirtioDevice::write_status(ByteStream& data)
{
    auto status = data.fetch_as<u8>();
    if (!status)
        return unit_check(SenseByte::command_reject);
    if (*status == 0)
        return reset_device(data);
    auto held = lock();
    (void)revision();
    u8 fresh = *status & static_cast<u8>(~m_status);
    bool features_fit = !(m_driver_features & ~offered()) && (revision() == 0 || accepted(VirtioFeature::version_1));
    u8 kept = m_status & VirtioStatus::needs_reset;
    m_status = *status | kept;
    if ((fresh & VirtioStatus::features_ok) && !features_fit)
        m_status &= static_cast<u8>(~VirtioStatus::features_ok);
    if (fresh & VirtioStatus::driver_ok)
        start_running();
    return normal_ending;
}

void VirtioDevice::start_running()
{
    for (auto& queue : m_queues)
        queue.negotiated(endian(), accepted(VirtioFeature::event_index));
    m_running = !(m_status & VirtioStatus::needs_reset);
    for (u16 index = 0; index < queue_count(); ++index)
        queue_notified(index);
}

DeviceStatus VirtioDevice::read_features(ByteStream& data)
{
    FeatureBlock block {};
    auto held = lock();
    (void)revision();
    if (!data.peek(offsetof(FeatureBlock, index), std::as_writable_bytes(std::span { &block.index, 1 })))
        return unit_check(SenseByte::command_reject);
    block.features = block.index < 2 ? static_cast<u32>(offered() >> (32 * block.index)) : 0;
    data.store_as(block);
    return normal_ending;
}

DeviceStatus VirtioDevice::write_features(ByteStream& data)
{
    auto block = data.fetch_as<FeatureBlock>();
    auto held = lock();
    (void)revision();
    bool settled = m_status & (VirtioStatus::features_ok | VirtioStatus::driver_ok);
    if (!block || settled)
        return unit_check(SenseByte::command_reject);
    if (block->index >= 2)
        return block->features ? unit_check(SenseByte::command_reject) : normal_ending;
    unsigned shift = 32u * block->index;
    m_driver_features = (m_driver_features & ~(u64 { 0xffffffff } << shift)) | u64 { block->features } << shift;
    // A legacy driver has no way to be told that a feature is refused.
    if (revision() == 0)
        m_driver_features &= offered();
    return normal_ending;
}

DeviceStatus VirtioDevice::read_configuration(ByteStream& data)
{
    auto held = lock();
    (void)revision();
    auto bytes = configuration();
    bytes.resize(configuration_limit);
    data.store(std::span { bytes }.first(std::min<std::size_t>(data.remaining(), bytes.size())));
    return normal_ending;
}

DeviceStatus VirtioDevice::write_configuration(ByteStream& data)
{
    std::array<std::byte, configuration_limit> bytes;
    std::size_t length = data.fetch(std::span { bytes }.first(std::min<std::size_t>(data.remaining(), bytes.size())));
    auto held = lock();
    (void)revision();
    configuration_written(std::span { bytes }.first(length));
    return normal_ending;
}

DeviceStatus VirtioDevice::read_queue_configuration(ByteStream& data)
{
    QueueConfiguration block {};
    if (!data.peek(0, std::as_writable_bytes(std::span { &block.index, 1 })))
        return unit_check(SenseByte::command_reject);
    auto held = lock();
    (void)revision();
    block.size = block.index < m_queues.size() ? m_queues[block.index].maximum_size() : u16 { 0 };
    data.store_as(block);
    return normal_ending;
}

DeviceStatus VirtioDevice::place_queue(u16 index, const Virtqueue::Layout& layout)
{
    if (index >= m_queues.size() || m_running)
        return unit_check(SenseByte::command_reject);
    if (layout.size == 0 || layout.descriptors == 0) {
        m_queues[index].disable();
        return normal_ending;
    }
    return m_queues[index].enable(storage(), layout) ? normal_ending : unit_check(SenseByte::command_reject);
}

DeviceStatus VirtioDevice::set_legacy_queue(ByteStream& data)
{
    auto block = data.fetch_as<LegacyQueueBlock>();
    if (!block)
        return unit_check(SenseByte::command_reject);
    u64 alignment = block->alignment;
    u64 available = block->address + 16u * block->size;
    u64 end = available + 6 + 2u * block->size;
    bool sensible = alignment != 0 && (alignment & (alignment - 1)) == 0;
    u64 used = sensible ? (end + alignment - 1) & ~(alignment - 1) : 0;
    u16 size = block->size;
    if (!sensible)
        size = 0;
    return place_queue(block->index, { size, block->address, available, used });
}

DeviceStatus VirtioDevice::set_queue(ByteStream& data)
{
    auto held = lock();
    if (revision() == 0)
        return set_legacy_queue(data);
    auto block = data.fetch_as<QueueBlock>();
    if (!block)
        return unit_check(SenseByte::command_reject);
    return place_queue(block->index, { block->size, block->descriptors, block->available, block->used });
}

/// The doubleword of indicators at an address, which is updated from now on; none at 0.
std::optional<u64> VirtioDevice::indicators_at(u64 address)
{
    if (address == 0)
        return std::nullopt;
    storage().expect_updates(address, legacy_indicator_size);
    return address;
}

DeviceStatus VirtioDevice::set_indicators(ByteStream& data)
{
    auto address = data.fetch_as<Be<u64>>();
    auto held = lock();
    (void)revision();
    // Legacy and adapter indicators exclude each other; a doubleword has room for 64 queues.
    if (!address || m_adapter_indicators || m_queues.size() > 64 || !is_inside(*address, legacy_indicator_size))
        return unit_check(SenseByte::command_reject);
    m_indicators = indicators_at(*address);
    return normal_ending;
}

DeviceStatus VirtioDevice::set_configuration_indicators(ByteStream& data)
{
    auto address = data.fetch_as<Be<u64>>();
    auto held = lock();
    (void)revision();
    if (!address || !is_inside(*address, legacy_indicator_size))
        return unit_check(SenseByte::command_reject);
    m_configuration_indicators = indicators_at(*address);
    return normal_ending;
}

DeviceStatus VirtioDevice::set_adapter_indicators(ByteStream& data)
{
    auto block = data.fetch_as<AdapterIndicatorBlock>();
    auto held = lock();
    (void)revision();
    if (!block || m_indicators)
        return unit_check(SenseByte::command_reject);
    if (block->indicator == 0) {
        m_adapter_indicators.reset();
        return normal_ending;
    }
    u64 last_byte = (block->first_bit & 0xffffffff) + m_queues.size() - 1;
    bool bits_inside = block->first_bit <= 0xffffffff && is_inside(block->indicator, last_byte / 8 + 1);
    if (!bits_inside || !is_inside(block->summary, 1) || block->isc > 7)
        return unit_check(SenseByte::command_reject);
    storage().expect_updates(block->indicator, last_byte / 8 + 1);
    storage().expect_updates(block->summary, 1);
    m_adapter_indicators = AdapterIndicators { block->summary, block->indicator, block->first_bit, block->isc };
    return normal_ending;
}

bool VirtioDevice::set_bit(u64 address, u8 bit)
{
    // SAFETY: indicator addresses were checked against storage, and something is mapped where it was; the guest clears bits concurrently.
    auto& byte = *(storage().host() + address);
    u8 before = std::atomic_ref(byte).fetch_or(bit);
    storage().stored(address, 1);
    return before & bit;
}

void VirtioDevice::indicate_queue(u16 queue)
{
    if (m_adapter_indicators) {
        const auto& to = *m_adapter_indicators;
        u64 bit = to.first_bit + queue;
        (void)set_bit(to.vector + bit / 8, static_cast<u8>(0x80 >> (bit % 8)));
        if (!set_bit(to.summary, 0x01))
            port().raise_adapter_interruption(to.isc);
    } else if (m_indicators) {
        (void)set_bit(*m_indicators + 7 - queue / 8u, static_cast<u8>(1 << (queue % 8)));
        port().present_alert({});
    }
}

std::optional<VirtioChain> VirtioDevice::take(u16 queue)
{
    if (!m_running)
        return {};
    auto chain = m_queues[queue].take();
    if (!chain && m_queues[queue].broken())
        mark_broken();
    return chain;
}

void VirtioDevice::signal(u16 queue)
{
    if (m_queues[queue].enabled() && m_queues[queue].interruption_wanted())
        indicate_queue(queue);
}

void VirtioDevice::mark_broken()
{
    if (m_status & VirtioStatus::needs_reset)
        return;
    m_running = false;
    m_status |= VirtioStatus::needs_reset;
    configuration_changed();
}

void VirtioDevice::configuration_changed()
{
    if (!m_configuration_indicators)
        return;
    (void)set_bit(*m_configuration_indicators + 7, 0x01);
    port().present_alert({});
}

} // namespace zvisor
