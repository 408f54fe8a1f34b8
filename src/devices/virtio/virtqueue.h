#pragma once

#include "channel/device.h"
#include "devices/virtio/endian.h"

#include <optional>
#include <span>
#include <vector>

namespace zvisor {

/// A piece of guest storage a driver lent to the device, known to lie within storage.
struct VirtioSegment {
    u64 address;
    u32 length;
};

/// One descriptor chain, copied in and validated.
struct VirtioChain {
    u16 head { 0 };
    /// What the device may read; precedes what it may write.
    std::vector<VirtioSegment> readable {};
    std::vector<VirtioSegment> writable {};

    [[nodiscard]] u64 readable_length() const;
    [[nodiscard]] u64 writable_length() const;
};

/// Copies from, or to, a list of segments starting `offset` bytes into it; returns how many bytes there were.
std::size_t gather(const AbsoluteStorage& storage, std::span<const VirtioSegment> from, u64 offset, std::span<std::byte> to);
std::size_t scatter(AbsoluteStorage& storage, std::span<const VirtioSegment> to, u64 offset, std::span<const std::byte> from);

/// Device side of a split virtqueue (virtio 1.2, 2.7). The rings belong to the guest: every field is read once and checked,
/// and a ring that makes no sense leaves the queue broken. Not thread-safe.
class Virtqueue {
public:
    static constexpr u16 most_descriptors = 32768;

    struct Layout {
        u16 size { 0 };
        u64 descriptors { 0 };
        u64 available { 0 };
        u64 used { 0 };
    };

    explicit Virtqueue(u16 maximum_size)
        : m_maximum_size(maximum_size)
    {
    }

    [[nodiscard]] u16 maximum_size() const { return m_maximum_size; }
    /// Puts the queue into use. False when the size is no power of two up to the maximum or a ring is misaligned or outside storage.
    [[nodiscard]] bool enable(AbsoluteStorage& storage, const Layout& layout);
    /// The features the driver accepted; before any chain is taken.
    void negotiated(VirtioEndian endian, bool event_index);
    void disable() { *this = Virtqueue { m_maximum_size }; }
    [[nodiscard]] bool enabled() const { return m_storage != nullptr; }
    [[nodiscard]] bool broken() const { return m_broken; }

    /// The next chain the driver made available, if any.
    [[nodiscard]] std::optional<VirtioChain> take();
    /// Gives a chain back after `written` bytes were stored into its writable part.
    void give_back(u16 head, u32 written);
    /// True when the driver wants to hear of what was given back since the last call.
    [[nodiscard]] bool interruption_wanted();
    /// Asks for, or declines, notifications. After asking, the queue must be looked at once more.
    void want_notifications(bool wanted);
    [[nodiscard]] bool has_available() const;

private:
    struct Descriptor {
        u64 address;
        u32 length;
        u16 flags;
        u16 next;
    };

    [[nodiscard]] u16 load(u64 address) const;
    void store(u64 address, u16 value);
    [[nodiscard]] std::optional<Descriptor> descriptor(u64 table, u32 count, u32 index) const;
    [[nodiscard]] bool follow(u64 table, u32 count, u32 index, bool indirect_allowed, VirtioChain& chain) const;
    [[nodiscard]] bool add(const Descriptor& descriptor, VirtioChain& chain) const;
    [[nodiscard]] bool follow_indirect(const Descriptor& descriptor, VirtioChain& chain) const;
    [[nodiscard]] u64 used_event_address() const { return m_layout.available + 4 + 2u * m_layout.size; }
    [[nodiscard]] u64 available_event_address() const { return m_layout.used + 4 + 8u * m_layout.size; }

    u16 m_maximum_size;
    AbsoluteStorage* m_storage { nullptr };
    Layout m_layout;
    VirtioEndian m_endian;
    bool m_event_index { false };
    bool m_broken { false };
    u16 m_next_available { 0 };
    u16 m_next_used { 0 };
    /// Value of m_next_used when the driver was last considered for an interruption.
    u16 m_signalled { 0 };
};

} // namespace zvisor
