#include "devices/virtio/virtqueue.h"

#include "base/verify.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <numeric>

namespace zvisor {

namespace {

struct DescriptorFlag {
    static constexpr u16 next = 1;
    static constexpr u16 write = 2;
    static constexpr u16 indirect = 4;
};

constexpr u16 no_interruption_flag = 1;
constexpr u16 no_notification_flag = 1;
constexpr u64 descriptor_size = 16;
constexpr u64 index_offset = 2;
constexpr u64 rings_offset = 4;
/// A chain longer than this many bytes is refused, so that byte counts fit a used element.
constexpr u64 most_bytes = 0x80000000;

u64 total(std::span<const VirtioSegment> segments)
{
    return std::accumulate(segments.begin(), segments.end(), u64 { 0 }, [](u64 sum, const auto& segment) { return sum + segment.length; });
}

/// Calls `move(address, done, length)` for each piece of `length` bytes from `offset` on; returns the bytes visited.
template<class Move>
std::size_t visit(std::span<const VirtioSegment> segments, u64 offset, std::size_t length, Move move)
{
    std::size_t done = 0;
    for (const auto& segment : segments) {
        if (done == length)
            break;
        if (offset >= segment.length) {
            offset -= segment.length;
            continue;
        }
        std::size_t part = std::min<u64>(segment.length - offset, length - done);
        move(segment.address + offset, done, part);
        done += part;
        offset = 0;
    }
    return done;
}

} // namespace

u64 VirtioChain::readable_length() const
{
    return total(readable);
}

u64 VirtioChain::writable_length() const
{
    return total(writable);
}

std::size_t gather(const AbsoluteStorage& storage, std::span<const VirtioSegment> from, u64 offset, std::span<std::byte> to)
{
    return visit(from, offset, to.size(),
        // What the program has given back since then reads as nothing.
        [&](u64 address, std::size_t done, std::size_t length) {
            if (!storage.read(address, to.subspan(done, length)))
                std::ranges::fill(to.subspan(done, length), std::byte {});
        });
}

std::size_t scatter(AbsoluteStorage& storage, std::span<const VirtioSegment> to, u64 offset, std::span<const std::byte> from)
{
    return visit(to, offset, from.size(),
        [&](u64 address, std::size_t done, std::size_t length) { (void)storage.write(address, from.subspan(done, length)); });
}

bool Virtqueue::enable(AbsoluteStorage& storage, const Layout& layout)
{
    bool size_fits = std::has_single_bit(layout.size) && layout.size <= m_maximum_size;
    bool aligned = layout.descriptors % 16 == 0 && layout.available % 2 == 0 && layout.used % 4 == 0;
    bool inside = storage.contains(layout.descriptors, descriptor_size * layout.size)
        && storage.contains(layout.available, 6 + 2u * layout.size) && storage.contains(layout.used, 6 + 8u * layout.size);
    if (!size_fits || !aligned || !inside)
        return false;
    disable();
    m_storage = &storage;
    m_layout = layout;
    return true;
}

void Virtqueue::negotiated(VirtioEndian endian, bool event_index)
{
    m_endian = endian;
    m_event_index = event_index;
}

u16 Virtqueue::load(u64 address) const
{
    // SAFETY: rings were inside storage and the field is aligned (checked in enable); the guest may store to it, or give it back, at any
    // time.
    auto& field = *reinterpret_cast<u16*>(m_storage->host() + address);
    return m_endian.convert(std::atomic_ref(field).load(std::memory_order_seq_cst));
}

void Virtqueue::store(u64 address, u16 value)
{
    // SAFETY: as in load.
    auto& field = *reinterpret_cast<u16*>(m_storage->host() + address);
    std::atomic_ref(field).store(m_endian.convert(value), std::memory_order_seq_cst);
    m_storage->stored(address, sizeof value);
}

bool Virtqueue::has_available() const
{
    return enabled() && !m_broken && load(m_layout.available + index_offset) != m_next_available;
}

std::optional<Virtqueue::Descriptor> Virtqueue::descriptor(u64 table, u32 count, u32 index) const
{
    if (index >= count)
        return {};
    auto raw = m_storage->read_as<Descriptor>(table + index * descriptor_size);
    if (!raw)
        return {};
    return Descriptor { m_endian.convert(raw->address), m_endian.convert(raw->length), m_endian.convert(raw->flags),
        m_endian.convert(raw->next) };
}

bool Virtqueue::add(const Descriptor& descriptor, VirtioChain& chain) const
{
    bool writable = descriptor.flags & DescriptorFlag::write;
    if (!writable && !chain.writable.empty())
        return false;
    if (!m_storage->contains(descriptor.address, descriptor.length))
        return false;
    if (descriptor.length != 0)
        (writable ? chain.writable : chain.readable).push_back({ descriptor.address, descriptor.length });
    return true;
}

bool Virtqueue::follow_indirect(const Descriptor& descriptor, VirtioChain& chain) const
{
    u32 count = descriptor.length / static_cast<u32>(descriptor_size);
    bool well_formed = count != 0 && count <= most_descriptors && descriptor.length % descriptor_size == 0
        && !(descriptor.flags & (DescriptorFlag::next | DescriptorFlag::write));
    return well_formed && m_storage->contains(descriptor.address, descriptor.length) && follow(descriptor.address, count, 0, false, chain);
}

bool Virtqueue::follow(u64 table, u32 count, u32 index, bool indirect_allowed, VirtioChain& chain) const
{
    // A chain visits each descriptor at most once, so a longer one is a loop.
    for (u32 visited = 0; visited < count; ++visited) {
        auto entry = descriptor(table, count, index);
        if (!entry)
            return false;
        if (entry->flags & DescriptorFlag::indirect)
            return indirect_allowed && follow_indirect(*entry, chain);
        if (!add(*entry, chain))
            return false;
        if (!(entry->flags & DescriptorFlag::next))
            return chain.readable_length() + chain.writable_length() <= most_bytes;
        index = entry->next;
    }
    return false;
}

std::optional<VirtioChain> Virtqueue::take()
{
    if (!enabled() || m_broken)
        return {};
    u16 waiting = static_cast<u16>(load(m_layout.available + index_offset) - m_next_available);
    if (waiting == 0)
        return {};
    u64 slot = m_layout.available + rings_offset + 2u * (m_next_available % m_layout.size);
    VirtioChain chain { load(slot) };
    if (waiting > m_layout.size || !follow(m_layout.descriptors, m_layout.size, chain.head, true, chain)) {
        m_broken = true;
        return {};
    }
    ++m_next_available;
    return chain;
}

void Virtqueue::give_back(u16 head, u32 written)
{
    struct {
        u32 head;
        u32 written;
    } element { m_endian.convert(u32 { head }), m_endian.convert(written) };
    u64 slot = m_layout.used + rings_offset + sizeof element * (m_next_used % m_layout.size);
    m_broken = !m_storage->write_as(slot, element);
    ++m_next_used;
    store(m_layout.used + index_offset, m_next_used);
}

bool Virtqueue::interruption_wanted()
{
    u16 before = std::exchange(m_signalled, m_next_used);
    u16 given_back = static_cast<u16>(m_next_used - before);
    if (given_back == 0)
        return false;
    if (!m_event_index)
        return !(load(m_layout.available) & no_interruption_flag);
    u16 event = load(used_event_address());
    return static_cast<u16>(m_next_used - event - 1) < given_back;
}

void Virtqueue::want_notifications(bool wanted)
{
    if (!enabled() || m_broken)
        return;
    if (!m_event_index)
        store(m_layout.used, wanted ? 0 : no_notification_flag);
    else if (wanted)
        store(available_event_address(), m_next_available);
}

} // namespace zvisor
