#include "storage/code_map.h"

#include "base/host_pages.h"

#include <algorithm>
#include <thread>

namespace zvisor {

CodeMap::CodeMap(HostRange words)
    : m_range(std::move(words))
    , m_stretches((m_range.size() * 8 * code_block / stretch + 63) / 64)
{
    // SAFETY: fresh memory is zero, which is what these atomics begin with.
    static_assert(Word::is_always_lock_free && sizeof(Word) == 8 && size(1024) == 8);
}

/// Calls `each(index, mask)` for the words of the map a range touches, until one gives true.
template<class Each>
bool CodeMap::any_word(u64 address, u64 length, Each each)
{
    for (u64 at = address; at < address + length; at = (at / word_bytes + 1) * word_bytes) {
        u64 first = at % word_bytes / code_block;
        u64 last = (std::min(address + length, (at / word_bytes + 1) * word_bytes) - 1) % word_bytes / code_block;
        if (each(at / word_bytes, ~u64 { 0 } >> (63 - (last - first)) << first))
            return true;
    }
    return false;
}

bool CodeMap::holds(u64 address, u64 length) const
{
    return any_word(address, length, [this](u64 index, u64 mask) { return (words()[index].load(std::memory_order_relaxed) & mask) != 0; });
}

void CodeMap::mark_once(u64 address, u64 length)
{
    (void)any_word(address, length, [this](u64 index, u64 mask) {
        if ((words()[index].load() & mask) == mask)
            return false;
        words()[index].fetch_or(mask);
        // Behind the word, so that a stretch without this bit has no marks.
        u64 in_stretch = index * word_bytes / stretch;
        m_stretches[in_stretch / 64].fetch_or(u64 { 1 } << in_stretch % 64);
        return false;
    });
}

/// Who forgets meanwhile may not have seen yet that the stretch is used; who begins later does.
void CodeMap::mark(u64 address, u64 length)
{
    for (;;) {
        u64 before = m_changes.load();
        mark_once(address, length);
        if (!(before & 1) && m_changes.load() == before)
            return;
        std::this_thread::yield();
    }
}

void CodeMap::forget(u64 index)
{
    m_stretches[index / 64].fetch_and(~(u64 { 1 } << index % 64));
    clear_host_pages(m_range.start() + index * host_page, host_page);
}

} // namespace zvisor
