#pragma once

#include "channel/ccw_cursor.h"
#include "channel/data_area.h"

#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace zvisor {

/// The bytes that move between a device and storage during one command, across data-chained CCWs.
/// The device stores what it reads from its medium and fetches what it is to write; the channel keeps counts, keys and addresses.
class ByteStream {
public:
    using Listener = std::function<void()>;

    /// `on_interruption_flag` is called when a data-chained CCW carries the PCI flag.
    ByteStream(CcwCursor& cursor, const Ccw& ccw, Listener on_interruption_flag);

    /// Input: moves bytes into storage; returns how many the channel took.
    std::size_t store(std::span<const std::byte> from);
    /// Output: moves bytes from storage; returns how many the channel had.
    std::size_t fetch(std::span<std::byte> to);

    template<class T>
        requires std::is_trivially_copyable_v<T>
    bool store_as(const T& value)
    {
        return store(std::as_bytes(std::span { &value, 1 })) == sizeof(T);
    }
    /// A whole T, or nothing when the channel has fewer bytes.
    template<class T>
        requires std::is_trivially_copyable_v<T>
    [[nodiscard]] std::optional<T> fetch_as()
    {
        T value;
        if (fetch(std::as_writable_bytes(std::span { &value, 1 })) != sizeof(T))
            return {};
        return value;
    }

    /// Looks at what storage holds `offset` bytes into the first CCW's data area, without moving the stream: for the
    /// virtio-ccw commands that answer in the block that asks. False when the area is shorter or inaccessible.
    [[nodiscard]] bool peek(u16 offset, std::span<std::byte> to) const;

    /// Bytes left in the current CCW.
    [[nodiscard]] u16 remaining() const { return m_area.remaining(); }

    /// The CCW in effect: the last one of a data chain.
    [[nodiscard]] const Ccw& ccw() const { return m_ccw; }
    /// Channel checks met while moving data.
    [[nodiscard]] u8 subchannel_status() const { return m_status; }
    /// True when the device had, or wanted, more bytes than the counts give.
    [[nodiscard]] bool was_short() const { return m_short; }
    /// True when any byte was offered or asked for: the command was not an immediate operation.
    [[nodiscard]] bool was_used() const { return m_used; }
    /// The device ended: a CCW that chains data but has no bytes left is replaced by its successor.
    void settle();

private:
    template<class Move>
    std::size_t transfer(std::size_t length, Move move);
    bool advance();

    CcwCursor& m_cursor;
    Ccw m_ccw;
    DataArea m_area;
    DataArea m_start;
    Listener m_on_interruption_flag;
    u8 m_status { 0 };
    bool m_short { false };
    bool m_used { false };
};

} // namespace zvisor
