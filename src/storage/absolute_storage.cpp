#include "storage/absolute_storage.h"

#include "base/verify.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace zvisor {

namespace {

constexpr u64 megabyte = 1 << 20;

/// Smaller zones keep to small pages, and take no more memory than they use.
constexpr u64 least_zone_of_huge_pages = 32 * megabyte;

/// Linux 6.1; the host's headers may be older.
constexpr int advise_collapse = 25;

[[nodiscard]] constexpr u64 words_of(u64 bits)
{
    return (bits + 63) / 64;
}

/// True when the bit was off.
bool set_bit(std::vector<std::atomic<u64>>& bits, u64 index)
{
    u64 bit = u64 { 1 } << index % 64;
    return !(bits[index / 64].fetch_or(bit) & bit);
}

void reset_bit(std::vector<std::atomic<u64>>& bits, u64 index)
{
    bits[index / 64].fetch_and(~(u64 { 1 } << index % 64));
}

/// Refuses what could leave part of a mapped block without memory behind it.
[[nodiscard]] Result<void> check_block(u64 index, const UniqueFd& file, u64 block_size)
{
    auto wrong = [&](const std::string& why) { return fail("storage block " + std::to_string(index) + ": " + why); };
    struct stat status {};
    if (fstat(file.get(), &status) != 0)
        return wrong(std::string("its file cannot be looked at: ") + std::strerror(errno));
    if (static_cast<u64>(status.st_size) != block_size)
        return wrong("its file has " + std::to_string(status.st_size) + " bytes, expected " + std::to_string(block_size));
    if (fcntl(file.get(), F_GET_SEALS) < 0)
        return wrong("expected memory (memfd)");
    return {};
}

/// Calls `each(page_address)` for every page a range touches.
template<class Each>
void for_each_page(u64 address, u64 length, Each each)
{
    if (length == 0)
        return;
    for (u64 page = address & page_mask; page < address + length; page += page_size)
        each(page);
}

} // namespace

Result<AbsoluteStorage::Maps> AbsoluteStorage::reserve_maps(u64 size)
{
    auto keys = TRY(HostRange::reserve(size / page_size, "storage keys"));
    auto flags = TRY(HostRange::reserve(size / page_size, "page flags"));
    auto code = TRY(HostRange::reserve(CodeMap::size(size), "the map of code"));
    return Maps { std::move(keys), std::move(flags), std::move(code) };
}

Result<std::unique_ptr<AbsoluteStorage>> AbsoluteStorage::create(u64 size)
{
    if (size == 0 || size % megabyte != 0)
        return fail("storage size must be a positive multiple of 1M, not " + std::to_string(size) + " bytes");
    auto range = TRY(HostRange::reserve(size, "guest storage"));
    madvise(range.start(), size, MADV_HUGEPAGE);
    constexpr unsigned one_block = 63;
    std::unique_ptr<AbsoluteStorage> storage(new AbsoluteStorage(std::move(range), TRY(reserve_maps(size)), one_block));
    set_bit(storage->m_present, 0);
    return storage;
}

Result<std::unique_ptr<AbsoluteStorage>> AbsoluteStorage::create_zone(u64 maximum, u64 block_size)
{
    if (!std::has_single_bit(block_size) || block_size < megabyte || block_size > 256 * megabyte)
        return fail("storage comes in blocks of 1M to 256M, a power of 2, not of " + std::to_string(block_size) + " bytes");
    if (maximum == 0 || maximum % block_size != 0)
        return fail("the largest storage must be a positive multiple of the block size, " + std::to_string(block_size / megabyte)
            + "M, not " + std::to_string(maximum) + " bytes");
    auto range = TRY(HostRange::reserve(maximum, "guest storage"));
    auto shift = static_cast<unsigned>(std::countr_zero(block_size));
    std::unique_ptr<AbsoluteStorage> storage(new AbsoluteStorage(std::move(range), TRY(reserve_maps(maximum)), shift));
    if (block_size >= host_huge_page && maximum >= least_zone_of_huge_pages)
        storage->m_prepared = Bits(words_of(maximum / host_huge_page));
    return storage;
}

AbsoluteStorage::AbsoluteStorage(HostRange range, Maps maps, unsigned block_shift)
    : m_range(std::move(range))
    , m_key_bytes(std::move(maps.keys))
    , m_flag_bytes(std::move(maps.flags))
    , m_host(m_range.start())
    , m_size(m_range.size())
    , m_block_shift(block_shift)
    // SAFETY: fresh memory is zero, which is what these atomics begin with.
    , m_keys(reinterpret_cast<std::atomic<u8>*>(m_key_bytes.start()))
    , m_flags(reinterpret_cast<std::atomic<u8>*>(m_flag_bytes.start()))
    , m_code(std::move(maps.code))
    , m_present(words_of((m_size >> block_shift) + 1))
{
    static_assert(sizeof(*m_keys) == 1);
}

// ---- Blocks ----------------------------------------------------------------------------------------------------

Result<void> AbsoluteStorage::attach_block(u64 index, const UniqueFd& file)
{
    VERIFY(is_zone() && index < m_size / block_size() && !has_block(index));
    TRY_VOID(check_block(index, file, block_size()));
    u8* where = m_host + index * block_size();
    if (mmap(where, block_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, file.get(), 0) == MAP_FAILED) {
        int error = errno;
        map_nothing(index);
        return fail("storage block " + std::to_string(index) + ": cannot be mapped: " + std::strerror(error));
    }
    if (!m_prepared.empty())
        madvise(where, block_size(), MADV_HUGEPAGE);
    reset_block(index);
    set_bit(m_present, index);
    return {};
}

