#include "storage/absolute_storage.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace zvisor {

namespace {

[[nodiscard]] void* reserve(u64 bytes)
{
    return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/// Bytes of the code map: a bit for each 16 bytes of storage.
[[nodiscard]] constexpr u64 code_map_size(u64 storage_size)
{
    return storage_size / 16 / 8;
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

Result<std::unique_ptr<AbsoluteStorage>> AbsoluteStorage::create(u64 size)
{
    constexpr u64 megabyte = 1 << 20;
    if (size == 0 || size % megabyte != 0)
        return fail("storage size must be a positive multiple of 1M, not " + std::to_string(size) + " bytes");
    void* host = reserve(size);
    void* code_map = reserve(code_map_size(size));
    if (host == MAP_FAILED || code_map == MAP_FAILED)
        return fail("cannot reserve " + std::to_string(size / megabyte) + "M of guest storage: " + std::strerror(errno));
    madvise(host, size, MADV_HUGEPAGE);
    return std::unique_ptr<AbsoluteStorage>(new AbsoluteStorage(static_cast<u8*>(host), size, static_cast<CodeWord*>(code_map)));
}

AbsoluteStorage::AbsoluteStorage(u8* host, u64 size, CodeWord* code_map)
    : m_host(host)
    , m_size(size)
    , m_code_map(code_map)
    , m_keys(std::make_unique<std::atomic<u8>[]>(size / page_size))
    , m_flags(std::make_unique<std::atomic<u8>[]>(size / page_size))
{
    static_assert(CodeWord::is_always_lock_free && sizeof(CodeWord) == 8 && code_map_size(1024) == 8);
}

AbsoluteStorage::~AbsoluteStorage()
{
    munmap(m_host, m_size);
    munmap(m_code_map, code_map_size(m_size));
}

/// Calls `each(word, mask)` for the words of the code map a range touches, until one gives true.
template<class Each>
bool AbsoluteStorage::any_code_word(u64 address, u64 length, Each each) const
{
    constexpr u64 word_bytes = code_block * 64;
    for (u64 at = address; at < address + length; at = (at / word_bytes + 1) * word_bytes) {
        u64 first = at % word_bytes / code_block;
        u64 last = (std::min(address + length, (at / word_bytes + 1) * word_bytes) - 1) % word_bytes / code_block;
        u64 mask = ~u64 { 0 } >> (63 - (last - first)) << first;
        if (each(m_code_map[at / word_bytes], mask))
            return true;
    }
    return false;
}

void AbsoluteStorage::mark_code(u64 address, u64 length)
{
    (void)any_code_word(address, length, [](CodeWord& word, u64 mask) {
        if ((word.load() & mask) != mask)
            word.fetch_or(mask);
        return false;
    });
}

bool AbsoluteStorage::holds_code(u64 address, u64 length) const
{
    return any_code_word(
        address, length, [](const CodeWord& word, u64 mask) { return (word.load(std::memory_order_relaxed) & mask) != 0; });
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

void AbsoluteStorage::clear()
{
    for (u64 page = 0; page < m_size; page += page_size) {
        set_key(page, {});
        notice_code(page, page_size);
    }
    // The host gives back zero pages for discarded private anonymous memory.
    madvise(m_host, m_size, MADV_DONTNEED);
}

} // namespace zvisor
