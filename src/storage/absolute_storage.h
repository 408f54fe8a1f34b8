#pragma once

#include "arch/storage_key.h"
#include "base/result.h"
#include "base/types.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>

namespace zvisor {

inline constexpr u64 page_size = 4096;
inline constexpr u64 page_mask = ~(page_size - 1);

/// What is known of one 4 KiB block besides its contents and key.
struct PageFlag {
    /// Some CPU may hold a translation to this page since the last purge.
    static constexpr u8 cached = 0x01;
    /// Number of engines that made code from this page, 0 to 63, counted in units of `code_user`; while it is not
    /// zero stores must be noticed.
    static constexpr u8 code = 0xfc;
    static constexpr u8 code_user = 0x04;
};

/// The storage of one configuration: one range of host memory, addressed absolutely from 0, with a storage key
/// for each 4 KiB block. All methods may be called from any thread.
///
/// Contents of guest storage change under our hands. Structures a guest owns are copied in once with `read`
/// or `read_as` and only the copy is looked at.
class AbsoluteStorage {
public:
    /// `size` in bytes, a positive multiple of 1 MiB. Memory is zero and is taken from the host when first used.
    [[nodiscard]] static Result<std::unique_ptr<AbsoluteStorage>> create(u64 size);
    ~AbsoluteStorage();
    AbsoluteStorage(const AbsoluteStorage&) = delete;
    AbsoluteStorage& operator=(const AbsoluteStorage&) = delete;

    [[nodiscard]] u64 size() const { return m_size; }
    [[nodiscard]] bool contains(u64 address, u64 length = 1) const { return length <= m_size && address <= m_size - length; }

    /// Host address of absolute 0; absolute address a is at host() + a while contains(a).
    [[nodiscard]] u8* host() const { return m_host; }

    /// Copies from storage, setting reference bits. False, with nothing copied, when the range is not in the configuration.
    [[nodiscard]] bool read(u64 address, std::span<std::byte> to) const;
    /// Copies into storage, setting change bits and discarding code made from it. False when outside, with nothing stored.
    [[nodiscard]] bool write(u64 address, std::span<const std::byte> from);

    template<class T>
        requires std::is_trivially_copyable_v<T>
    [[nodiscard]] std::optional<T> read_as(u64 address) const
    {
        T value;
        if (!read(address, std::as_writable_bytes(std::span { &value, 1 })))
            return {};
        return value;
    }
    template<class T>
        requires std::is_trivially_copyable_v<T>
    [[nodiscard]] bool write_as(u64 address, const T& value)
    {
        return write(address, std::as_bytes(std::span { &value, 1 }));
    }

    /// For a device that moves data itself (readv, DMA): the host view of a range, empty when outside.
    /// After storing through it, call `stored` for the same range.
    [[nodiscard]] std::span<std::byte> view(u64 address, u64 length) const;
    void stored(u64 address, u64 length);
    void fetched(u64 address, u64 length) const;

    [[nodiscard]] StorageKey key(u64 address) const { return { m_keys[address / page_size].load(std::memory_order_relaxed) }; }
    void set_key(u64 address, StorageKey key) { m_keys[address / page_size].store(key.value, std::memory_order_relaxed); }
    /// Sets R or C; returns the key before.
    StorageKey mark(u64 address, u8 reference_or_change) const;
    /// Resets R or C (RRBE and its kin); returns the key before.
    StorageKey unmark(u64 address, u8 reference_or_change);

    [[nodiscard]] std::atomic<u8>& page_flags(u64 address) const { return m_flags[address / page_size]; }

    /// Code was made from [address, address+length): `holds_code` finds it, in blocks of 16 bytes. What was marked once stays so;
    /// it counts only while the page's flags have code users.
    void mark_code(u64 address, u64 length);
    [[nodiscard]] bool holds_code(u64 address, u64 length) const;

    /// Called, on the storing thread, when a store hits what code was made from. Set once, before CPUs run.
    using CodeListener = std::function<void(u64 address, u64 length)>;
    void on_code_store(CodeListener listener) { m_code_listener = std::move(listener); }
    /// Reports a store into [address, address+length) that did not come through `write`.
    void notice_code(u64 address, u64 length);

    /// Returns every byte, key and flag to zero (clear reset).
    void clear();

private:
    /// Bytes of storage one bit of the code map stands for.
    static constexpr u64 code_block = 16;
    using CodeWord = std::atomic<u64>;

    AbsoluteStorage(u8* host, u64 size, CodeWord* code_map);
    template<class Each>
    [[nodiscard]] bool any_code_word(u64 address, u64 length, Each each) const;

    u8* m_host;
    u64 m_size;
    /// One bit for each 16 bytes, host memory that is taken when first used.
    CodeWord* m_code_map;
    std::unique_ptr<std::atomic<u8>[]> m_keys;
    std::unique_ptr<std::atomic<u8>[]> m_flags;
    CodeListener m_code_listener;
};

} // namespace zvisor