void AbsoluteStorage::withdraw_block(u64 index)
{
    VERIFY(is_zone() && index < m_size / block_size());
    reset_bit(m_present, index);
}

void AbsoluteStorage::detach_block(u64 index)
{
    withdraw_block(index);
    map_nothing(index);
    reset_block(index);
}

/// Puts memory under a hole that is nobody's, for old views.
void AbsoluteStorage::map_nothing(u64 index)
{
    void* nothing = mmap(m_host + index * block_size(), block_size(), PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    // Fails only when the host has no memory left for itself.
    VERIFY(nothing != MAP_FAILED);
}

/// What is known of the pages of a block that comes or goes.
void AbsoluteStorage::reset_block(u64 index)
{
    reset_pages(index * block_size(), block_size());
    for (u64 page = 0; page < block_size(); page += page_size)
        reset_flag(index * block_size() + page, PageFlag::cached);
}

/// Without a store where there is nothing to reset: pages of the host that are only read need no memory.
void AbsoluteStorage::reset_flag(u64 page, u8 flag)
{
    if (page_flags(page).load() & flag)
        page_flags(page).fetch_and(static_cast<u8>(~flag));
}

/// Keys to zero, code made from the pages gone, huge pages to be asked for anew.
void AbsoluteStorage::reset_pages(u64 address, u64 length)
{
    for (u64 page = address; page < address + length; page += page_size) {
        if (key(page).value != 0)
            set_key(page, {});
        notice_code(page, page_size);
        reset_flag(page, PageFlag::updated);
    }
    if (!m_prepared.empty())
        for (u64 at = address; at < address + length; at += host_huge_page)
            reset_bit(m_prepared, at / host_huge_page);
}

/// Memory of a memfd comes in small pages on many hosts, unless one asks for the other. Where the host will not, nothing is lost.
void AbsoluteStorage::collapse(u64 huge_page)
{
    if (!set_bit(m_prepared, huge_page))
        return;
    u8* first = m_host + huge_page * host_huge_page;
    // A range without any page is refused.
    (void)*const_cast<const volatile u8*>(first);
    (void)madvise(first, host_huge_page, advise_collapse);
}

// ---- Code ------------------------------------------------------------------------------------------------------

void AbsoluteStorage::forget_unused_code()
{
    m_code.forget_unused([this](u64 stretch) {
        for (u64 page = stretch; page < std::min(stretch + CodeMap::stretch, m_size); page += page_size)
            if (page_flags(page).load() & PageFlag::code)
                return true;
        return false;
    });
}

bool AbsoluteStorage::read(u64 address, std::span<std::byte> to) const
{
    if (!contains(address, to.size()))
        return false;
    if (to.empty())
        return true;
    std::memcpy(to.data(), m_host + address, to.size());
    fetched(address, to.size());
    return true;
}

bool AbsoluteStorage::write(u64 address, std::span<const std::byte> from)
{
    if (!contains(address, from.size()))
        return false;
    if (from.empty())
        return true;
    std::memcpy(m_host + address, from.data(), from.size());
    stored(address, from.size());
    return true;
}

std::span<std::byte> AbsoluteStorage::view(u64 address, u64 length) const
{
    if (!contains(address, length))
        return {};
    return { reinterpret_cast<std::byte*>(m_host + address), length };
}

void AbsoluteStorage::stored(u64 address, u64 length)
{
    for_each_page(address, length, [&](u64 page) { mark(page, StorageKey::reference | StorageKey::change); });
    notice_code(address, length);
}

void AbsoluteStorage::fetched(u64 address, u64 length) const
{
    for_each_page(address, length, [&](u64 page) { mark(page, StorageKey::reference); });
}

StorageKey AbsoluteStorage::mark(u64 address, u8 reference_or_change) const
{
    auto& key = m_keys[address / page_size];
    u8 old = key.load(std::memory_order_relaxed);
    if ((old & reference_or_change) != reference_or_change)
        old = key.fetch_or(reference_or_change);
    return { old };
}

StorageKey AbsoluteStorage::unmark(u64 address, u8 reference_or_change)
{
    return { m_keys[address / page_size].fetch_and(static_cast<u8>(~reference_or_change)) };
}

void AbsoluteStorage::notice_code(u64 address, u64 length)
{
    bool code = false;
    for_each_page(address, length, [&](u64 page) { code |= (page_flags(page).load() & PageFlag::code) != 0; });
    if (code && m_code_listener && holds_code(address, length))
        m_code_listener(address, length);
}

void AbsoluteStorage::expect_updates(u64 address, u64 length)
{
    for_each_page(address, length, [&](u64 page) {
        bool known = page_flags(page).fetch_or(PageFlag::updated) & PageFlag::updated;
        if (!known && m_page_listener)
            m_page_listener(page);
    });
}

void AbsoluteStorage::clear()
{
    u64 part = std::min(block_size(), m_size);
    for (u64 at = 0; at < m_size; at += part) {
        if (!contains(at))
            continue;
        reset_pages(at, part);
        discard(at, part);
    }
}

void AbsoluteStorage::discard(u64 address, u64 length)
{
    u64 step = std::min(block_size(), m_size);
    // A file's memory goes by a hole in the file, private memory by being dropped; either reads as zeros afterwards.
    int advice = is_zone() ? MADV_REMOVE : MADV_DONTNEED;
    for (u64 at = address, part = 0; at < address + length; at += part) {
        part = std::min(address + length, (at / step + 1) * step) - at;
        if (madvise(m_host + at, part, advice) != 0)
            std::memset(m_host + at, 0, part);
    }
}

} // namespace zvisor
