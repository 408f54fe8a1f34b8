#pragma once

#include "arch/storage_key.h"
#include "base/result.h"
#include "base/types.h"
#include "base/unique_fd.h"
#include "storage/code_map.h"
#include "storage/host_range.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace zvisor {

inline constexpr u64 page_size = 4096;
inline constexpr u64 page_mask = ~(page_size - 1);

/// What is known of one 4 KiB block besides its contents and key.
struct PageFlag {
    /// Some CPU may hold a translation to this page since the last purge.
    static constexpr u8 cached = 0x01;
    /// Devices update bytes here, so that CPUs have to interlock their updates with others than CPUs too.
    static constexpr u8 updated = 0x02;
    /// Number of engines that made code from this page, 0 to 63, counted in units of `code_user`; while it is not
    /// zero stores must be noticed.
    static constexpr u8 code = 0xfc;
    static constexpr u8 code_user = 0x04;
};

/// The storage of one configuration: one range of host memory, addressed absolutely from 0, with a storage key
/// for each 4 KiB block. All methods may be called from any thread, those that take blocks from one at a time.
///
/// Storage is all there from the beginning, or a zone that blocks are attached to and detached from while the program runs.
/// Where no block is, no address is valid; who still has an old view there finds memory that is nobody's.
///
/// Contents of guest storage change under our hands. Structures a guest owns are copied in once with `read`
/// or `read_as` and only the copy is looked at.
class AbsoluteStorage {
public:
    /// `size` in bytes, a positive multiple of 1 MiB. Memory is zero and is taken from the host when first used.
    [[nodiscard]] static Result<std::unique_ptr<AbsoluteStorage>> create(u64 size);
    /// A zone of at most `maximum` bytes, without a block yet. `block_size` is a power of 2 from 1 MiB to 256 MiB, `maximum` a multiple.
    [[nodiscard]] static Result<std::unique_ptr<AbsoluteStorage>> create_zone(u64 maximum, u64 block_size);
    AbsoluteStorage(const AbsoluteStorage&) = delete;
    AbsoluteStorage& operator=(const AbsoluteStorage&) = delete;

    /// Where the last address that may ever be valid ends: not every address below need be, see `contains`.
    [[nodiscard]] u64 size() const { return m_size; }
    /// Whether every address in a range is valid now.
    [[nodiscard]] bool contains(u64 address, u64 length = 1) const
    {
        bool in_range = length <= m_size && address <= m_size - length;
        return in_range && (length == 0 || are_present(address >> m_block_shift, (address + length - 1) >> m_block_shift));
    }

    // ---- Blocks of a zone: block i is absolute storage from i * block_size() on -----------------------------

    [[nodiscard]] u64 block_size() const { return u64 { 1 } << m_block_shift; }
    [[nodiscard]] bool has_block(u64 index) const { return is_present(index); }
    /// Puts a block where none is, with keys of zero: the memory (memfd) of `file`, as long as a block, which need not stay
    /// open. Nobody may shorten it while the block is attached.
    [[nodiscard]] Result<void> attach_block(u64 index, const UniqueFd& file);
    /// From now on no address of the block is valid. CPUs and devices that found one before may still use it.
    void withdraw_block(u64 index);
    /// Takes a block away, withdrawn before or not, with its keys; its memory is the file's alone again.
    void detach_block(u64 index);
    /// A CPU is about to use the page of a valid address: the first time, the host is asked for a huge page around it.
    void prepare(u64 address)
    {
        if (!m_prepared.empty() && !test_bit(m_prepared, address / host_huge_page)) [[unlikely]]
            collapse(address / host_huge_page);
    }

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

    /// Code was made from [address, address+length): `holds_code` finds it, in blocks of 16 bytes, while the page's flags have code
    /// users, and maybe longer.
    void mark_code(u64 address, u64 length) { m_code.mark(address, length); }
    [[nodiscard]] bool holds_code(u64 address, u64 length) const { return m_code.holds(address, length); }
    /// Gives back the memory of marks in pages without code users, as far as there are none around either.
    void forget_unused_code();

    /// A device is going to update bytes of storage in place, with interlocks, from now on to the next clear reset.
    void expect_updates(u64 address, u64 length);
    /// Called when stores by CPUs into an absolute page are to be noticed from now on. Set once, before CPUs run.
    using PageListener = std::function<void(u64 page)>;
    void on_updates(PageListener listener) { m_page_listener = std::move(listener); }

    /// Called, on the storing thread, when a store hits what code was made from. Set once, before CPUs run.
    using CodeListener = std::function<void(u64 address, u64 length)>;
    void on_code_store(CodeListener listener) { m_code_listener = std::move(listener); }
    /// Reports a store into [address, address+length) that did not come through `write`.
    void notice_code(u64 address, u64 length);

    /// Returns every byte and key to zero (clear reset).
    void clear();
    /// Returns whole pages to zero and their memory to the host; `contains` them.
    void discard(u64 address, u64 length);

private:
    using Bits = std::vector<std::atomic<u64>>;
    /// What is known of each page and each 16 bytes, in memory that is taken when first used.
    struct Maps {
        HostRange keys;
        HostRange flags;
        HostRange code;
    };

    AbsoluteStorage(HostRange range, Maps maps, unsigned block_shift);
    [[nodiscard]] static Result<Maps> reserve_maps(u64 size);

    [[nodiscard]] static bool test_bit(const Bits& bits, u64 index)
    {
        return bits[index / 64].load(std::memory_order_acquire) >> index % 64 & 1;
    }
    [[nodiscard]] bool is_present(u64 block) const { return test_bit(m_present, block); }
    [[nodiscard]] bool are_present(u64 first, u64 last) const
    {
        while (first < last && is_present(first))
            ++first;
        return is_present(first);
    }
    [[nodiscard]] bool is_zone() const { return block_size() <= m_size; }
    void map_nothing(u64 index);
    void reset_block(u64 index);
    void reset_flag(u64 page, u8 flag);
    void reset_pages(u64 address, u64 length);
    void collapse(u64 huge_page);

    HostRange m_range;
    HostRange m_key_bytes;
    HostRange m_flag_bytes;
    u8* m_host;
    u64 m_size;
    unsigned m_block_shift;
    std::atomic<u8>* m_keys;
    std::atomic<u8>* m_flags;
    CodeMap m_code;
    /// A bit for each block that is there; storage that is all there is one block.
    Bits m_present;
    /// A bit for each huge page of the host that was asked for; empty where it does not matter.
    Bits m_prepared;
    PageListener m_page_listener;
    CodeListener m_code_listener;
};

} // namespace zvisor
